"""What was learnt, ready to be shown: families with a place in two dimensions, lessons, and how the memory grew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsagent.memory_forms import when

if TYPE_CHECKING:
    from opsagent_memory import Memory, MemoryReader
    from opsagent_memory.learning.words import Family
    from opsagent_memory.overview import Told

_MOST = 500
"""So many of the largest families are told."""
_LESSONS = 20_000
"""So many of the newest lessons are drawn."""


def families(memory: Memory, scopes: Sequence[str]) -> list[dict[str, Any]]:
    """Return the families of these scopes, the largest first: odds of each remedy, and a place.

    `x`, `y`: 0..1, the first two principal components of their centres (PCA, weighted by lessons); alike is near.
    Raises opsagent_memory.MemoryFailure.
    """
    found = [(scope, family) for scope in scopes for family in memory.families(scope)]
    largest = sorted(found, key=lambda one: (-one[1].lessons, one[1].id))[:_MOST]
    places = flattened([family for _, family in largest])
    return [{**_form(scope, family), "x": x, "y": y} for (scope, family), (x, y) in zip(largest, places, strict=True)]


def with_examples(found: Sequence[Mapping[str, Any]], reader: MemoryReader) -> list[dict[str, Any]]:
    """Return the families, each with what its newest record says as `text`; its class where no record names it."""
    texts = reader.exemplars()
    return [{**one, "text": texts.get((one["scope"], one["id"])) or one["fault_class"] or "?"} for one in found]


def _form(scope: str, family: Family) -> dict[str, Any]:
    counts = sorted(family.remedies.items(), key=lambda item: -sum(item[1]))
    good = sum(one for _, (one, _) in counts)
    bad = sum(one for _, (_, one) in counts)
    return {
        "id": family.id,
        "scope": scope,
        "fault_class": family.fault_class,
        "lessons": family.lessons,
        "share": good / (good + bad) if good + bad > 0 else None,
        "remedies": [
            {"remedy": remedy, "good": round(worked, 4), "bad": round(failed, 4), "stale": remedy in family.stale}
            for remedy, (worked, failed) in counts
        ],
        "last_at": when(family.last_at),
    }


def flattened(found: Sequence[Family]) -> list[tuple[float, float]]:
    """Return the place of each family in two dimensions, 0..1 either way."""
    if not found:
        return []
    import numpy as np

    centres = np.stack([np.asarray(family.centre, dtype=np.float64) for family in found])
    weights = np.asarray([max(family.lessons, 1) for family in found], dtype=np.float64)[:, None]
    centred = centres - (centres * weights).sum(axis=0) / weights.sum()
    _, _, axes = np.linalg.svd(centred * np.sqrt(weights), full_matrices=False)
    placed = np.zeros((len(found), 2))
    for number, axis in enumerate(axes[:2]):
        along = centred @ (axis * np.sign(axis[np.abs(axis).argmax()] or 1.0))
        placed[:, number] = along
    low, high = placed.min(axis=0), placed.max(axis=0)
    span = high - low
    scaled = np.where(span > 1e-9, (placed - low) / np.where(span > 1e-9, span, 1.0), 0.5)
    return [(round(float(x), 4), round(float(y), 4)) for x, y in scaled]


def picture(reader: MemoryReader, stats: Mapping[str, Any], drawn: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the page shows (`opsagent.views.memory_html`): `stats` as `stats --json`, `drawn` as `families`."""
    lessons = reader.lessons()
    newly = _newly_stale(lessons)
    return {
        "at": datetime.now(UTC).isoformat(),
        "stats": stats,
        "families": list(drawn),
        "lessons": [
            {
                "at": one.at.isoformat(),
                "surprise": one.surprise,
                "remedy": one.remedy,
                "opened": one.opened,
                "stale": one.record_id in newly,
                "weights": dict(one.weights),
            }
            for one in lessons[-_LESSONS:]
        ],
        "growth": [
            {
                "at": one.at.isoformat(),
                **{kind: one.by_kind.get(kind, 0) for kind in ("episode", "fact", "procedure")},
                "archived": one.archived,
                "forgotten": one.forgotten,
            }
            for one in reader.growth()
        ],
    }


def _newly_stale(lessons: Sequence[Told]) -> frozenset[str]:
    """Return the lessons that made a remedy stale; those after it find it so."""
    stale: dict[tuple[str, str, str], bool] = {}
    found = set()
    for one in lessons:
        key = (one.scope, one.family, one.remedy)
        if one.stale and not stale.get(key):
            found.add(one.record_id)
        stale[key] = one.stale
    return frozenset(found)
