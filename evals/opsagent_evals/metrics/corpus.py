"""NAB as it lies in a folder: series, windows, scores of published detectors; and its halves."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from opsagent_evals.metrics.scoring import Place, places, probation

WHERE = "numenta/NAB on GitHub (code and data under the MIT licence)"
SERIES = 58


class CorpusError(Exception):
    """The folder is not NAB; str() is one line that says what is missing and where to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One file."""

    name: str
    """As NAB names it: folder/file.csv."""
    times: Sequence[float]
    """Unix time; NAB's are naive and taken as UTC."""
    values: Sequence[float]
    places: Sequence[Place]
    windows: int

    @property
    def folder(self) -> str:
        return self.name.partition("/")[0]

    def judged(self, scores: Sequence[float]) -> Iterator[tuple[float, Place]]:
        """Return what counts: each score with its place, without the probation."""
        if len(scores) != len(self.values):
            raise CorpusError(f"{self.name} has {len(self.values)} points, but {len(scores)} scores")
        first = probation(len(scores))
        return zip(scores[first:], self.places[first:], strict=True)


def read(folder: Path) -> tuple[Series, ...]:
    """Return all series, sorted by name.

    Raises:
        CorpusError: the folder does not hold NAB, or not all of it.
    """
    labels = folder / "labels" / "combined_windows.json"
    try:
        windows: dict[str, list[tuple[str, str]]] = json.loads(labels.read_text(encoding="utf-8"))
        series = tuple(_series(folder, name, windows[name]) for name in sorted(windows))
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise CorpusError(f"{folder} does not hold NAB ({error}): get {WHERE}, and name its folder") from error
    if len(series) != SERIES:
        raise CorpusError(f"{folder} holds {len(series)} series and not NAB's {SERIES}: get {WHERE}")
    return series


def halves(series: Sequence[Series]) -> tuple[tuple[Series, ...], tuple[Series, ...]]:
    """Return the half for development and the one that is held out.

    In each folder the files in sorted order go to one and the other in turn, the first to development.
    """
    development: list[Series] = []
    heldout: list[Series] = []
    for _, group in groupby(series, key=lambda one: one.folder):
        for number, one in enumerate(group):
            (heldout if number % 2 else development).append(one)
    return tuple(development), tuple(heldout)


def published(folder: Path, detector: str, series: Sequence[Series]) -> dict[str, list[float]]:
    """Return the scores that a published detector gave, by series.

    Raises:
        CorpusError: they are not there.
    """
    found: dict[str, list[float]] = {}
    for one in series:
        place, _, file = one.name.partition("/")
        path = folder / "results" / detector / place / f"{detector}_{file}"
        try:
            with path.open(encoding="utf-8", newline="") as lines:
                found[one.name] = [float(row["anomaly_score"]) for row in csv.DictReader(lines)]
        except (OSError, ValueError, KeyError) as error:
            raise CorpusError(f"no results of {detector} ({error}): get {WHERE}") from error
    return found


def _series(folder: Path, name: str, windows: list[tuple[str, str]]) -> Series:
    with (folder / "data" / name).open(encoding="utf-8", newline="") as lines:
        rows = [(row["timestamp"], float(row["value"])) for row in csv.DictReader(lines)]
    stamps = [stamp for stamp, _ in rows]
    ends = [(left.partition(".")[0], right.partition(".")[0]) for left, right in windows]
    return Series(
        name=name,
        times=[datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp() for stamp in stamps],
        values=[value for _, value in rows],
        places=places(stamps, ends, name),
        windows=len(windows),
    )
