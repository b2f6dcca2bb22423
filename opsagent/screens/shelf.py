"""The procedures of a home: looked up in the memory by SQL alone, whoever owns it; how their runs ended is counted there."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent.screens import kept
from opsagent.screens.errors import NoProcedure, NotAccepted
from opsagent.screens.kept import Kept, from_record, newest

if TYPE_CHECKING:
    from opsagent_memory import MemoryReader, Record

_MOST = 2000
_MOST_RUNS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How the runs of a procedure ended, of all versions, as the memory has it."""

    worked: int = 0
    """Done, and its effect was seen outside the screen."""
    unverified: int = 0
    """Done; nobody can tell whether it had its effect."""
    failed: int = 0
    """Halted, or its effect did not come about."""
    last: datetime | None = None
    last_worked: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All versions of one procedure, oldest first."""

    name: str
    versions: tuple[Kept, ...]

    @property
    def accepted(self) -> Kept | None:
        """Return the version that is run; None: nobody accepted any."""
        return newest(self.versions, accepted=True)

    @property
    def proposed(self) -> Kept | None:
        """Return what waits to be accepted: the newest that is newer than what is run."""
        found, runs = newest(self.versions, accepted=False), self.accepted
        return found if found is not None and (runs is None or found.version > runs.version) else None

    @property
    def shown(self) -> Kept:
        """Return the version that is spoken of."""
        return self.accepted or self.versions[-1]


class Shelf:
    """Looks procedures up. Every method raises MemoryStoreError where the memory cannot be read."""

    def __init__(self, database: Path) -> None:
        """`database`: the home's (`Home.database`)."""
        self._database = database
        self.unreadable: tuple[str, ...] = ()
        """Names of procedures of which nothing can be read by this version of the agent, as of the last look."""

    def all(self) -> tuple[Row, ...]:
        """Return every procedure, by name."""
        from opsagent_memory import Kind, MemoryReader

        with MemoryReader(self._database) as reader:
            records = reader.containing("", kind=Kind.PROCEDURE, scope=self._scopes(reader), limit=_MOST)
        rows = rows_of(records)
        self.unreadable = tuple(sorted({kept.unreadable(one) for one in records} - {"", *(row.name for row in rows)}))
        return rows

    def row(self, name: str) -> Row:
        """Return the procedure of this name, however its letters are written. Raises NoProcedure, which offers what is near."""
        rows = {row.name: row for row in self.all()}
        found = rows.get(name) or next((row for one, row in rows.items() if one.lower() == name.lower()), None)
        if found is None and name in self.unreadable:
            raise NoProcedure(f"{name!r} was written down by another version of the agent: import or record it again")
        if found is None:
            raise NoProcedure(_none(name, rows))
        return found

    def to_run(self, name: str) -> Kept:
        """Return the version that is run. Raises NoProcedure, NotAccepted."""
        row = self.row(name)
        if row.accepted is None:
            raise NotAccepted(
                f"nobody has accepted {row.name!r} yet: look at it and accept it: opsagent gui approve {shlex.quote(row.name)}"
            )
        return row.accepted

    def tally(self, name: str) -> Tally:
        """Count how its runs ended."""
        from opsagent_memory import Kind, MemoryReader

        with MemoryReader(self._database) as reader:
            episodes = reader.containing("", kind=Kind.EPISODE, scope=kept.scope(name), limit=_MOST_RUNS)
        return tally_of(episodes, kept.remedy(name))

    def _scopes(self, reader: MemoryReader) -> tuple[str, ...]:
        found = tuple(scope for scope in reader.stats().by_scope if scope.startswith(kept.SCOPES))
        return found or (kept.SCOPES,)


def rows_of(records: Iterable[Record]) -> tuple[Row, ...]:
    """Return the procedures that records hold, by name. What ended or was set aside is none."""
    found: dict[str, list[Kept]] = {}
    for record in records:
        one = from_record(record) if record.archived_at is None else None
        if one is not None:
            found.setdefault(one.name, []).append(one)
    return tuple(
        Row(name=name, versions=tuple(sorted(versions, key=lambda one: (one.version, one.accepted))))
        for name, versions in sorted(found.items())
    )


def tally_of(episodes: Iterable[Record], remedy: str) -> Tally:
    """Count the outcomes of runs."""
    counts = {"worked": 0, "unproven": 0, "failed": 0, "harmed": 0}
    last = last_worked = None
    for one in episodes:
        if one.remedy != remedy or one.outcome is None or one.imported_at is not None:
            continue
        outcome = one.outcome.value
        counts[outcome] = counts.get(outcome, 0) + 1
        last = one.created_at if last is None else max(last, one.created_at)
        if outcome == "worked":
            last_worked = one.created_at if last_worked is None else max(last_worked, one.created_at)
    return Tally(
        worked=counts["worked"],
        unverified=counts["unproven"],
        failed=counts["failed"] + counts["harmed"],
        last=last,
        last_worked=last_worked,
    )


def _none(name: str, rows: Iterable[str]) -> str:
    known = list(rows)
    near = get_close_matches(name, known, n=1)
    mend = (
        f"did you mean {near[0]!r}?"
        if near
        else "`opsagent gui list` shows them"
        if known
        else "record one: opsagent gui record NAME"
    )
    return f"there is no procedure {name!r}: {mend}"
