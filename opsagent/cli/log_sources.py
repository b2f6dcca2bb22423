"""`opsagent logs --sources`: what services write to, in which format, and of which zone its stamps are taken to be."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.cli.services import Running
    from opsagent_tools.units import Unit

_LINES = 20
"""So many of the last lines are looked at for a stamp."""


def show_sources(running: Running, units: Sequence[Unit], out: Out) -> int:
    """Show the logs of these units. Nothing but their ends is read."""
    from opsagent.views.logs import SOURCE_COLUMNS, source_row
    from opsagent.views.table import table

    rows = [row for unit in units for row in _of(unit, running, out)]
    if out.as_json:
        out.document(rows)
    elif rows:
        out.lines(table(SOURCE_COLUMNS, [source_row(row, time.time()) for row in rows], out.screen))
    else:
        out.note("these services write no log that is known")
    return 0


def _of(unit: Unit, running: Running, out: Out) -> list[dict[str, Any]]:
    spec = running.spec(unit.id)
    files = dict.fromkeys((*(spec.logs if spec is not None else ()), *unit.logs))
    rows = [_file(unit, path, running.owner(unit), out) for path in files]
    if unit.journal:
        rows.append({**_row(unit, f"journal:{unit.journal}"), "offset": "+00:00", "offset_from": "line"})
    return rows


def _row(unit: Unit, source: str) -> dict[str, Any]:
    return {
        "unit": str(unit.id), "name": unit.name, "source": source, "there": True, "size": None, "written_at": None,
        "format": None, "offset": None, "offset_from": None,
    }  # fmt: skip


def _file(unit: Unit, path: Path, uid: int | None, out: Out) -> dict[str, Any]:
    from opsagent.answering.log_lines import end_of

    row = _row(unit, str(path))
    try:
        status = path.stat()
    except OSError:
        return row | {"there": False}
    if not stat.S_ISREG(status.st_mode):  # /dev/null, say
        return row
    row |= {"size": status.st_size, "written_at": status.st_mtime}
    lines = end_of(path, _LINES, uid, out.note) if os.access(path, os.R_OK) else []
    return row | _stamps(lines, status.st_mtime)


def _stamps(lines: Sequence[bytes], written_at: float) -> dict[str, Any]:
    """Return the format of the last line that has a stamp, its offset, and who says so: `line`, `file` or `machine`."""
    from opsagent_tools.logs.reading import LineReader
    from opsagent_tools.logs.zones import infer

    reader = LineReader(lambda: written_at)
    for line in reversed(lines):
        at = reader.read(line).at
        if at is None:
            continue
        wall = at + reader.offset_s
        if not reader.learn_offset(line, written_at):
            return {"format": reader.format or "structured", "offset": "+00:00", "offset_from": "line"}
        zone = infer(wall, written_at)
        return {"format": reader.format, "offset": zone.describe(written_at), "offset_from": zone.said_by}
    return {}
