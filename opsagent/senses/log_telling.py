"""What of the log lines becomes signals: errors (each kind once in a while, with a count), what is new, how much there was."""

from __future__ import annotations

from opsagent.model import EvidenceKind, Scalar, SignalKind
from opsagent.senses.desk import Desk
from opsagent.senses.log_table import Allowance, Row, UnitLog
from opsagent_tools.redact import redact
from opsagent_tools.text import UntrustedText
from opsagent_tools.units import UnitId

_TEXT_LIMIT = 500
_NEW_PER_S = 1 / 6
_NEW_AT_ONCE = 10


class LogTeller:
    """Tells of the lines of all units, and not more than anybody wants to hear."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pending: dict[int, tuple[UnitId, Row]] = {}
        self._news: dict[UnitId, Allowance] = {}

    def error(self, unit: UnitId, row: Row, now: float) -> None:
        """Tell of error lines (`row.pending` of them), now or with those that follow."""
        if now - row.told_at >= self._desk.settings.log_repeat_s:
            self._tell(unit, row, now)
        else:
            self._pending[id(row)] = unit, row

    def flush(self, now: float) -> None:
        """Tell of the errors that had to wait."""
        for unit, row in list(self._pending.values()):
            if now - row.told_at >= self._desk.settings.log_repeat_s:
                self._tell(unit, row, now)

    def new(self, unit: UnitId, row: Row, now: float) -> None:
        """Tell of a signature that the unit never logged before; not of each where there are many."""
        allowance = self._news.get(unit)
        if allowance is None:
            allowance = self._news[unit] = Allowance(_NEW_PER_S, _NEW_AT_ONCE)
        if allowance.has(now):
            data = {"signature": row.template, "key": row.key, "level": row.level}
            self._desk.tell(SignalKind.LOG_NEW, unit, EvidenceKind.TEXT, text=UntrustedText(row.sample), data=data)

    def volume(self, unit: UnitId, log: UnitLog, seconds: float) -> None:
        """Tell how much a unit logged."""
        data = {
            "seconds": round(seconds, 3),
            "lines": log.lines,
            "errors": log.errors,
            "signatures": log.signatures,
            "sampled": log.sampled,
            "skipped": log.skipped,
        }
        self._desk.tell(SignalKind.LOG_VOLUME, unit, EvidenceKind.TEXT, data=data)

    def forget(self, unit: UnitId) -> None:
        """Nothing of this unit is followed any more."""
        self._news.pop(unit, None)

    def _tell(self, unit: UnitId, row: Row, now: float) -> None:
        self._pending.pop(id(row), None)
        count, row.pending, row.told_at = row.pending, 0, now
        if not count:
            return
        text = UntrustedText(redact(row.text)).truncated(_TEXT_LIMIT)
        data: dict[str, Scalar] = {"signature": row.template, "key": row.key, "count": count}
        self._desk.tell(SignalKind.LOG_ERROR, unit, EvidenceKind.TEXT, text=text, data=data)
