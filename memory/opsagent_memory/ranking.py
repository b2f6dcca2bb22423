"""How what was found is weighed. Pure: values in, values out, no clock but the one passed in.

A remedy's score is a smoothed success rate over episodes like the one asked about, a Nadaraya-Watson kernel estimate
with a Beta-like prior:

    score = (PRIOR_WEIGHT · NEUTRAL + Σ wᵢ · [worked]) / (PRIOR_WEIGHT + Σ wᵢ),   wᵢ = kernel · recency · trust · blame

so that a remedy that worked lies above `NEUTRAL`, one that failed below it, and one that nobody tried exactly there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from opsagent_memory.records import Kind, Outcome, RemedyRecord, Source

NEUTRAL = 0.5
"""Score of a remedy that was never tried."""
PRIOR_WEIGHT = 1.0
"""How many perfect episodes the prior is worth."""
SIMILARITY_FLOOR = 0.80
"""Episodes less similar than this say nothing: two causes of one service are often 0.6 to 0.75 alike.

Chosen on the development half of tests/unit/memory/incidents.py.
"""
CAUSE_WINDOW = 0.15
"""Where one episode is this much nearer than another, the other is taken for another cause and says nothing."""
HALF_LIFE_DAYS = 30.0
"""After so many days an episode weighs half."""
HARM = 3.0
"""A remedy that did harm weighs like so many that did not help."""
SOURCE_CAP = 8.0
"""No source, however often it repeats itself, weighs more than this for one remedy."""
TRUST_FLOOR = 0.5
"""Episodes that are trusted less are read, but move no remedy."""
_PROVEN = frozenset({Outcome.WORKED, Outcome.FAILED, Outcome.HARMED})
_KEYWORDS_TOLD = 4
COUNTED_SOURCES = frozenset({Source.AGENT, Source.PERSON})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What ranking needs to know of a record."""

    seq: int
    kind: Kind
    text_key: str
    remedy: str | None
    outcome: Outcome | None
    source: Source
    trust: float
    created_at: datetime
    imported: bool = False
    """It came from another memory: read, never counted."""
    archived: bool = False
    """It is not recalled any more; it counts for those that say the same."""


def _counts(candidate: Candidate) -> bool:
    """Say whether this may speak for or against a remedy."""
    return candidate.source in COUNTED_SOURCES and candidate.trust >= TRUST_FLOOR and not candidate.imported


def kernel(similarity: float, floor: float = SIMILARITY_FLOOR) -> float:
    """Return how much an episode of this similarity counts, 0..1."""
    if similarity < floor:
        return 0.0
    nearness = (min(similarity, 1.0) - floor) / max(1.0 - floor, 1e-9)
    return float(nearness)


def recency(created_at: datetime, now: datetime, half_life_days: float = HALF_LIFE_DAYS) -> float:
    """Return how much age has taken, 1..0."""
    days = max((now - created_at).total_seconds(), 0.0) / 86_400
    return float(0.5 ** (days / half_life_days))


@dataclass(slots=True)
class _Tally:
    """What has been seen of one remedy."""

    good: dict[Source, float]
    bad: dict[Source, float]
    tries: int = 0
    successes: int = 0
    similarity: float = 0.0
    last_worked: datetime | None = None


def remedies(
    candidates: Iterable[Candidate],
    similarities: Mapping[str, float],
    now: datetime,
    floor: float = SIMILARITY_FLOOR,
) -> list[RemedyRecord]:
    """Rank the remedies that were tried in these episodes, best first."""
    tallies: dict[str, _Tally] = {}
    counted = [candidate for candidate in candidates if candidate.remedy is not None and _counts(candidate)]
    # Only what counts can make something else another cause: text that anybody may have written shuts nobody out.
    floor = max(floor, max((similarities[one.text_key] for one in counted), default=0.0) - CAUSE_WINDOW)
    for candidate in counted:
        similarity = similarities[candidate.text_key]
        weight = kernel(similarity, floor) * recency(candidate.created_at, now) * candidate.trust
        if candidate.remedy is not None and weight > 0.0:
            _count(tallies.setdefault(candidate.remedy, _Tally(good={}, bad={})), candidate, similarity, weight)
    ranked = [_remedy_record(remedy, tally) for remedy, tally in tallies.items() if tally.tries]
    return sorted(ranked, key=lambda record: (-record.score, -record.similarity, record.remedy))


def _count(tally: _Tally, candidate: Candidate, similarity: float, weight: float) -> None:
    source = candidate.source
    match candidate.outcome:
        case Outcome.WORKED:
            tally.good[source] = tally.good.get(source, 0.0) + weight
            tally.successes += 1
            tally.last_worked = max(tally.last_worked or candidate.created_at, candidate.created_at)
        case Outcome.FAILED:
            tally.bad[source] = tally.bad.get(source, 0.0) + weight
        case Outcome.HARMED:
            tally.bad[source] = tally.bad.get(source, 0.0) + HARM * weight
        case _:  # unproven, or over by itself: neither credit nor blame
            return
    tally.tries += 1
    tally.similarity = max(tally.similarity, similarity)


def _remedy_record(remedy: str, tally: _Tally) -> RemedyRecord:
    good = bad = 0.0
    for source in tally.good.keys() | tally.bad.keys():
        praise, blame = tally.good.get(source, 0.0), tally.bad.get(source, 0.0)
        shrink = min(1.0, SOURCE_CAP / (praise + blame))
        good += praise * shrink
        bad += blame * shrink
    score = (PRIOR_WEIGHT * NEUTRAL + good) / (PRIOR_WEIGHT + good + bad)
    return RemedyRecord(
        remedy=remedy,
        tries=tally.tries,
        successes=tally.successes,
        score=score,
        similarity=tally.similarity,
        last_worked=tally.last_worked,
        why=why(tally.similarity, tally.tries, tally.successes, tally.last_worked),
    )


def why(
    similarity: float, tries: int, successes: int, last_worked: datetime | None, keywords: Sequence[str] = ()
) -> str:
    """Return one line for a person that says why something came."""
    said = [f"similarity {similarity:.2f}"]
    if keywords:
        said.append(f"says {' '.join(keywords[:_KEYWORDS_TOLD])}")
    if tries:
        said.append(f"worked {successes} of {tries} {'time' if tries == 1 else 'times'}")
    if last_worked is not None:
        said.append(f"last {last_worked:%Y-%m-%d %H:%M} UTC")
    return ", ".join(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memorable:
    """A candidate for recall: the newest record of those that say the same of the same remedy."""

    seq: int
    kind: Kind
    text_key: str
    remedy: str | None
    similarity: float
    score: float
    tries: int
    successes: int
    last_worked: datetime | None
    rank_without_learning: int = 0


def memorable(
    candidates: Sequence[Candidate],
    similarities: Mapping[str, float],
    now: datetime,
    bonuses: Mapping[str, float] | None = None,
) -> list[Memorable]:
    """Merge what repeats and rank it, best first. `candidates` come newest first.

    `bonuses` is what the words of a text add to its similarity (see `keywords`).
    """
    groups: dict[tuple[Kind, str, str | None], list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault((candidate.kind, candidate.text_key, candidate.remedy), []).append(candidate)
    groups = {key: shown for key, group in groups.items() if (shown := _shown_first(group))}
    bonuses = bonuses or {}
    plain = sorted(groups.items(), key=lambda item: (-similarities[item[0][1]], -item[1][0].seq))
    found = [
        _memorable(group, similarities[key], bonuses.get(key, 0.0), now, place)
        for place, ((_, key, _), group) in enumerate(plain, start=1)
    ]
    return sorted(found, key=lambda item: (-item.score, -item.seq))


def _shown_first(group: Sequence[Candidate]) -> list[Candidate]:
    """Return a group with what can be recalled in front; empty where nothing of it can."""
    if all(one.archived for one in group):
        return []
    return sorted(group, key=lambda one: one.archived)


def _memorable(group: Sequence[Candidate], similarity: float, bonus: float, now: datetime, place: int) -> Memorable:
    proven = [one for one in group if one.outcome in _PROVEN and _counts(one)]
    worked = [one for one in proven if one.outcome is Outcome.WORKED]
    rate = (len(worked) + NEUTRAL) / (len(proven) + 1)
    # Likeness leads; outcome, age and trust move it by a tenth or two, so that they order what is nearly as like.
    factors = (
        0.9 + 0.2 * rate,
        0.9 + 0.1 * recency(group[0].created_at, now, 3 * HALF_LIFE_DAYS),
        0.8 + 0.2 * max(one.trust for one in group),
    )
    return Memorable(
        seq=group[0].seq,
        kind=group[0].kind,
        text_key=group[0].text_key,
        remedy=group[0].remedy,
        similarity=similarity,
        score=(similarity + bonus) * math.prod(factors),
        tries=len(proven),
        successes=len(worked),
        last_worked=max((one.created_at for one in worked), default=None),
        rank_without_learning=place,
    )
