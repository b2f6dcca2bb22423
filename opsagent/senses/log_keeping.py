"""When what is known of logs is kept, and where a log is gone on with: between the log sense and its files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from opsagent.senses.log_store import Batch, KeptUnit, LogStore
from opsagent.senses.log_stream import LogStream
from opsagent.senses.log_table import UnitLog
from opsagent_tools.logs.miner import Miner
from opsagent_tools.units import UnitId

_MINER_S = 60.0
_PARKED = 1000
"""Units that are gone and remembered; beyond it the one that went first is forgotten."""


class LogKeeper:
    """Keeps what changed, and everything now and then. Without a folder it keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._store = None if folder is None else LogStore(folder)
        self._kept: dict[str, KeptUnit] = {} if self._store is None else self._store.load()
        state = None if self._store is None else self._store.load_miner()
        self.miner = Miner() if state is None else Miner.load(state)
        self._miner_at = 0.0
        self._rows_since = 0
        self._under_way = False

    def log_of(self, unit: UnitId) -> UnitLog:
        """Return what is known of a unit; of one that is not known yet, nothing."""
        kept = self._kept.get(str(unit))
        log = UnitLog(str(unit), since=time.time() if kept is None else kept.since)
        if kept is not None:
            with suppress(ValueError, TypeError, OverflowError):  # somebody wrote into our file: those are learnt again
                log.restore(kept.rows.values())
        return log

    def position(self, stream: LogStream) -> Mapping[str, Any] | None:
        """Return how far a log was read in an earlier life; None where it is new."""
        kept = self._kept.get(str(stream.unit))
        return None if kept is None else kept.sources.pop(stream.name, None)

    def left(self, stream: LogStream) -> None:
        """A log is not followed any more: note how far it was read, should it come again."""
        kept = self._kept.setdefault(str(stream.unit), KeptUnit(since=stream.log.since))
        if stream.source is not None and (position := stream.source.position()):
            kept.sources[stream.name] = dict(position)

    def park(self, log: UnitLog) -> None:
        """A unit is gone: remember it for a while, should it come again."""
        kept = self._kept.setdefault(log.unit, KeptUnit(since=log.since))
        kept.seen, kept.rows = time.time(), {row.key: row.as_list() for row in log.rows.values()}
        while len(self._kept) > _PARKED:
            del self._kept[next(iter(self._kept))]

    async def keep(self, logs: Mapping[UnitId, UnitLog], streams: Iterable[LogStream], now: float) -> None:
        """Keep what changed since the last time; the disk is waited for in a thread."""
        if self._store is not None and (work := self._work(logs, streams, now)) is not None:
            self._under_way = True  # and stays so where we are cancelled: nobody knows then what was kept
            await asyncio.to_thread(self._store.keep, *work)
            self._under_way = False

    def keep_now(self, logs: Mapping[UnitId, UnitLog], streams: Iterable[LogStream]) -> None:
        """The same at once, with the miner's state: the process ends."""
        if self._store is not None:
            work = self._work(logs, streams, float("inf"))
            self._store.keep(*(work or ({}, None, None)), last=True)

    def _work(
        self, logs: Mapping[UnitId, UnitLog], streams: Iterable[LogStream], now: float
    ) -> tuple[Batch, Batch | None, dict[str, Any] | None] | None:
        assert self._store is not None
        everything = self._under_way or self._store.wants_all
        batch: Batch = {}
        for log in logs.values():
            changes = log.changes(everything=everything)
            self._rows_since += len(changes.get("rows", ()))
            if changes or everything:
                batch[log.unit] = {"since": log.since, **changes}
        for stream in streams:
            if (stream.moved or everything) and stream.source is not None:
                stream.moved = False
                unit = batch.setdefault(stream.log.unit, {"since": stream.log.since})
                unit.setdefault("sources", {})[stream.name] = stream.source.position()
        if everything:
            for name, kept in self._kept.items():
                whole = {"since": kept.since, "rows": list(kept.rows.values()), "sources": kept.sources}
                batch.setdefault(name, whole)
        miner = None
        if self._rows_since and now - self._miner_at >= _MINER_S:
            self._miner_at, self._rows_since = now, 0
            miner = self.miner.dump()
        if not batch and miner is None:
            return None
        return (batch, batch if everything else None, miner)
