"""`opsagent memory stats`: how much is remembered, how it is kept, and what was learnt."""

from __future__ import annotations

from typing import Any

from opsagent.cli.common import HomeDir, JsonFlag


def stats(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Count what is remembered."""
    from opsagent.cli.output import Out, plain
    from opsagent.cli.services import open_home

    place = open_home(home)
    found: dict[str, Any] = {"records": 0}
    if place.database.exists():
        from opsagent_memory import MemoryReader

        with MemoryReader(place.database) as reader:
            found = plain(reader.stats())
    out = Out(as_json=json)
    if json:
        out.document(found)
        return 0
    for key, value in found.items():
        said = ", ".join(f"{name} {count}" for name, count in value.items()) if isinstance(value, dict) else value
        out.line(f"{key.replace('_', ' ')}: {said if said not in (None, '') else '-'}")
    return 0
