"""Lines of logs since a moment, as far as the lines say when they were written. Bounded; looks at the ends of files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent.answering.log_lines import LogLine, end_of, line_of

if TYPE_CHECKING:
    from opsagent.running import Running
    from opsagent_tools.units import Unit

_MOST = 20_000
"""Lines of one log that are read for their times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What the logs of a unit have since a moment."""

    lines: tuple[LogLine, ...]
    undated: bool = False
    """No line says when it was written: these are the last ones."""


def lines_since(unit: Unit, since: datetime, running: Running, *, instead: int) -> Span:
    """Return the lines of a unit's logs since then; where none says when it was written, the last `instead`."""
    found: list[LogLine] = []
    undated = False
    for path in unit.logs:
        raw = end_of(path, _MOST, running.owner(unit), lambda _: None)
        written_at = _written_at(path)
        if not raw or written_at < since.timestamp():
            continue
        times = stamps(raw, written_at)
        if all(at is None for at in times):
            undated, raw = True, raw[-instead:]
        else:
            raw = list(_from(raw, times, since.timestamp()))
        found += [line_of(str(path), line) for line in raw]
    if unit.journal:
        from opsagent_tools.logs.journal import last_lines

        lines = last_lines(unit.journal, _MOST, since=since.timestamp())
        found += [line_of(f"journal:{unit.journal}", line) for line in lines]
    return Span(lines=tuple(found), undated=undated)


def stamps(lines: Sequence[bytes], written_at: float) -> list[float | None]:
    """Return when each line was written, seconds since the epoch; of one without a stamp when the one before was.

    `written_at`: when the file was written last, which tells what stamps without a zone mean.
    """
    from opsagent_tools.logs.reading import LineReader

    reader = LineReader(lambda: written_at)
    for line in reversed(lines[-100:]):
        if reader.read(line).at is not None:
            reader.learn_offset(line, written_at)
            break
    times: list[float | None] = []
    last: float | None = None
    for line in lines:
        at = reader.read(line).at
        last = at if at is not None else last
        times.append(last)
    return times


def _from(lines: Sequence[bytes], times: Sequence[float | None], since: float) -> Iterator[bytes]:
    """Yield what was written from then on; what stands before the first stamp is as old as nobody knows."""
    return (line for line, at in zip(lines, times, strict=True) if at is not None and at >= since)


def _written_at(path: Path) -> float:
    try:
        return os.stat(path).st_mtime  # noqa: PTH116
    except OSError:
        return 0.0
