"""`opsagent memory stats` and `families`: how much is remembered, how it is kept, and what was learnt."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.memory_common import UnitOption, checked_limit
from opsagent.cli.memory_working import finished

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.memory_settings import MemorySettings
    from opsagent_memory import MemoryReader


def stats(
    *,
    html: Annotated[
        str | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page with pictures of what was learnt.", show_default=False
        ),
    ] = None,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show how much is remembered, and what was learnt."""
    from opsagent.cli.memory_common import reader_of
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.memory_overview import overview as look
    from opsagent.views.memory_stats import overview

    out, place = Out(as_json=json), open_home(home)
    with reader_of(place) as reader:
        found = look(place, reader, _settings(place, out))
    if html is not None:
        _write_page(place, Path(html), found, out)
    if json:
        out.document(found)
    elif html is None:
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


def _write_page(home: Home, path: Path, found: Mapping[str, Any], out: Out) -> None:
    from opsagent.cli.errors import Unclear
    from opsagent.cli.memory_common import reader_of
    from opsagent.memory_picture import picture, with_examples
    from opsagent.views.memory_html import page

    with reader_of(home) as reader:
        scopes = _taught(reader)
        families = finished(_families(home, scopes)) if scopes else []
        text = page(picture(reader, found, with_examples(families, reader)))
    try:
        # It quotes what is remembered: for its owner only, as everything that does.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Unclear(f"{path}: cannot be written ({error.strerror or error})") from error
    out.note(f"written: {path}")


def _taught(reader: MemoryReader) -> list[str]:
    """Return the scopes in which something was tried."""
    return [scope for scope in reader.stats().by_scope if reader.has_tried(scope)]


async def _families(home: Home, scopes: list[str]) -> Sequence[Mapping[str, Any]]:
    from opsagent.memory_port import open_memory

    async with open_memory(home) as memory:
        return await memory.memory_families(scopes)


def families(
    *,
    unit: UnitOption = None,
    limit: Annotated[int, typer.Option("-n", "--limit", metavar="N", help="How many at most.")] = 20,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show families of like incidents, the largest first.

    With what was tried for each, and how often that works of late.
    """
    from opsagent.cli.memory_common import reader_of
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.memory_forms import scopes_of
    from opsagent.memory_picture import with_examples
    from opsagent.views.memory_families import families as drawn

    out, place, most = Out(as_json=json), open_home(home), checked_limit(limit)
    with reader_of(place) as reader:
        taught = _taught(reader)
        scopes = taught if unit is None else list(scopes_of(unit, taught))
        found = with_examples(finished(_families(place, scopes)) if scopes else [], reader)[:most]
    if json:
        out.document({"families": found})
    elif not found:
        out.line("nothing was learnt yet" if unit is None else f"nothing was learnt of {unit}")
    else:
        out.lines(drawn(found, out.screen))
    return 0
