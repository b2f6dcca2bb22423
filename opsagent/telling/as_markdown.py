"""A document as Markdown: every foreign text is escaped, quotes and diffs stand in code. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsagent.telling.document import Block, Bullets, Chart, Document, Facts, Heading, Lines, Para, Rows
from opsagent.views.sparkline import sparkline
from opsagent_tools.text import code_for_markdown, escape_for_markdown, escape_for_terminal

_BARS = 48


def as_markdown(document: Document, *, level: int = 1) -> str:
    """Return the whole document; `level` is that of its title."""
    parts = [f"{'#' * level} {escape_for_markdown(document.title)}"]
    parts += ["\n".join(_block(block, level + 1)) for block in document.blocks]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block, level: int) -> Iterator[str]:
    match block:
        case Heading(text=text):
            yield f"{'#' * level} {escape_for_markdown(text)}"
        case Para(text=text, soft=soft):
            yield f"*{escape_for_markdown(text)}*" if soft and text.strip() else escape_for_markdown(text)
        case Bullets(items=items):
            for item in items:
                quote = f" {code_for_markdown(item.quote)}" if item.quote else ""
                yield f"- {escape_for_markdown(item.text)}{quote}"
                for line in item.below:
                    yield f"  - {escape_for_markdown(line)}"
        case Facts(pairs=pairs):
            for name, value in pairs:
                yield f"- **{escape_for_markdown(name)}:** {escape_for_markdown(value)}"
        case Rows(heads=heads, rows=rows):
            yield _row(heads)
            yield _row(["---"] * len(heads), raw=True)
            yield from (_row(row) for row in rows)
        case Lines(text=text, kind=kind):
            yield from _fenced(text, kind)
        case Chart():
            yield f"{escape_for_markdown(block.title)}: {code_for_markdown(_spark(block))}"


def _row(cells: object, *, raw: bool = False) -> str:
    texts = [str(cell) if raw else escape_for_markdown(str(cell)) for cell in cells]  # type: ignore[attr-defined]
    return f"| {' | '.join(texts)} |"


def _fenced(text: str, kind: str) -> Iterator[str]:
    safe = escape_for_terminal(text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", safe)), default=0))
    yield f"{fence}{kind}"
    yield from safe.splitlines()
    yield fence


def _spark(chart: Chart) -> str:
    return sparkline([value for _, value in chart.points][-_BARS:], min(_BARS, len(chart.points)))
