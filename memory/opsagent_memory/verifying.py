"""Comparing the records with the log: what was changed from outside, in one pass over both.

What it finds: a record or an event that was edited, added, taken away or moved by anything but memory itself; a log
whose end was cut off; something that was erased but not forgotten, or forgotten and not erased. What it cannot find:
whoever can write the database can also compute the whole chain anew, for there is no secret in it. Only a head that
was noted elsewhere tells that (`noted`). Of a forgotten record it knows that nothing of it is back, and not whether its
scope, source and times are still the ones that it had: what tells is erased with it. Vectors, indexes and what learners
keep are not looked at; they are no truth, and `reindex` builds the indexes anew.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import blake2b
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from opsagent_memory import chain
from opsagent_memory.chain import Event
from opsagent_memory.errors import MemoryStoreError
from opsagent_memory.log import content_of
from opsagent_memory.records import Verification
from opsagent_memory.schema import UtcDateTime, log, meta, records

_TOLD = 50
"""So many problems are told one by one."""
_ROWS_AT_ONCE = 2_000
_SAID = {Event.END: "end", Event.ARCHIVE: "archiving", Event.LEARN: "lesson"}


def _as_stored(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Read a column as it is stored: what somebody wrote into it from outside may be no time and no JSON."""
    odd = isinstance(column.type, UtcDateTime | sa.JSON)
    return sa.type_coerce(column, sa.types.NullType()).label(column.name) if odd else column


_EVENTS = (
    sa.select(
        log.c.seq.label("log_seq"),
        log.c.event,
        log.c.record_id,
        *(_as_stored(column) for column in (log.c.at, log.c.payload, log.c.salt, log.c.commitment, log.c.hash)),
        *(_as_stored(column) for column in records.c),
    )
    .select_from(log.outerjoin(records, records.c.id == log.c.record_id))
    .order_by(log.c.seq)
)
_TIMES = [column.name for column in (log.c.at, *records.c) if isinstance(column.type, UtcDateTime)]
_DOCUMENTS = [column.name for column in (log.c.payload, records.c.fields)]


def _readable(raw: sa.RowMapping) -> SimpleNamespace:
    """Return a row with its times and documents. Raises ValueError, TypeError."""
    row = dict(raw)
    for name in _TIMES:
        if isinstance(row[name], str):
            row[name] = datetime.fromisoformat(row[name]).replace(tzinfo=UTC)
    for name in _DOCUMENTS:
        if isinstance(row[name], str):
            row[name] = json.loads(row[name])
    return SimpleNamespace(**row)


def verify(connection: sa.Connection, noted: str | None = None) -> Verification:
    """Compare all records with the log, as both are in the connection's transaction.

    `noted`: a head that an earlier verification gave; it must still be part of the log.

    Raises:
        ValueError: `noted` is not a head.
    """
    told = {row.key: row.value for row in connection.execute(sa.select(meta.c.key, meta.c.value))}
    if "salt" not in told:
        raise MemoryStoreError("the memory has lost its salt; restore a backup")
    try:
        salt = bytes.fromhex(told["salt"])
    except ValueError as error:
        raise MemoryStoreError("the memory's salt was changed from outside; restore a backup") from error
    walk = _Walk(salt, chain.head_of(noted) if noted else None)
    for raw in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(_EVENTS).mappings():
        walk.step_over(raw)
    walk.arrive(told.get("head", ""))
    rows, live = connection.execute(
        sa.select(sa.func.count(), sa.func.count().filter(records.c.forgotten_at.is_(None)))
    ).one()
    if rows != walk.found:
        _strangers(connection, walk)
    return Verification(
        records=live, events=walk.events, head=chain.head_text(walk.seq, walk.head), problems=walk.problems()
    )


def _strangers(connection: sa.Connection, walk: _Walk) -> None:
    """Name the records that the log knows nothing of."""
    told = sa.exists().where(log.c.record_id == records.c.id, log.c.event == Event.ADD.value)
    for (record_id,) in connection.execute(sa.select(records.c.id).where(~told).order_by(records.c.seq)):
        walk.problem(f"record {record_id} was put there from outside: the log does not know it")


class _Walk:
    """One walk along the log."""

    def __init__(self, salt: bytes, noted: tuple[int, bytes] | None) -> None:
        self.events = 0
        self.found = 0
        self.seq = 0
        self.head = chain.START
        self._salt = salt
        self._noted = noted
        self._newest_record = -1
        self._erased: set[str] = set()
        self._untold: dict[tuple[str, Event], None] = {}
        self._problems: list[str] = []
        self._more = 0

    def problem(self, sentence: str) -> None:
        """Note a problem."""
        if len(self._problems) < _TOLD:
            self._problems.append(sentence)
        else:
            self._more += 1

    def problems(self) -> tuple[str, ...]:
        """Return what was noted, the rest as a number."""
        more = (f"{self._more} more problems of this kind",) if self._more else ()
        return (*self._problems, *more)

    def step_over(self, raw: sa.RowMapping) -> None:
        """Look at one event, with the row of its record as it is today, whatever stands there."""
        self.events += 1
        try:
            self._step(_readable(raw))
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            seq, record_id = raw["log_seq"], raw["record_id"]
            self.problem(f"event {seq} of the log, or record {record_id}: what stands there cannot be read")
            self.seq, self.head = seq, _hash(raw["hash"])

    def _step(self, row: Any) -> None:
        self._follow(row)
        if row.event == Event.ADD:
            self._added(row)
        elif row.event == Event.FORGET:
            self._forgotten(row)
        else:
            self._told(row)

    def arrive(self, head: str) -> None:
        """Look at what must hold at the end; `head` is the newest event as memory noted it."""
        try:
            seq, hashed = chain.head_of(head)
        except ValueError:
            self.problem("the head of the log is lost: whether events at its end are missing cannot be told")
        else:
            if seq > self.seq:
                self.problem(f"the log ends at event {self.seq}, but {seq} were written: its end was cut off")
            elif (seq, hashed) != (self.seq, self.head):
                self.problem("the log does not end as memory left it: events were added or changed from outside")
        if self._noted is not None and self._noted[0] > self.seq:
            self.problem(
                f"the log ends at event {self.seq}, but event {self._noted[0]} was noted: it was cut or replaced"
            )
        for record_id in sorted(self._erased):
            self.problem(f"record {record_id} was erased from outside: the log does not say that it was forgotten")
        for record_id, event in self._untold:
            self.problem(f"record {record_id}: its {_SAID[event]} was changed from outside, the log tells another")

    def _follow(self, row: Any) -> None:
        """Check that the event is the next one, tied to the one before."""
        if row.log_seq != self.seq + 1:
            gone = (
                f"event {self.seq + 1}"
                if row.log_seq == self.seq + 2
                else f"events {self.seq + 1} to {row.log_seq - 1}"
            )
            self.problem(f"{gone} of the log: taken away")
        elif row.hash != chain.link(
            self.head, row.log_seq, row.event, row.record_id, at=row.at, committed=row.commitment
        ):
            self.problem(
                f"event {row.log_seq} of the log ({row.event} {row.record_id}) was changed, moved or put there"
            )
        self.seq, self.head = row.log_seq, _hash(row.hash)
        if self._noted is not None and self._noted[0] == row.log_seq and self._noted[1] != row.hash:
            self.problem(f"event {row.log_seq} is not the one that was noted: the log was rewritten")

    def _added(self, row: Any) -> None:
        if row.id is None:
            self.problem(f"record {row.record_id} was taken away: the log knows it")
            return
        self.found += 1
        if row.seq <= self._newest_record:
            self.problem(f"record {row.id} was moved: it is not where it came in the order of records")
        self._newest_record = max(row.seq, self._newest_record)
        if row.payload is not None:
            self.problem(f"event {row.log_seq} of the log (add {row.id}): it tells what memory never wrote there")
        if row.salt is None:
            self._erased.add(row.id)
            return
        if chain.commitment(row.salt, content_of(row, row.imported_at)) != row.commitment:
            self.problem(f"record {row.id} was changed: it is not what was added {row.at:%Y-%m-%d %H:%M} UTC")
        elif not self._repeats_itself(row):
            self.problem(f"record {row.id}: a column for searching was changed, it differs from what the record says")
        if row.ended_at is not None:
            self._untold[row.id, Event.END] = None
        if row.archived_at is not None:
            self._untold[row.id, Event.ARCHIVE] = None
        if row.family is not None or row.surprise is not None:
            self._untold[row.id, Event.LEARN] = None
        if row.forgotten_at is not None:
            self.problem(f"record {row.id} is marked as forgotten, but the log does not say so")

    def _repeats_itself(self, row: Any) -> bool:
        """Say whether the columns that repeat what the record says repeat it."""
        fields = row.fields
        return bool(
            row.text_key == blake2b(row.text.encode(), key=self._salt, digest_size=16).hexdigest()
            and row.remedy == (str(fields["remedy"]) if fields.get("remedy") else None)
            and row.outcome == (str(fields["outcome"]) if fields.get("outcome") else None)
            and row.fault_class == (str(fields["class"]) if fields.get("class") else None)
        )

    def _told(self, row: Any) -> None:
        if row.salt is None:
            if row.payload is not None:
                self.problem(f"event {row.log_seq} of the log ({row.event} {row.record_id}): what was erased is back")
            self._erased.add(row.record_id)
            return
        if row.payload is None or chain.commitment(row.salt, row.payload) != row.commitment:
            self.problem(f"event {row.log_seq} of the log ({row.event} {row.record_id}): what it tells was changed")
            return
        try:
            key = row.record_id, Event(row.event)
        except ValueError:
            self.problem(f"event {row.log_seq} of the log is of an unknown kind: {row.event}")
            return
        if _as_told(row, key[1]):
            self._untold.pop(key, None)
        else:
            self._untold[key] = None

    def _forgotten(self, row: Any) -> None:
        if row.commitment != chain.NOTHING or row.payload is not None or row.salt is not None:
            self.problem(f"event {row.log_seq} of the log (forget {row.record_id}) was changed")
        if row.id is None:
            return  # told already
        left = [event for event in _SAID if (row.record_id, event) in self._untold]
        if _says_something(row) or left or row.record_id not in self._erased:
            self.problem(f"record {row.record_id} was forgotten, and something that it said is back")
        if row.forgotten_at is None:
            self.problem(f"record {row.record_id} was forgotten, but is not marked so")
        self._erased.discard(row.record_id)


def _says_something(row: Any) -> bool:
    """Say whether anything of what is erased stands in the row."""
    learnt = (row.remedy, row.outcome, row.fault_class, row.family, row.surprise)
    return bool(row.text or row.text_key or row.fields) or any(value is not None for value in learnt)


def _as_told(row: Any, event: Event) -> bool:
    """Say whether the record's row says what the event tells."""
    payload = row.payload
    if event is Event.END:
        return bool(_stamped(row.ended_at) == payload.get("ended_at"))
    if event is Event.ARCHIVE:
        return bool(_stamped(row.archived_at) == payload.get("archived_at"))
    return bool((row.family, row.surprise) == (payload.get("family"), payload.get("surprise")))


def _hash(stored: Any) -> bytes:
    return stored if isinstance(stored, bytes) else chain.START


def _stamped(time: datetime | None) -> str | None:
    return chain.stamp(time) if time is not None else None
