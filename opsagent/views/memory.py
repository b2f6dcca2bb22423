"""What is remembered, as a person reads it: answers to a question, a list, one record. Pure; takes the forms of `--json`.

All text of records is foreign: it is escaped here, and nowhere else on its way to a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from opsagent.memory_forms import EVERYWHERE, unit_of
from opsagent.views.numbers import moment
from opsagent.views.table import Cell, Column, cells, fit, table
from opsagent.views.terminal import Screen, Style, one_line
from opsagent.views.wrapping import wrapped

_OUTCOMES: dict[str, Style] = {"worked": "good", "failed": "bad", "harmed": "bad", "unproven": "dim"}
_TEXT_LINES = 4
_NARROW_TEXT = 16
_MOVED = 0.005
"""So much of a score is told."""
_INDENT = "   "
_COLUMNS = (
    Column("ID"),
    Column("WHEN", drop=5),
    Column("KIND", drop=4),
    Column("OF", drop=3),
    Column("FROM", drop=6),
    Column("REMEDY", drop=2),
    Column("OUTCOME", drop=1),
    Column("TEXT"),
)
_SOURCES = {
    "agent": "",
    "person": "said by a person",
    "import": "imported",
    "logs": "reconstructed from logs",
    "document": "from a document",
    "model": "said by a language model",
}


def results(rows: Sequence[Mapping[str, Any]], screen: Screen) -> list[str]:
    """Return what came to mind, best first, each with the reason why it came."""
    lines: list[str] = []
    for number, row in enumerate(rows, start=1):
        lines += [""] if lines else []
        lines += _result(number, row, screen)
    return lines


def _result(number: int, row: Mapping[str, Any], screen: Screen) -> list[str]:
    head, about = f"{number}. {one_line(row['id'])}", one_line(about_text(row))
    lines = [screen.paint(head, "strong")]
    if screen.width is None or len(head) + 2 + cells(about) <= screen.width:
        lines[0] += "  " + screen.paint(about, "dim")
    else:
        lines += _dim(about, screen)
    lines += wrapped(text_of(row), screen, indent=_INDENT, most=_TEXT_LINES)
    if row["fields"].get("remedy"):
        outcome = str(row["fields"].get("outcome") or "not tried")
        said = wrapped(f"{row['fields']['remedy']}: {outcome}", screen, indent=_INDENT)
        lines += [screen.paint(line, _OUTCOMES.get(outcome, "")) for line in said]
    return [*lines, *_dim(_reason(number, row), screen)]


def _dim(text: str, screen: Screen) -> list[str]:
    return [screen.paint(line, "dim") for line in wrapped(text, screen, indent=_INDENT)]


def about_text(row: Mapping[str, Any]) -> str:
    """Return in a few words what a record is, of whom, from where, and when."""
    return f"{row['kind']}{_whose(row)}{_origin(row)}, {_moment(row['created_at'])}"


def _whose(row: Mapping[str, Any]) -> str:
    return "" if row["scope"] == EVERYWHERE else f" of {unit_of(row['scope'])}"


def text_of(row: Mapping[str, Any]) -> str:
    """Return what a record says; the headings that stand above a piece of a document end with a colon."""
    headings, _, rest = row["text"].partition("\n\n")
    return f"{headings}: {rest}" if row["source"] == "document" and rest else str(row["text"])


def _origin(row: Mapping[str, Any]) -> str:
    said = _SOURCES.get(row["source"], row["source"])
    if row["source"] == "document" and row["fields"].get("document"):
        said = f"from {row['fields']['document']}"
    parts = [said, "imported" if row["imported_at"] and row["source"] != "import" else ""]
    return "".join(f", {part}" for part in parts if part)


def _reason(number: int, row: Mapping[str, Any]) -> str:
    place = row.get("rank_without_learning") or number
    moved = place != number or abs(row["score"] - row["without_learning"]) >= _MOVED
    where = f" at place {place}" if place != number else ""
    without = f", {row['without_learning']:.2f}{where} by similarity alone" if moved else ""
    return f"score {row['score']:.2f}{without}: {row['why']}"


def _moment(at: str) -> str:
    return moment(datetime.fromisoformat(at))


def listing(rows: Sequence[Mapping[str, Any]], screen: Screen) -> list[str]:
    """Return records as a table, in the order given."""
    room = None if screen.width is None else max(_NARROW_TEXT, screen.width * 2 // 5)
    return table(
        _COLUMNS,
        [
            (
                Cell(row["id"], "strong"),
                Cell(_moment(row["created_at"])),
                Cell(row["kind"]),
                Cell("" if row["scope"] == EVERYWHERE else unit_of(row["scope"])),
                Cell("import" if row["imported_at"] else row["source"]),
                Cell(str(row["fields"].get("remedy") or "")),
                _outcome(row),
                Cell(text_of(row) if room is None else fit(one_line(text_of(row)), room)),
            )
            for row in rows
        ],
        screen,
    )


def _outcome(row: Mapping[str, Any]) -> Cell:
    outcome = str(row["fields"].get("outcome") or "")
    return Cell(outcome, _OUTCOMES.get(outcome, ""))


def added(kept: Mapping[str, Any], screen: Screen) -> list[str]:
    """Return what `add` did: the id, whose fact it is, and how it was understood."""
    whose = "of no service in particular" if kept["scope"] == EVERYWHERE else f"of {one_line(unit_of(kept['scope']))}"
    lines = [f"kept: {screen.paint(one_line(kept['id']), 'strong')} {whose}"]
    if kept["masked"]:
        lines += wrapped(f"secrets in it were masked: {kept['text']}", screen)
    if kept.get("note"):
        lines += wrapped(kept["note"], screen)
    return lines


def verification(found: Mapping[str, Any], screen: Screen) -> list[str]:
    """Return what `verify` found."""
    looked = f"{counted(found['records'], 'record')}, {counted(found['events'], 'event')}"
    if found["ok"]:
        lines = [screen.paint(line, "good") for line in wrapped(f"{looked}: nothing was changed from outside", screen)]
    else:
        lines = [screen.paint(line, "bad") for line in wrapped(f"{looked}: changed from outside", screen)]
        for problem in found["problems"]:
            lines += wrapped(f"- {problem}", screen, indent="  ")
        lines += wrapped("restore a backup that verifies, or export what is right and import it anew", screen)
    return [*lines, *(screen.paint(line, "dim") for line in _noting(found, screen))]


def _noting(found: Mapping[str, Any], screen: Screen) -> list[str]:
    return wrapped(
        f"head {found['head']} (noted elsewhere, it proves later that nothing was rewritten: verify --noted HEAD)",
        screen,
    )


def counted(count: int, what: str) -> str:
    """Return `1 record`, `1,200 records`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def imported(result: Mapping[str, Any]) -> str:
    """Return what an import brought."""
    parts = [f"imported {counted(result['added'], 'record')}"]
    parts += [f"{result['known']:,} were here already"] if result["known"] else []
    parts += [f"{result['forgotten']:,} were forgotten here and stay so"] if result["forgotten"] else []
    return "; ".join(parts)
