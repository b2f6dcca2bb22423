"""From ranked candidates to recollections: near-doubles merged, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from opsagent_memory.documents.words import origin
from opsagent_memory.ranking import Memorable, why
from opsagent_memory.records import Recollection, Record, Source

NEAR_DOUBLE = 0.97
"""Texts with this cosine or more, about the same remedy, are one recollection."""


def distinct(ranked: Sequence[Memorable], vectors: Mapping[str, bytes], limit: int) -> list[Memorable]:
    """Return the best `limit` that differ; what says nearly the same adds to the counts of the one it resembles."""
    import numpy as np

    chosen: list[Memorable] = []
    for item in ranked:
        double = None
        vector = np.frombuffer(vectors[item.text_key], dtype="<f4") if item.text_key in vectors else None
        for index, other in enumerate(chosen):
            if (other.kind, other.remedy) != (item.kind, item.remedy):
                continue
            if vector is not None and other.text_key in vectors:
                cosine = float(vector @ np.frombuffer(vectors[other.text_key], dtype="<f4"))
                if cosine >= NEAR_DOUBLE:
                    double = index
                    break
        if double is not None:
            chosen[double] = _merged(chosen[double], item)
        elif len(chosen) < limit:
            chosen.append(item)
    return chosen


def recollection(item: Memorable, record: Record) -> Recollection:
    """Return the record with what memory knows about it."""
    said_by = ""
    if record.source is Source.LOGS:
        said_by = "reconstructed from logs, "
    elif record.source is Source.DOCUMENT:
        said_by = f"{origin(record.fields)}, "
    return Recollection(
        record=record,
        similarity=item.similarity,
        score=item.score,
        why=said_by + why(item.similarity, item.tries, item.successes, item.last_worked),
        tries=item.tries,
        successes=item.successes,
        last_worked=item.last_worked,
    )


def _merged(kept: Memorable, double: Memorable) -> Memorable:
    times = [time for time in (kept.last_worked, double.last_worked) if time is not None]
    return replace(
        kept,
        tries=kept.tries + double.tries,
        successes=kept.successes + double.successes,
        last_worked=max(times, default=None),
    )
