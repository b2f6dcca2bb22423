"""Log lines: the errors among them, each kind told once in a while with a count, so that a flood stays cheap."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsagent.model import EvidenceKind, SignalKind
from opsagent.senses.desk import Desk
from opsagent_tools.logs.journal import Journals, JournalTail
from opsagent_tools.logs.levels import ErrorLines
from opsagent_tools.logs.signature import signature
from opsagent_tools.logs.tail import FileTail
from opsagent_tools.redact import redact
from opsagent_tools.text import UntrustedText
from opsagent_tools.units import Unit, UnitId

_log = logging.getLogger(__name__)

_READ_PER_LOOK = 100
"""Error lines of one look that are read; of more than that only the number is told."""
_SIGNATURES_KEPT = 200
_TEXT_LIMIT = 500
_UNREADABLE_S = 5.0
_OTHER = "(other errors)"
_SLOWER = 1.5


@dataclass(slots=True)
class _Repeat:
    """One signature of one unit."""

    shown: str
    told_at: float
    pending: int = 0
    line: str = ""


@dataclass(slots=True)
class _Log:
    """One file, or one journal, of one unit."""

    unit: UnitId
    path: Path | str
    """A journal is named as in `Unit.journal`."""
    wait_s: float
    tail: FileTail | JournalTail | None = None
    errors: ErrorLines = field(default_factory=ErrorLines)
    due: float = 0.0
    complained: bool = False


class LogSense:
    """Follows the logs of all units."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._logs: dict[tuple[UnitId, Path | str], _Log] = {}
        self._journals = Journals()
        self._repeats: dict[UnitId, dict[str, _Repeat]] = {}
        self._changed = asyncio.Event()

    def sync(self, units: Sequence[Unit]) -> None:
        """Follow the logs of these units, and no others."""
        wanted = {}
        for unit in units:
            spec = self._desk.world.spec(unit.id)
            sources: list[Path | str] = [*(spec.logs if spec else ()), *unit.logs]
            sources += [unit.journal] if unit.journal else []
            for path in sources:
                wanted[unit.id, path] = unit.id
        for key in self._logs.keys() - wanted.keys():
            tail = self._logs.pop(key).tail
            if tail is not None:
                tail.close()
        for key in wanted.keys() - self._logs.keys():
            log = _Log(unit=key[0], path=key[1], wait_s=self._desk.settings.log_active_s)
            self._logs[key] = log
            self._look(log, time.monotonic())  # from now on, not from the first look
            self._changed.set()

    async def watch(self) -> None:
        """Look at each log when it is due, for ever."""
        while True:
            now = time.monotonic()
            for log in list(self._logs.values()):
                if log.due <= now:
                    self._look(log, now)
            self._flush(now)
            due = min((log.due for log in self._logs.values()), default=now + self._desk.settings.log_idle_s)
            self._changed.clear()
            try:
                async with asyncio.timeout(max(due - time.monotonic(), 0.01)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def look_now(self, unit: UnitId) -> None:
        """Read what the unit wrote until now (its last words), and look often for a while."""
        now = time.monotonic()
        for log in self._logs.values():
            if log.unit == unit:
                self._look(log, now)
                log.wait_s = self._desk.settings.log_active_s
                log.due = min(log.due, now + log.wait_s)
                self._changed.set()

    def close(self) -> None:
        """Let go of all files and journals."""
        for log in self._logs.values():
            if log.tail is not None:
                log.tail.close()
        self._logs.clear()
        self._journals.close()

    def _look(self, log: _Log, now: float) -> None:
        settings = self._desk.settings
        try:
            if log.tail is None:
                log.tail = self._open(log)
            lines = log.tail.look()
        except OSError as error:
            log.due = now + _UNREADABLE_S
            if not log.complained:
                log.complained = True
                _log.warning("cannot read the log %s of %s: %s", log.path, log.unit, error.strerror)
            return
        log.complained = False
        idle = min(log.wait_s * _SLOWER, settings.log_idle_s)
        log.wait_s = settings.log_active_s if lines else idle
        log.due = now + log.wait_s
        if lines:
            self._errors(log.unit, log.errors.pick(lines), now)

    def _open(self, log: _Log) -> FileTail | JournalTail:
        if isinstance(log.path, str):
            return self._journals.tail(log.path)
        return FileTail(log.path, uid=self._desk.world.owners.get(log.unit.supervisor))

    def _errors(self, unit: UnitId, lines: list[str], now: float) -> None:
        for line in lines[:_READ_PER_LOOK]:
            self._error(unit, signature(line), line, 1, now)
        if len(lines) > _READ_PER_LOOK:
            self._error(unit, signature(lines[-1]), lines[-1], len(lines) - _READ_PER_LOOK, now)

    def _error(self, unit: UnitId, kind: str, line: str, count: int, now: float) -> None:
        repeats = self._repeats.setdefault(unit, {})
        repeat = repeats.get(kind)
        if repeat is None and len(repeats) >= _SIGNATURES_KEPT:
            self._drop_old(repeats, now)
            if len(repeats) >= _SIGNATURES_KEPT:
                kind, repeat = _OTHER, repeats.get(_OTHER)
        if repeat is None:
            repeat = repeats[kind] = _Repeat(shown=redact(kind), told_at=float("-inf"))
        repeat.pending += count
        repeat.line = line
        if now - repeat.told_at >= self._desk.settings.log_repeat_s:
            self._tell(unit, repeat, now)

    def _drop_old(self, repeats: dict[str, _Repeat], now: float) -> None:
        old = now - 10 * self._desk.settings.log_repeat_s
        for kind in [kind for kind, repeat in repeats.items() if repeat.told_at < old and not repeat.pending]:
            del repeats[kind]

    def _flush(self, now: float) -> None:
        for unit, repeats in self._repeats.items():
            for repeat in repeats.values():
                if repeat.pending and now - repeat.told_at >= self._desk.settings.log_repeat_s:
                    self._tell(unit, repeat, now)

    def _tell(self, unit: UnitId, repeat: _Repeat, now: float) -> None:
        count, repeat.pending, repeat.told_at = repeat.pending, 0, now
        text = UntrustedText(redact(repeat.line[: 2 * _TEXT_LIMIT])).truncated(_TEXT_LIMIT)
        self._desk.tell(
            SignalKind.LOG_ERROR, unit, EvidenceKind.TEXT, text=text, data={"signature": repeat.shown, "count": count}
        )
