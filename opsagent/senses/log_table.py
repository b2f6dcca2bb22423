"""What each unit logs, folded into signatures: counts, first and last time, a sample. Bounded; no I/O, no clock of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from opsagent_tools.logs.event import LogEvent, Signature
from opsagent_tools.redact import redact

ROWS_KEPT = 200
"""Signatures of one unit that are kept; beyond it the one that was logged longest ago is forgotten."""
FRESH_PER_S = 20.0
FRESH_AT_ONCE = ROWS_KEPT
"""A unit whose every line is another one does not cost more than this: the others are counted together."""
OTHER = Signature("", "(others)")
_TEXT_MAX = 1000
_SAMPLE_MAX = 300
NEW_S = 24 * 3600.0
"""For so long a signature is called new."""
_ERRORS = frozenset({"error", "fatal"})


class Allowance:
    """So much a second, and so much at once; what is not used is saved up."""

    def __init__(self, per_s: float, at_once: float) -> None:
        self._per_s, self._at_once = per_s, at_once
        self._left, self._at = at_once, float("-inf")

    def take(self, wanted: float, now: float) -> float:
        """Return how much of `wanted` may be had now, and take it."""
        self._left = min(self._at_once, self._left + max(0.0, now - self._at) * self._per_s)
        self._at = max(self._at, now)
        given = min(wanted, max(0.0, self._left))
        self._left -= given
        return given

    def has(self, now: float) -> bool:
        """Tell whether there is one more, and take it."""
        return self.take(1.0, now) >= 1.0


@dataclass(slots=True)
class Row:
    """One signature of one unit."""

    key: str
    template: str
    level: str
    count: int
    first: float
    last: float
    """Seconds since the epoch."""
    sample: str
    """The last line of it that was kept, redacted."""
    new: bool
    """It came when the unit was known already."""
    changed: bool = False
    """It is not as it was kept last."""
    kept: bool = False
    """It was kept as a whole: only what counts changes."""
    window: int = 0
    pending: int = 0
    """Error lines that were not told yet."""
    told_at: float = float("-inf")
    text: str = ""
    """The last error line, not redacted: it is when it is told."""

    def as_list(self) -> list[Any]:
        """Return what is kept over a restart."""
        return [self.key, self.template, self.level, self.count, self.first, self.last, self.sample, self.new]


def text_of(event: LogEvent) -> str:
    """Return an event as one short text; a trace with its exception and the top frame of the user's own code."""
    trace = event.trace
    if trace is None or not trace.exception:
        return event.message[:_TEXT_MAX]
    what = f"{trace.exception}: {trace.message}" if trace.message else trace.exception
    parts = [what, f"cause: {trace.cause}" if trace.cause else "", f"at {trace.frame}" if trace.frame else ""]
    return "; ".join(part for part in parts if part)[:_TEXT_MAX]


@dataclass(slots=True)
class UnitLog:
    """What one unit logged."""

    unit: str
    since: float
    """Since when the unit is known, seconds since the epoch."""
    rows: dict[str, Row] = field(default_factory=dict)
    changed: list[Row] = field(default_factory=list)
    """Rows that are different from what was kept last."""
    forgotten: list[str] = field(default_factory=list)
    window: int = 1
    lines: int = 0
    errors: int = 0
    signatures: int = 0
    sampled: int = 0
    skipped: int = 0
    """Of this window; see LOG_VOLUME."""
    fresh: Allowance = field(default_factory=lambda: Allowance(FRESH_PER_S, FRESH_AT_ONCE))

    def count(self, event: LogEvent, at: float, times: int = 1, *, live: bool = True) -> tuple[Row, bool]:
        """Count one event; return its row, and whether that is a new one. `at`: when, seconds since the epoch.

        `live` False: it was logged before anybody looked, and is no news.
        """
        signature = event.signature or OTHER
        row, is_new = self.rows.get(signature.key), False
        if row is None:
            row, is_new = self._enter(signature, event, at)
        row.count += times
        row.last = max(row.last, at)
        if event.level and event.level != row.level and row.key:
            row.level = event.level
        if not row.changed:
            row.changed = True
            self.changed.append(row)
        if not live:
            return row, is_new
        if row.window != self.window:
            row.window = self.window
            self.signatures += 1
        if event.level in _ERRORS:
            self.errors += times
            row.pending += times
            row.text = text_of(event)
        return row, is_new

    def next_window(self) -> None:
        """Begin to count anew for LOG_VOLUME."""
        self.window += 1
        self.lines = self.errors = self.signatures = self.sampled = self.skipped = 0

    def merge(self, key: str, aliases: Iterable[str]) -> bool:
        """Take rows of other keys of the same template into that of `key`; return whether there were any."""
        row = self.rows[key]
        known = [self.rows.pop(alias) for alias in aliases if alias != key and alias in self.rows]
        for one in known:
            row.count += one.count
            row.first = min(row.first, one.first)
            row.new = row.new and one.new
            row.pending += one.pending
            row.told_at = max(row.told_at, one.told_at)
            one.pending = 0
            self.forgotten.append(one.key)
            row.kept = False
        return bool(known)

    def changes(self, *, everything: bool) -> dict[str, Any]:
        """Return what changed since it was asked last, as it is kept; `everything`: all there is."""
        rows = (
            list(self.rows.values()) if everything else [row for row in self.changed if self.rows.get(row.key) is row]
        )
        whole = [row.as_list() for row in rows if everything or not row.kept]
        counts = [[row.key, row.count, row.last, row.level] for row in rows if row.kept and not everything]
        found: dict[str, Any] = {"rows": whole, "counts": counts, "gone": [] if everything else list(self.forgotten)}
        for row in (*self.changed, *rows):
            row.changed, row.kept = False, True
        self.changed.clear()
        self.forgotten.clear()
        return {name: value for name, value in found.items() if value}

    def restore(self, rows: Iterable[list[Any]]) -> None:
        """Take over rows that were kept. Raises ValueError, TypeError where they are none.

        They are masked anew: `[redact]` may say more by now than when they were kept.
        """
        for key, template, level, count, first, last, kept, new in rows:
            words, sample = redact(str(template)), redact(str(kept))
            row = Row(str(key), words, str(level), int(count), float(first), float(last), sample, bool(new))
            row.kept = True
            self.rows[row.key] = row

    def _enter(self, signature: Signature, event: LogEvent, at: float) -> tuple[Row, bool]:
        if not self.fresh.has(at):
            other = self.rows.get(OTHER.key)
            if other is None:
                other = self.rows[OTHER.key] = Row(OTHER.key, OTHER.template, "", 0, at, at, "", new=False)
            return other, False
        if len(self.rows) >= ROWS_KEPT:
            oldest = min((row for row in self.rows.values() if not row.pending), key=lambda row: row.last, default=None)
            if oldest is not None:
                del self.rows[oldest.key]
                self.forgotten.append(oldest.key)
        sample = redact(text_of(event))[:_SAMPLE_MAX]
        row = Row(signature.key, signature.template, event.level, 0, at, at, sample, new=False)
        self.rows[signature.key] = row
        return row, True


def as_row(log: UnitLog, row: Row, template: str, now: float) -> dict[str, Any]:
    """Return one signature for those who ask over the local API."""
    return {
        "unit": log.unit,
        "key": row.key,
        "template": template or row.template,
        "level": row.level,
        "count": row.count,
        "first": row.first,
        "last": row.last,
        "sample": row.sample,
        "new": row.new and now - row.first < NEW_S,
    }
