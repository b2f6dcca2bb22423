"""The series detector on NAB, beside the detectors whose scores NAB publishes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsagent_evals.metrics.corpus import WHERE, CorpusError, Series, halves, published
from opsagent_evals.metrics.scoring import PROFILES, STANDARD, Place, Profile, at_threshold, normalised, sweep
from opsagent_tools.metrics.series import SeriesDetector, SeriesSettings

OURS = "opsagent"
RCF = "randomCutForest"
BESIDE = (
    "ARTime",
    "numenta",
    "contextOSE",
    "htmjava",
    "knncad",
    "relativeEntropy",
    RCF,
    "windowedGaussian",
)
PUBLISHED = {"numenta": 70.10, "contextOSE": 69.90, RCF: 51.72, "windowedGaussian": 39.65}
"""Standard scores as published; the scoring must reproduce these, and those of the other profiles in the folder."""
_AGREES = 0.006
_EXACTLY = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One detector's scores, 0 (says nothing) to 100, by profile."""

    detector: str
    all: Mapping[str, float]
    """All series, the threshold chosen on all of them: as NAB publishes it."""
    development: Mapping[str, float]
    heldout: Mapping[str, float]
    """The held out half, at the threshold that is best on the development half."""
    heldout_best: Mapping[str, float]
    """The held out half, at the threshold that is best there: a bound, no result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """What the series detector told, and what it cost."""

    scores: Mapping[str, Sequence[float]]
    us_per_point: float
    found: Mapping[str, int] = field(default_factory=dict)
    """How many findings, by series."""


def detect(series: Sequence[Series], settings: SeriesSettings | None = None) -> Detections:
    """Put each series to a new detector, value by value. A value without a finding scores 0."""
    scores: dict[str, list[float]] = {}
    began = time.process_time()
    for one in series:
        add = SeriesDetector(settings).add
        findings = [add(at, value) for at, value in zip(one.times, one.values, strict=True)]
        scores[one.name] = [0.0 if finding is None else finding.score for finding in findings]
    spent = time.process_time() - began
    points = sum(len(one.values) for one in series)
    found = {name: sum(score > 0 for score in given) for name, given in scores.items()}
    return Detections(scores=scores, us_per_point=1e6 * spent / max(points, 1), found=found)


def row(detector: str, series: Sequence[Series], scores: Mapping[str, Sequence[float]]) -> Row:
    """Score a detector on all series and on both halves."""
    development, heldout = halves(series)
    judged = {name: judge(part, scores) for name, part in (("d", development), ("h", heldout))}
    everything = judged["d"] + judged["h"]
    windows = {name: sum(one.windows for one in part) for name, part in (("d", development), ("h", heldout))}
    total = windows["d"] + windows["h"]
    found: dict[str, dict[str, float]] = {"a": {}, "d": {}, "h": {}, "b": {}}
    for profile in PROFILES:
        chosen = sweep(judged["d"], profile)
        there = at_threshold(judged["h"], profile, chosen.threshold)
        best = sweep(judged["h"], profile).raw
        found["a"][profile.name] = normalised(sweep(everything, profile).raw, everything, total, profile)
        found["d"][profile.name] = normalised(chosen.raw, judged["d"], windows["d"], profile)
        found["h"][profile.name] = normalised(there, judged["h"], windows["h"], profile)
        found["b"][profile.name] = normalised(best, judged["h"], windows["h"], profile)
    return Row(detector=detector, all=found["a"], development=found["d"], heldout=found["h"], heldout_best=found["b"])


def judge(series: Sequence[Series], scores: Mapping[str, Sequence[float]]) -> list[tuple[float, Place]]:
    """Return all points that count, with their scores."""
    return [pair for one in series for pair in one.judged(scores[one.name])]


def wrongly_scored(folder: Path, series: Sequence[Series]) -> list[str]:
    """Return where this scoring does not give what NAB publishes, one line each; empty: it does.

    Each detector of `PUBLISHED` is scored anew from its published results at its published thresholds, on all profiles.

    Raises:
        CorpusError: the published results are not there.
    """
    try:
        thresholds = json.loads((folder / "config" / "thresholds.json").read_text(encoding="utf-8"))
        final = json.loads((folder / "results" / "final_results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorpusError(f"no published thresholds and scores in {folder} ({error}): get {WHERE}") from error
    wrong = []
    for detector, known in PUBLISHED.items():
        judged = judge(series, published(folder, detector, series))
        for profile in PROFILES:
            score = _rescored(judged, series, profile, float(thresholds[detector][profile.name]["threshold"]))
            expected = float(final[detector][profile.name])
            if abs(score - expected) > _EXACTLY:
                wrong.append(f"{detector}, {profile.name}: {score:.4f}, but {expected:.4f} is published")
            if profile is STANDARD and abs(score - known) > _AGREES:
                wrong.append(f"{detector}: {score:.2f}, but {known:.2f} is known")
    return wrong


def _rescored(
    judged: Sequence[tuple[float, Place]], series: Sequence[Series], profile: Profile, threshold: float
) -> float:
    raw = at_threshold(judged, profile, threshold)
    return normalised(raw, judged, sum(one.windows for one in series), profile)
