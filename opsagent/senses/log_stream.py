"""One source of one unit, read into events. When too much comes, a part is read and the rest is counted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from opsagent.senses.log_table import Allowance, UnitLog
from opsagent_tools.logs.event import LogEvent
from opsagent_tools.logs.levels import ErrorLines, may_have_errors
from opsagent_tools.logs.miner import Miner
from opsagent_tools.logs.pipeline import LogPipeline
from opsagent_tools.logs.reading import EventReader
from opsagent_tools.logs.sources import LogSource
from opsagent_tools.logs.stamps import StampKind
from opsagent_tools.logs.when import Moments
from opsagent_tools.units import UnitId

READ_PER_S = 20_000.0
"""Lines that all sources together may have read; more is sampled. At seven microseconds a line, a seventh of a core."""
READ_AT_ONCE = 10_000.0
_READ_PER_LOOK = 1000
"""Lines of one look that are read as they come."""
_READ_LEAST = 50
_SLICE = 250
"""Lines that are read at a time: some milliseconds, during which nothing else happens."""
_BLOCK = 500
_SEARCHED = 1000
"""Lines of one look beyond that which are searched one by one, in blocks that may have errors at all; where there are more,
they are taken to be like these."""
_ERRORS_READ = 50


class _Now(Moments):
    """Takes no stamp for anything: what is read as it is written was written now, and a seventh of the work is saved."""

    def at(self, kind: StampKind, text: str, fraction: str | None, zone: str | None) -> float | None:
        return None


class LogStream:
    """One file, journal or bus, of one unit."""

    def __init__(  # noqa: PLR0917
        self, unit: UnitId, name: str, place: Path | str, log: UnitLog, miner: Miner, wait_s: float
    ) -> None:
        self.unit = unit
        self.place = place
        """A file; else a journal (as in `Unit.journal`), or `bus`."""
        self.name = name
        """`place` as text: the same over restarts."""
        self.log = log
        self.source: LogSource | None = None
        self.wait_s = wait_s
        self.due = 0.0
        self.flush_at: float | None = None
        """When to give up waiting for more lines of a trace."""
        self.waiting: list[bytes] = []
        """Lines that were taken and not read yet."""
        self.live = True
        """False: what was read last was written before anybody looked."""
        self.busy = False
        """Lines came in the last look."""
        self.errors_seen = 0
        """Of this window, when it was looked at last."""
        self.moved = False
        """It was read further than was kept."""
        self.complained = False
        self.skipped = 0
        self._miner = miner
        self._reader = EventReader()
        self._pipeline = LogPipeline(miner, self._reader)
        self._stamps, self._now = self._reader.lines.moments, _Now()

    def take(self, lines: list[bytes], allowance: Allowance, now: float) -> list[bytes]:
        """Take lines to be read (`read`), as many as may be now; return those that are too many."""
        most = len(lines)
        if most > _READ_LEAST:
            most = max(_READ_LEAST, int(allowance.take(min(most, _READ_PER_LOOK), now)))
        self.waiting = lines[:most]
        return lines[most:]

    def read(self) -> list[LogEvent]:
        """Return the events of some of the lines that wait to be read."""
        arrived = None if self.live else time.time()  # what stamps of old lines are behind is no zone
        self._reader.lines.moments = self._now if self.live else self._stamps
        lines, self.waiting = self.waiting[:_SLICE], self.waiting[_SLICE:]
        return self._pipeline.take(lines, arrived)

    def flush(self) -> list[LogEvent]:
        """Return what was held back as the possible beginning of a trace."""
        self.flush_at = None
        return self._pipeline.flush()

    def errors(self, lines: list[bytes]) -> Iterator[tuple[LogEvent, int]]:
        """Return examples of the errors among lines that are not read, each with how many it stands for."""
        found, searched, left = self._search(lines)
        if not found:
            return
        total = round(len(found) * (1 + left / searched))
        step = -(-len(found) // _ERRORS_READ)
        examples = found[::step]
        for number, line in enumerate(examples):
            event = self._reader.lines.read(line.encode("utf-8", "surrogateescape"))
            if event.level not in {"error", "fatal"}:
                event.level = "error"
            event.signature = self._miner.add(event.message)
            yield event, total // len(examples) + (number < total % len(examples))

    @staticmethod
    def _search(lines: list[bytes]) -> tuple[list[str], int, int]:
        """Return the error lines, how many lines were searched for them, and how many more there were to be searched."""
        found: list[str] = []
        picker, searched, left = ErrorLines(), 0, 0
        for start in range(0, len(lines), _BLOCK):
            block = lines[start : start + _BLOCK]
            if not may_have_errors(b"\n".join(block)):
                continue
            if searched < _SEARCHED:
                found += picker.pick(block)
                searched += len(block)
            else:
                left += len(block)
        return found, searched, left
