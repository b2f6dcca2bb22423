"""Reads the last lines of units' logs, from files or from systemd's journal; secrets are masked here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsagent.running import Running
    from opsagent_tools.units import Unit

_BLOCK = 64 * 1024
_LONGEST = 16 * 1024
"""Bytes of one line that are shown."""
_MOST = 8 * 1024 * 1024
"""Bytes of a log's end that are looked through for the wanted lines."""
Complain = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a log; secrets are masked, nothing is escaped yet."""

    file: str
    """Path of the file; of a journal `journal:system/NAME.service`."""
    text: str


def lines_of(unit: Unit, count: int, running: Running, complain: Complain = lambda _: None) -> list[LogLine]:
    """Return the last `count` lines of each of a unit's logs. `complain` hears of those that are not to be read."""
    lines = last_lines(unit.logs, count, running.owner(unit), complain)
    if not unit.journal:
        return lines
    from opsagent_tools.logs.journal import last_lines as journals

    return lines + [line_of(f"journal:{unit.journal}", raw) for raw in journals(unit.journal, count)]


def search(unit: Unit, query: str, count: int, running: Running) -> Iterator[LogLine]:
    """Give the last `count` lines of a unit's logs that contain `query`, in any case."""
    wanted = query.lower()
    found = [line for line in lines_of(unit, 100_000, running) if wanted in line.text.lower()]
    yield from found[-count:]


def last_lines(
    files: Sequence[Path], count: int, uid: int | None = None, complain: Complain = lambda _: None
) -> list[LogLine]:
    """Return the last `count` lines of each file. Files that are not there have none. `uid`: whose they must be."""
    if count <= 0:
        return []
    return [line_of(str(path), raw) for path in files for raw in end_of(path, count, uid, complain)]


def line_of(file: str, raw: bytes) -> LogLine:
    """Return one line as it may be shown, cut where it is very long."""
    from opsagent_tools.redact import redact

    return LogLine(file, redact(raw[:_LONGEST].rstrip(b"\r").decode(errors="replace")))


def end_of(path: Path, count: int, uid: int | None, complain: Complain) -> list[bytes]:
    """Return the last `count` lines of a file, which is read from its end no further than they need."""
    from opsagent_tools.files import UnsafeFile
    from opsagent_tools.logs.opening import open_log

    pieces: list[bytes] = []
    try:
        with os.fdopen(open_log(path, uid), "rb") as file:
            at = file.seek(0, 2)
            newlines = taken = 0
            while at > 0 and newlines <= count and taken < _MOST:
                step = min(_BLOCK, at)
                at -= step
                file.seek(at)
                pieces.append(file.read(step))
                newlines += pieces[-1].count(b"\n")
                taken += step
    except FileNotFoundError:
        return []
    except UnsafeFile as unsafe:
        complain(f"not read: {unsafe}")
        return []
    except OSError as error:
        complain(f"{path}: {error.strerror or error}")
        return []
    lines = b"".join(reversed(pieces)).lstrip(b"\0").split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    if lines and not lines[0].strip(b" "):  # where a rotation cut the log off (docs/log-rotation.md)
        lines.pop(0)
    return lines[-count:]
