"""`opsagent runbook list` and `show`: what the agent does about each fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from opsagent.cli.errors import Unclear
    from opsagent.home import Home
    from opsagent.runbooks.library.card import Card


def complete_runbooks(ctx: typer.Context, incomplete: str) -> Iterator[str | tuple[str, str]]:
    """Complete the names of runbooks, each with its title; silent where anything is in the way."""
    try:
        from opsagent.cli.services import open_home
        from opsagent.runbook_forms import card_name, every, shelf_of

        cards = every(shelf_of(open_home(ctx.params.get("home")).path))
    except Exception:  # noqa: BLE001  # completion must never print a trace into somebody's prompt
        return
    yield from ((card_name(card), card.title) for card in cards if card_name(card).startswith(incomplete))


def list_(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """List every runbook: which cause it is for, and what is done.

    Exit code 1 where one of your own cannot be used; the others hold.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.runbook_forms import brief, every, shelf_of
    from opsagent.views.runbooks import LIST_COLUMNS, list_row
    from opsagent.views.table import table
    from opsagent.views.terminal import one_line

    shelf = shelf_of(open_home(home).path)
    found = [brief(card) for card in every(shelf)]
    out = Out(as_json=json)
    if json:
        out.document({"runbooks": found, "broken": list(shelf.broken)})
    else:
        out.lines(table(LIST_COLUMNS, [list_row(one) for one in found], out.screen))
        for line in shelf.broken:
            out.line(f"{out.screen.paint('cannot be used', 'bad')}: {one_line(line)}")
    return 1 if shelf.broken else 0


def show(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Name of a runbook.", autocompletion=complete_runbooks, show_default=False),
    ],
    *,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show one runbook: when each remedy fits, its steps, how it is verified and undone, what is never done."""
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.runbook_forms import every, named, shelf_of, whole
    from opsagent.views.runbooks import page

    place = open_home(home)
    cards = every(shelf_of(place.path, safe_commands(place)))
    card = named(name, cards)
    if card is None:
        raise no_such(name, cards)
    out = Out(as_json=json)
    if json:
        out.document(whole(card))
    else:
        out.lines(page(whole(card), out.screen))
    return 0


def safe_commands(home: Home) -> tuple[str, ...]:
    """Return which commands the policy calls safe; none where the configuration cannot be used."""
    from opsagent.cli.agent import config_of
    from opsagent.cli.errors import code_of

    try:
        return config_of(home).policy.safe_commands
    except Exception as error:
        if code_of(error) is None:
            raise
        return ()


def no_such(name: str, cards: Iterable[Card]) -> Unclear:
    """Return the error for a runbook that there is not, with the nearest name."""
    import difflib

    from opsagent.cli.errors import Unclear
    from opsagent.runbook_forms import card_name

    near = difflib.get_close_matches(name, [card_name(card) for card in cards], 1)
    guess = f"did you mean {near[0]!r}?" if near else "`opsagent runbook list` names them"
    return Unclear(f"there is no runbook {name!r}: {guess}")
