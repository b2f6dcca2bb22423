"""`opsagent memory stats`: how much is remembered, how it is kept, and what was learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.memory_settings import MemorySettings


def stats(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Show how much is remembered, and what was learnt."""
    from opsagent.cli.memory_common import reader_of
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.memory_overview import overview as look
    from opsagent.views.memory_stats import overview

    out, place = Out(as_json=json), open_home(home)
    with reader_of(place) as reader:
        found = look(place, reader, _settings(place, out))
    if json:
        out.document(found)
    else:
        out.lines(overview(found, out.screen))
    return 0


def _settings(home: Home, out: Out) -> MemorySettings:
    """Return `[memory]` of the configuration; what is usual where it cannot be used, which is said."""
    from opsagent.cli.agent import config_of
    from opsagent.cli.services import config_trouble
    from opsagent.home import HomeError
    from opsagent.memory_settings import MemorySettings

    try:
        return config_of(home).memory
    except HomeError:
        out.note(config_trouble(home))
        return MemorySettings()
