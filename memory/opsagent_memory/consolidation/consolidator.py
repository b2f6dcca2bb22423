"""A round over a memory, scope by scope, as far as the time goes; the next call goes on from there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa

from opsagent_memory import database, following, rows
from opsagent_memory.consolidation import contradictions, procedures, reading, repeats
from opsagent_memory.consolidation.reading import Past
from opsagent_memory.consolidation.words import Consolidated, PossibleContradiction
from opsagent_memory.options import SizePolicy
from opsagent_memory.records import Kind, Record

Group = tuple[str, str]
_ERASED_AT_ONCE = 2_000
_REPEATS = "it repeats what its family knows"
_OUTLIVED = "it was replaced, or no longer holds"


class Keeper(Protocol):
    """What consolidation does to a memory."""

    def add(self, record: Record) -> str: ...

    def archive(self, record_ids: Sequence[str], why: str) -> int: ...

    def end(self, record_id: str, at: datetime, why: str) -> None: ...

    def erase_archived(self, record_ids: Sequence[str]) -> int: ...


class Consolidator:
    """Looks through all scopes, beginning where the last pass stopped. What is in order already is left as it is."""

    def __init__(
        self,
        keeper: Keeper,
        engine: sa.Engine,
        *,
        policy: SizePolicy,
        key: Callable[[str], str],
        space: tuple[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`key` gives a text's key; `space` is the model's id and hash."""
        self._keeper = keeper
        self._engine = engine
        self._policy = policy
        self._key = key
        self._space = space
        self._clock = clock
        self._done = Consolidated()
        self._deadline = 0.0

    def run(self, now: datetime, budget_s: float, *, dry_run: bool = False) -> Consolidated:
        """Go on with the round over all scopes, or begin one; `complete` where its end was reached.

        However short the time, something is done: at least one group of one scope is looked at.
        """
        self._deadline = self._clock() + budget_s
        self._done = Consolidated(dry_run=dry_run)
        self._erase(now)
        with database.reading(self._engine) as connection:
            scopes, at = rows.scopes(connection), reading.Cursor() if dry_run else reading.cursor(connection)
            crowded = reading.counted(connection) > self._policy.max_records
        for looked, scope in enumerate(scope for scope in sorted(scopes) if at.leaves(scope)):
            if looked and self._is_late():
                return self._done
            at = self._put_in_order(scope, now, crowded, at.group if scope == at.scope else None)
            if at.group is not None:
                return self._done
        self._note(reading.Cursor())
        return self._done

    def _is_late(self) -> bool:
        late = self._clock() >= self._deadline
        if late:
            self._done = replace(self._done, complete=False)
        return late

    def _note(self, at: reading.Cursor) -> None:
        if not self._done.dry_run:
            with database.writing(self._engine) as connection:
                reading.set_cursor(connection, at)

    def _put_in_order(self, scope: str, now: datetime, crowded: bool, after: Group | None) -> reading.Cursor:
        with database.reading(self._engine) as connection:
            groups = repeats.grouped(reading.episodes(connection, scope))
            facts = reading.held(connection, scope, Kind.FACT, now)
            alike = self._alike(connection, facts)
            old = reading.outlived(connection, scope, now - timedelta(days=self._policy.keep_detail_days))
            proposals = self._proposals(connection, scope, list(groups.values()), now)
            going, last = self._resting(connection, groups, now, crowded, after)
        self._archive(scope, [one.id for one in going], _REPEATS)
        self._end(contradictions.ended(facts), scope)
        self._archive(scope, old, _OUTLIVED)
        for proposal in proposals:
            self._propose(proposal)
        possible = (*self._done.possible_contradictions, *alike)
        self._done = replace(self._done, possible_contradictions=possible)
        at = reading.Cursor(scope=scope, group=last)
        self._note(at)
        return at

    def _resting(
        self,
        connection: sa.Connection,
        groups: Mapping[Group, list[Past]],
        now: datetime,
        soon: bool,
        after: Group | None,
    ) -> tuple[list[Past], Group | None]:
        """Return what can rest, and the group that was looked at last where the time was over before all were."""
        found: list[Past] = []
        last: Group | None = None
        for key in sorted(key for key in groups if after is None or key > after):
            if last is not None and self._is_late():
                return found, last
            group = groups[key]
            if sum(not one.archived for one in group) > self._policy.repeats_kept:
                vectors = reading.vectors(connection, (one.candidate.text_key for one in group), self._space)
                found += repeats.resting(group, vectors, self._policy, now, soon=soon)
                last = key
        return found, None

    def _alike(self, connection: sa.Connection, facts: Sequence[Record]) -> list[PossibleContradiction]:
        keys = {fact.text: self._key(fact.text) for fact in facts}
        found = reading.vectors(connection, keys.values(), self._space)
        by_text = {text: found[key] for text, key in keys.items() if key in found}
        return list(contradictions.possible(facts, by_text))

    def _proposals(
        self, connection: sa.Connection, scope: str, groups: Sequence[list[Past]], now: datetime
    ) -> list[Record]:
        practices = [one for one in procedures.practices(groups) if one.proven or one.stale]
        known = reading.held(connection, scope, Kind.PROCEDURE, now)
        keys = {text: self._key(text) for text in (str(one.fields.get("looks_like", "")) for one in known)}
        exemplars = following.live(connection, [one.latest for one in practices if one.latest])
        found: list[Record] = []
        for practice in practices:
            exemplar = exemplars.get(practice.latest or "")
            if exemplar is None:
                continue
            proposal = procedures.proposal(practice, procedures.matching(practice, known, keys), exemplar, now)
            if proposal is not None:
                found.append(proposal)
        return found

    def _archive(self, scope: str, ids: Sequence[str], why: str) -> None:
        if not ids:
            return
        if not self._done.dry_run:
            self._keeper.archive(ids, why)
        self._tell(f"archived {_counted(len(ids), 'record')} of {scope}: {why}", archived=len(ids))

    def _end(self, endings: Sequence[contradictions.Ending], scope: str) -> None:
        for ending in endings:
            if not self._done.dry_run:
                self._keeper.end(ending.id, ending.at, ending.why)
            self._tell(f"ended {ending.id} of {scope}: {ending.why}", ended=1)

    def _propose(self, proposal: Record) -> None:
        if not self._done.dry_run:
            self._keeper.add(proposal)
        fields = proposal.fields
        counts = f"worked {fields['successes']} of {fields['successes'] + fields['failures']} times"
        if fields["stale"]:
            self._tell(f"marked {fields['remedy']} of {proposal.scope} as stale: it {counts}, not of late", stale=1)
        else:
            self._tell(f"proposed {fields['remedy']} of {proposal.scope} as a procedure: it {counts}", proposed=1)

    def _erase(self, now: datetime) -> None:
        """Erase what is archived for long, and the longest archived records of a memory that is too large.

        Where that is not enough, the oldest episodes are archived, whatever they say; their turn comes next time.
        """
        with database.reading(self._engine) as connection:
            before = now - timedelta(days=self._policy.keep_archived_days)
            ids = reading.archived(connection, before, _ERASED_AT_ONCE)
            over = max(0, reading.counted(connection) - len(ids) - self._policy.max_records)
            more = reading.archived(connection, None, len(ids) + over)[len(ids) :][:_ERASED_AT_ONCE] if over else []
            lacking = min(over - len(more), _ERASED_AT_ONCE)
            oldest = reading.oldest(connection, lacking) if lacking else []
        large = f"the memory holds more than {self._policy.max_records:,} records"
        self._erase_these(ids, f"archived for more than {self._policy.keep_archived_days} days")
        self._erase_these(more, large)
        if oldest:
            if not self._done.dry_run:
                self._keeper.archive(oldest, large)
            self._tell(f"archived {_counted(len(oldest), 'oldest episode')}: {large}", archived=len(oldest))
        elif lacking:
            self._tell(f"{lacking:,} records too many are facts and procedures, which only a person forgets")

    def _erase_these(self, ids: Sequence[str], why: str) -> None:
        if ids:
            if not self._done.dry_run:
                self._keeper.erase_archived(ids)
            self._tell(f"erased {_counted(len(ids), 'archived record')}: {why}", erased=len(ids))

    def _tell(self, line: str, **counts: int) -> None:
        totals: dict[str, Any] = {name: getattr(self._done, name) + count for name, count in counts.items()}
        self._done = replace(self._done, told=(*self._done.told, line), **totals)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
