"""Which episodes only repeat what others say, and can rest. Pure.

The learners go on counting what is archived: it is taught again whenever a scope is learnt anew. What archiving takes
away is the single episode in the kernel's vote, so that is what is checked: the vote is taken with and without, in the
words of the episodes themselves, and what would move it by more than `TOLERANCE` stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from opsagent_memory import ranking
from opsagent_memory.consolidation.reading import Past
from opsagent_memory.consolidation.words import LOW_SURPRISE, TOLERANCE
from opsagent_memory.options import SizePolicy

_ASKED = 6
"""So many texts of those that stay, and of those that go, are asked about."""


def grouped(episodes: Iterable[Past]) -> dict[tuple[str, str], list[Past]]:
    """Return the episodes by what they repeat, oldest first."""
    groups: dict[tuple[str, str], list[Past]] = {}
    for episode in episodes:
        groups.setdefault(episode.group, []).append(episode)
    return groups


def resting(
    group: Sequence[Past], vectors: Mapping[str, bytes], policy: SizePolicy, now: datetime, *, soon: bool = False
) -> list[Past]:
    """Return those of a group that can be archived; `soon`: whatever their age, because the memory is too large."""
    before = now if soon else now - timedelta(days=policy.keep_detail_days)
    kept: dict[str | None, int] = {}
    going: list[Past] = []
    for episode in reversed(group):
        remedy = episode.candidate.remedy
        kept[remedy] = kept.get(remedy, 0) + (not episode.archived)
        surprising = episode.surprise is not None and abs(episode.surprise) > LOW_SURPRISE
        old = episode.candidate.created_at < before
        if not episode.archived and kept[remedy] > policy.repeats_kept and old and not surprising:
            going.append(episode)
    going.reverse()
    if _same_vote(group, going, vectors, now):
        return going
    fits, too_many = 0, len(going)  # the oldest say least: as many of them as leave the vote as it is
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if _same_vote(group, going[:middle], vectors, now):
            fits = middle
        else:
            too_many = middle
    return going[:fits]


def _same_vote(group: Sequence[Past], going: Sequence[Past], vectors: Mapping[str, bytes], now: datetime) -> bool:
    """Say whether the kernel's vote stays as it is, in the words of these episodes."""
    gone = {episode.id for episode in going}
    stays = {one.candidate.text_key for one in group if not one.archived and one.id not in gone}
    # A text that another live episode says too is still found, and all that was ever said in it still counts.
    if {one.candidate.text_key for one in going} <= stays:
        return True
    live = {one.candidate.text_key for one in group if not one.archived}
    if not live <= vectors.keys():
        return False
    # What rests already is part of the vote before, so that many small steps do not add up to a large one.
    before = {one.candidate.text_key for one in group} & vectors.keys()
    keys = sorted(before)
    table = np.stack([np.frombuffer(vectors[key], dtype="<f4") for key in keys])
    place = {key: at for at, key in enumerate(keys)}
    for key in (*_newest(group, stays), *_newest(going, before - stays)):
        cosines = table @ table[place[key]]
        similarities = {one: min(1.0, float(cosines[place[one]])) for one in keys}
        if not _close(_vote(group, before, similarities, now), _vote(group, stays, similarities, now)):
            return False
    return True


def _newest(episodes: Sequence[Past], keys: set[str]) -> list[str]:
    said = (one.candidate.text_key for one in reversed(episodes))
    return list(dict.fromkeys(key for key in said if key in keys))[:_ASKED]


def _vote(group: Sequence[Past], found: set[str], similarities: Mapping[str, float], now: datetime) -> dict[str, float]:
    candidates = [one.candidate for one in group if one.candidate.text_key in found]
    return {record.remedy: record.score for record in ranking.remedies(candidates, similarities, now)}


def _close(before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """Say whether no score moved by more than the tolerance, and none was lost."""
    return all(abs(after.get(remedy, 2.0) - score) <= TOLERANCE for remedy, score in before.items())
