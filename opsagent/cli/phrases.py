"""What `opsagent do --phrases` and `--forget` do: see and drop what somebody means by words of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsagent.cli.errors import Unclear
from opsagent.cli.store import person

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.store.phrases import PhraseRow


def show(home: Home, out: Out) -> int:
    """List what this person means by texts of theirs."""
    from opsagent.carrying.phrases import all_of

    rows = all_of(home, person())
    if out.as_json:
        out.document({"phrases": [_form(row) for row in rows]})
        return 0
    if not rows:
        out.line("no offer was taken yet: nothing is remembered")
        return 0
    from opsagent.views.numbers import moment
    from opsagent.views.table import Cell, Column, table

    columns = (Column("TEXT"), Column("MEANS"), Column("SINCE", drop=2), Column("USED", drop=1))
    drawn = [(Cell(row.text, "strong"), Cell(_means(row)), Cell(moment(row.at)), Cell(str(row.uses))) for row in rows]
    out.lines(table(columns, drawn, out.screen))
    return 0


def forget(home: Home, text: str, out: Out) -> int:
    """Drop what this person means by a text. Raises Unclear where there is nothing to drop."""
    from opsagent.carrying.phrases import forget as drop
    from opsagent.views.terminal import one_line

    row = drop(home, person(), text)
    if row is None:
        raise Unclear(f"nothing is remembered of {text!r}: `opsagent do --phrases` lists what is")
    if out.as_json:
        out.document({"forgotten": _form(row)})
    else:
        out.line(one_line(f"forgotten: {row.text!r} meant `{_means(row)}`"))
    return 0


def _form(row: PhraseRow) -> dict[str, object]:
    return {
        "text": row.text,
        "steps": list(row.steps),
        "at": row.at.isoformat(),
        "uses": row.uses,
        "used_at": row.used_at.isoformat() if row.used_at is not None else None,
    }


def _means(row: PhraseRow) -> str:
    from opsagent.carrying.stored import from_stored
    from opsagent.commands.reading import offer_text

    try:
        return offer_text(from_stored(row.steps))
    except ValueError:
        return "-"
