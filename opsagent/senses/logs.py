"""Log lines: read where they are written, folded into signatures, told as errors, as news and as a volume.

A flood stays cheap: it is sampled, and that is told. What is known survives a restart (`log_store.py`): lines that were
written meanwhile are read and counted, but they are no signals of now.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from opsagent.senses.desk import Desk
from opsagent.senses.log_keeping import LogKeeper
from opsagent.senses.log_stream import READ_AT_ONCE, READ_PER_S, LogStream
from opsagent.senses.log_table import Allowance, UnitLog, as_row
from opsagent.senses.log_telling import LogTeller
from opsagent_tools.logs.event import LogEvent
from opsagent_tools.logs.journal import Journals
from opsagent_tools.logs.sources import LogSource
from opsagent_tools.logs.tail import FileTail, TailLimits
from opsagent_tools.units import Unit, UnitId

_log = logging.getLogger(__name__)

BUS = "bus"
_UNREADABLE_S = 5.0
_SLOWER = 1.5
_TICK_S = 0.05
"""Looks that are due within this time are done together."""
_AT_A_TIME_S = 0.005
"""After so much work others get their turn."""
_LOOKS = 4
"""Looks at one log in a row, where there is much."""
_LIMITS = TailLimits(look_bytes=256 * 1024)
_FEW = 50

Output = Callable[[UnitId], LogSource | None]
"""What a unit's supervisor passes on of its output; None where it does not."""


class _Turn:
    """Work in the event loop that lets others in between."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def over(self) -> None:
        """Let others work, if it is their turn."""
        if time.monotonic() - self._since > _AT_A_TIME_S:
            await asyncio.sleep(0)
            self._since = time.monotonic()


class LogSense:
    """Follows the logs of all units."""

    def __init__(self, desk: Desk, folder: Path | None = None, output: Output = lambda _: None) -> None:
        """`folder`: where what is known is kept; None: nowhere."""
        self._desk = desk
        self._output = output
        self._keeper = LogKeeper(folder)
        self._miner = self._keeper.miner
        self._teller = LogTeller(desk)
        self._streams: dict[tuple[UnitId, str], LogStream] = {}
        self._by_unit: dict[UnitId, list[LogStream]] = {}
        self._logs: dict[UnitId, UnitLog] = {}
        self._journals = Journals()
        self._allowance = Allowance(READ_PER_S, READ_AT_ONCE)
        self._changed = asyncio.Event()
        self._told_at = self._kept_at = time.monotonic()

    def sync(self, units: Sequence[Unit]) -> None:
        """Follow the logs of these units, and no others."""
        wanted: dict[tuple[UnitId, str], Path | str] = {}
        for unit in units:
            spec = self._desk.world.spec(unit.id)
            sources: list[Path | str] = [*(spec.logs if spec else ()), *unit.logs]
            sources += [unit.journal] if unit.journal else []
            sources = sources or ([BUS] if self._speaks(unit) else [])
            wanted.update(((unit.id, str(source)), source) for source in sources)
        for key in [key for key in self._streams if key not in wanted and not self._fell_back(key, wanted)]:
            self._leave(self._streams.pop(key))
        for gone in self._logs.keys() - {unit for unit, _ in (*self._streams, *wanted)}:
            self._keeper.park(self._logs.pop(gone))
            self._teller.forget(gone)
        for (owner, name), source in wanted.items():
            if (owner, name) not in self._streams:
                self._follow(owner, name, source)

    async def watch(self) -> None:
        """Look at each log when it is due, for ever."""
        while True:
            now = time.monotonic()
            turn = _Turn()
            for stream in [stream for stream in self._streams.values() if stream.due <= now]:
                await self._attend(stream, turn)
            now = time.monotonic()
            self._teller.flush(now)
            self._tell_volumes(now)
            await self._keep(now)
            await self._pause(now)

    def look_now(self, unit: UnitId) -> None:
        """Read what the unit wrote until now (its last words), and look often for a while."""
        now = time.monotonic()
        for stream in self._by_unit.get(unit, ()):
            self._drain(stream, now)
            self._look(stream, now)
            self._drain(stream, now)
            if stream.flush_at is not None:
                self._flush(stream, now)
            stream.wait_s = self._desk.settings.log_active_s
            stream.due = min(stream.due, now + stream.wait_s)
            self._changed.set()

    def rows(self, unit: str | None = None) -> list[dict[str, Any]]:
        """Return the signatures of one unit (its id, or its name), or of all."""
        now = time.time()
        return [
            as_row(log, row, self._miner.template(row.key), now)
            for known, log in self._logs.items()
            if unit is None or unit in {str(known), known.name}
            for row in log.rows.values()
        ]

    def close(self) -> None:
        """Keep what is known, and let go of all files and journals."""
        now = time.monotonic()
        for stream in self._streams.values():
            self._drain(stream, now)
            self._flush(stream, now)
        self._keeper.keep_now(self._logs, self._streams.values())
        for stream in self._streams.values():
            if stream.source is not None:
                stream.source.close()
        self._streams.clear()
        self._by_unit.clear()
        self._journals.close()

    # Following

    def _speaks(self, unit: Unit) -> bool:
        source = self._output(unit.id)
        if source is not None:
            source.close()
        return source is not None

    @staticmethod
    def _fell_back(key: tuple[UnitId, str], wanted: Iterable[tuple[UnitId, str]]) -> bool:
        """Tell whether this is the bus of a unit whose files cannot be read; it stays while the unit does."""
        return key[1] == BUS and any(unit == key[0] for unit, _ in wanted)

    def _follow(self, unit: UnitId, name: str, source: Path | str) -> None:
        log = self._logs.get(unit)
        if log is None:
            log = self._logs[unit] = self._keeper.log_of(unit)
        stream = LogStream(unit, name, source, log, self._miner, self._desk.settings.log_active_s)
        self._streams[unit, name] = stream
        self._by_unit.setdefault(unit, []).append(stream)
        self._opened(stream, time.monotonic())  # from now on, not from the first look
        self._changed.set()

    def _leave(self, stream: LogStream) -> None:
        self._by_unit[stream.unit].remove(stream)
        self._drain(stream, time.monotonic())
        self._flush(stream, time.monotonic())
        self._keeper.left(stream)
        if stream.source is not None:
            stream.source.close()

    def _open(self, stream: LogStream) -> LogSource:
        kept = self._keeper.position(stream)
        owner = self._desk.world.owners.get(stream.unit.supervisor)
        if isinstance(stream.place, Path):
            source: LogSource = FileTail(stream.place, uid=owner, resume=kept, limits=_LIMITS)
        elif stream.place == BUS and (output := self._output(stream.unit)) is not None:
            source = output
        else:
            source = self._journals.tail(stream.place, kept)
        if source.missed:
            _log.warning("the log %s of %s: %s", stream.name, stream.unit, source.missed)
        stream.moved, stream.skipped = True, 0
        return source

    def _opened(self, stream: LogStream, now: float) -> LogSource | None:
        if stream.source is None:
            try:
                stream.source = self._open(stream)
            except OSError as error:
                self._cannot_read(stream, error, now)
        return stream.source

    async def _attend(self, stream: LogStream, turn: _Turn) -> None:
        """Read what came, a little at a time: others get their turn in between."""
        for _ in range(_LOOKS):
            if self._streams.get((stream.unit, stream.name)) is not stream:
                return  # it was left meanwhile
            much = self._look(stream, time.monotonic())
            await turn.over()
            while stream.waiting:
                self._count(stream, stream.read(), time.monotonic(), live=stream.live)
                await turn.over()
            if not much:
                return

    def _drain(self, stream: LogStream, now: float) -> None:
        while stream.waiting:
            self._count(stream, stream.read(), now, live=stream.live)

    def _look(self, stream: LogStream, now: float) -> bool:
        """Take what came; return whether it is much, and there may be more."""
        source, settings = self._opened(stream, now), self._desk.settings
        if source is None:
            return False
        try:
            lines = source.look()
        except OSError as error:
            self._cannot_read(stream, error, now)
            return False
        stream.complained = False
        if lines:
            self._take(stream, source, lines, now)
            calm = stream.busy and stream.log.errors == stream.errors_seen
            stream.wait_s, stream.busy = max(settings.log_active_s, calm * settings.log_busy_s), True
            stream.errors_seen = stream.log.errors
        else:
            if stream.flush_at is not None and now >= stream.flush_at:
                self._flush(stream, now)
            stream.wait_s, stream.busy = min(stream.wait_s * _SLOWER, settings.log_idle_s), False
        stream.due = (now // stream.wait_s + 1) * stream.wait_s  # those that wait alike are looked at together
        if stream.flush_at is not None:
            stream.due = min(stream.due, math.ceil(stream.flush_at / _TICK_S) * _TICK_S)
        return len(lines) > _FEW and sum(map(len, lines)) >= _LIMITS.look_bytes // 2

    def _cannot_read(self, stream: LogStream, error: OSError, now: float) -> None:
        stream.due = now + _UNREADABLE_S
        if stream.complained:
            return
        stream.complained = True
        _log.warning("cannot read the log %s of %s: %s", stream.name, stream.unit, error.strerror)
        beside = self._by_unit[stream.unit]
        if all(one.complained for one in beside) and self._output(stream.unit) is not None:
            self._follow(stream.unit, BUS, BUS)

    # Counting

    def _take(self, stream: LogStream, source: LogSource, lines: list[bytes], now: float) -> None:
        log, live = stream.log, not source.past
        if live and not stream.live:
            self._flush(stream, now)
        stream.live = live
        stream.moved, stream.flush_at = True, now + self._desk.settings.log_held_s
        beyond = stream.take(lines, self._allowance, now)
        if live:
            log.lines += len(lines)
            log.sampled += len(beyond)
            log.skipped += source.skipped - stream.skipped
        stream.skipped = source.skipped
        for event, times in stream.errors(beyond) if beyond else ():
            self._count(stream, [event], now, times, live=live)

    def _flush(self, stream: LogStream, now: float) -> None:
        self._count(stream, stream.flush(), now, live=stream.live)

    def _count(
        self, stream: LogStream, events: Iterable[LogEvent], now: float, times: int = 1, *, live: bool = True
    ) -> None:
        log, wall = stream.log, time.time()
        for event in events:
            at = wall if live or event.at is None else min(event.at, wall)
            row, is_new = log.count(event, at, times, live=live)
            if is_new and not log.merge(row.key, self._miner.aliases(row.key)):
                row.new = wall - log.since >= self._desk.settings.log_learn_s
                if row.new and live:
                    self._teller.new(stream.unit, row, now)
            if row.pending:
                self._teller.error(stream.unit, row, now)

    def _tell_volumes(self, now: float) -> None:
        seconds = now - self._told_at
        if seconds < self._desk.settings.log_volume_s:
            return
        self._told_at = now
        for unit, log in self._logs.items():
            if log.lines or log.errors or log.skipped:
                self._teller.volume(unit, log, seconds)
                log.next_window()

    async def _keep(self, now: float) -> None:
        if now - self._kept_at >= self._desk.settings.log_keep_s:
            self._kept_at = now
            await self._keeper.keep(self._logs, self._streams.values(), now)

    async def _pause(self, now: float) -> None:
        due = min((stream.due for stream in self._streams.values()), default=now + self._desk.settings.log_idle_s)
        self._changed.clear()
        try:
            async with asyncio.timeout(max(due - time.monotonic(), _TICK_S / 2)):
                await self._changed.wait()
        except TimeoutError:
            return
