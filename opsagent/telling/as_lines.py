"""A document as lines of a terminal: wrapped to its width, whole in a pipe. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from opsagent.telling.document import Block, Bullets, Chart, Document, Facts, Heading, Lines, Para, Rows
from opsagent.views.sparkline import sparkline
from opsagent.views.table import Cell, Column, cells, fit, table
from opsagent.views.terminal import Screen, Style, one_line
from opsagent.views.wrapping import wrapped

_DIFF: dict[str, Style] = {"+": "good", "-": "bad", "@": "accent"}
_WIDE = 48
_LABEL = 26


def as_lines(document: Document, screen: Screen) -> list[str]:
    """Return the whole document."""
    lines = [screen.paint(line, "strong") for line in wrapped(document.title, screen)]
    for block in document.blocks:
        drawn = list(_block(block, screen))
        if isinstance(block, Heading):
            lines.append("")
        lines += drawn
    return lines


def _block(block: Block, screen: Screen) -> Iterator[str]:
    match block:
        case Heading(text=text):
            yield from (screen.paint(line, "strong") for line in wrapped(text, screen))
        case Para(text=text, soft=soft):
            yield from (screen.paint(line, "dim" if soft else "") for line in wrapped(text, screen, indent="  "))
        case Bullets(items=items):
            for item in items:
                quote = f" “{item.quote}”" if item.quote else ""
                yield from hung(item.text + quote, screen, "  · ")
                for line in item.below:
                    yield from hung(line, screen, "      ")
        case Facts(pairs=pairs):
            wide = min(_LABEL, max((cells(one_line(name)) for name, _ in pairs), default=0))
            for name, value in pairs:
                label = fit(one_line(name), wide)
                yield from hung(value, screen, f"  {label}{' ' * (wide - cells(label))}  ")
        case Rows(heads=heads, rows=rows):
            columns = [Column(head, drop=max(0, at - 1)) for at, head in enumerate(heads)]
            inner = Screen(screen.terminal, screen.colours, screen.width - 2 if screen.width is not None else None)
            drawn = table(columns, [[Cell(cell) for cell in row] for row in rows], inner)
            yield from (f"  {line}" for line in drawn)
        case Lines(text=text, kind=kind):
            for line in text.splitlines():
                shown = one_line_kept(line)
                shown = shown if screen.width is None else fit(shown, screen.width - 4)
                yield "    " + screen.paint(shown, _DIFF.get(line[:1], "") if kind == "diff" else "")
        case Chart():
            room = _WIDE if screen.width is None else max(8, min(_WIDE, screen.width - cells(block.title) - 6))
            yield f"  {one_line(block.title)}  {sparkline([value for _, value in block.points], room).strip()}"


def hung(text: str, screen: Screen, head: str) -> Iterator[str]:
    """Yield foreign text behind a head, with what follows below its beginning."""
    deep = cells(head)
    if screen.width is not None and deep > screen.width // 2:
        deep = 4
    lines = wrapped(text, screen, indent=" " * deep)
    if not lines:
        yield head.rstrip()
        return
    if cells(head) > deep:
        yield head.rstrip()
        yield from lines
        return
    yield head + lines[0][deep:]
    yield from lines[1:]


def one_line_kept(line: str) -> str:
    """Return one line of a diff, safe for a terminal, with its leading blanks."""
    return line[: len(line) - len(line.lstrip(" "))] + one_line(line)
