"""Recollections as the timeline of an incident keeps them, and as they are read from it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opsagent.model import RemedyOdds

KIND = "recalled"
"""Of the events that tell what came to mind, one for each remedy."""
MOST = 5
_EXPERT = "expert."


def data_of(odds: RemedyOdds) -> dict[str, Any]:
    """Return what an event tells of one remedy beside its line of text: plain values only."""
    return {
        "remedy": odds.remedy,
        "score": round(odds.score, 4),
        "without_learning": round(odds.without_learning, 4),
        "similarity": round(odds.similarity, 4),
        "tries": odds.tries,
        "successes": odds.successes,
        "stale": odds.stale,
        "accepted": odds.accepted,
        "last_worked": odds.last_worked.isoformat() if odds.last_worked is not None else "",
        **{f"{_EXPERT}{name}": round(score, 4) for name, score in sorted(odds.by_expert.items())},
    }


def line_of(odds: RemedyOdds) -> str:
    """Return one line that says what came to mind and why."""
    marks = [mark for mark, on in (("accepted", odds.accepted), ("stale", odds.stale)) if on]
    return f"{odds.remedy}: {', '.join([*marks, odds.why] if odds.why else marks)}".removesuffix(": ")


def recollections(timeline: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what came to mind for an incident, from its timeline in the form of `incidents show --json`."""
    found: dict[str, dict[str, Any]] = {}
    for event in timeline:
        data = event["data"]
        if event["kind"] != KIND or "remedy" not in data:
            continue
        experts = {name.removeprefix(_EXPERT): score for name, score in data.items() if name.startswith(_EXPERT)}
        plain = {name: value for name, value in data.items() if not name.startswith(_EXPERT)}
        found[str(data["remedy"])] = {**plain, "by_expert": experts, "why": event["text"]}
    return list(found.values())
