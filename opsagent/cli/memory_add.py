"""`opsagent memory add`: a person says what holds."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag, complete_units
from opsagent.cli.memory_common import complete_records, scope_for
from opsagent.cli.memory_working import finished

if TYPE_CHECKING:
    from opsagent.home import Home

_LONGEST = 20_000
"""Characters of one fact; what is longer is a document, and `ingest` cuts it."""


def add(
    text: Annotated[
        list[str],
        typer.Argument(metavar="TEXT", help="What holds; - reads it from standard input.", show_default=False),
    ],
    *,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit", metavar="UNIT", help="Of this service.", autocompletion=complete_units, show_default=False
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="WHEN", help="Holds from then on: 2h, 2026-12-31T12:00.", show_default=False),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="WHEN", help="Holds until then: 30d, 2026-12-31.", show_default=False),
    ] = None,
    supersedes: Annotated[
        str | None,
        typer.Option(
            "--supersedes",
            metavar="ID",
            help="Takes the place of this record.",
            autocompletion=complete_records,
            show_default=False,
        ),
    ] = None,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Keep what you know and it cannot see.

    Secrets are masked; it is recalled as yours.
    """
    from opsagent.cli.memory_common import full_id
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    said = _said(text)
    valid_from, valid_to = _times(since, until)
    out, place = Out(as_json=json), open_home(home)
    scope = scope_for(place, unit)
    replaced = full_id(place, supersedes) if supersedes is not None else None
    kept = finished(_add(place, said, scope, valid_from=valid_from, valid_to=valid_to, supersedes=replaced))
    if json:
        out.document(kept)
    else:
        from opsagent.views.memory import added

        out.lines(added(kept, out.screen))
    return 0


async def _add(home: Home, text: str, scope: str, **more: Any) -> dict[str, Any]:
    from opsagent.cli.services import known_names
    from opsagent.memory_port import open_memory

    async with open_memory(home, known=lambda: known_names(str(home.path))) as memory:
        return dict(await memory.memory_add(text, scope, **more))


def _said(words: list[str]) -> str:
    """Return the text of the fact. Raises Unclear where there is none, or too much."""
    from opsagent.cli.errors import Unclear

    said = (sys.stdin.read(_LONGEST + 1) if words == ["-"] else " ".join(words)).strip()
    if not said:
        raise Unclear("TEXT is empty: say what holds")
    if len(said) > _LONGEST:
        raise Unclear(f"TEXT has more than {_LONGEST} characters: keep it as a file, and `opsagent memory ingest FILE`")
    return said


def _times(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    from opsagent.cli.errors import Unclear

    valid_from, valid_to = moment_of("--from", since), moment_of("--until", until)
    if valid_from is not None and valid_to is not None and valid_from >= valid_to:
        raise Unclear(f"--from {since} is not before --until {until}")
    return valid_from, valid_to


def moment_of(option: str, text: str | None) -> datetime | None:
    """Return the moment that a time from now, or a date (of this machine's zone, unless it says one), means.

    Raises Unclear.
    """
    from datetime import UTC, timedelta

    from opsagent.cli.errors import Unclear
    from opsagent.views.numbers import seconds_of

    if text is None:
        return None
    try:
        return datetime.now(UTC) + timedelta(seconds=seconds_of(text))
    except ValueError:
        pass
    except OverflowError:
        raise Unclear(f"{option} {text!r} is too far away") from None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise Unclear(f"{option} {text!r} is no time: write 30d, 12h or 2026-12-31T12:00") from None
