"""Check boxes, radio buttons, buttons and gauges: what is written with brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.terminal.reading.layout import Layout, Strip, box_of
from opsagent_tools.gui.terminal.reading.words import bare, tidy

_BOX = re.compile(
    r"(?:(?<=\s)|^)(?:\[(?P<check>[ xX*✓✔√vV■●+-])\]|\((?P<radio>[ xXoO*•●])\)|(?P<sign>[☐☑☒✅◯◉○●◻◼]))(?=\s|$)"
)
_ON = frozenset("xX*✓✔√vV■●oO•☑☒✅◉◼+")
_BUTTON = re.compile(
    r"<\s*(?P<angle>[^<>|\s](?:[^<>|]*?[^<>|\s])?)\s*>|\[\s?<?\s+(?P<square>[^\[\]|\s](?:[^\[\]|]*?[^\[\]|\s])?)\s+>?\s?\]"
)
_GAUGE = re.compile(r"(?P<percent>\d{1,3})\s?%")
_BRANCHES = " │├└─|`+-"
"""What trees draw before their items."""
_LONGEST_BUTTON = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A widget as it was read."""

    role: str
    name: str
    box: Box
    owner: int
    checked: bool | None = None
    value: str | None = None
    default: bool = False
    hot: Box | None = None
    """The part of it where the cursor stands when it has the focus; None: all of it."""
    label: str = ""
    actions: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    """Other names of it."""
    lit: bool = False
    """It stands out from the widgets of its kind."""
    secret: bool = False


def boxes_of(layout: Layout, strip: Strip) -> list[Found]:
    """Return check boxes and radio buttons of a row."""
    line = layout.line(strip)
    marks = list(_BOX.finditer(line))
    found = []
    ends = [one.start() for one in marks[1:]] + [len(line)]
    for mark, end in zip(marks, ends, strict=False):
        text = bare(line[mark.end() : end])
        name = tidy(text.lstrip(_BRANCHES))
        if not name or (mark["sign"] and mark["sign"] in "○●" and len(marks) == 1 and not text.startswith(" ")):
            continue
        width = len(text.rstrip())
        left = strip.left + mark.start()
        sign = mark["check"] or mark["radio"] or mark["sign"] or " "
        found.append(
            Found(
                role="radio button" if mark["radio"] or (mark["sign"] or "") in {"◯", "◉", "○", "●"} else "check box",
                name=name,
                box=box_of(strip.row, left, strip.left + mark.end() + width),
                owner=strip.owner,
                checked=sign in _ON,
                hot=box_of(strip.row, left, strip.left + mark.end() + width),
            )
        )
    return found


def buttons_of(layout: Layout, strip: Strip) -> list[Found]:
    """Return the buttons of a row, where the row holds nothing else (or a field beside them)."""
    line = layout.line(strip)
    marks = [one for one in _BUTTON.finditer(line) if len(_called(one)) <= _LONGEST_BUTTON and _is_name(_called(one))]
    if not marks:
        return []
    rest = line
    for one in marks:
        rest = rest[: one.start()] + " " * (one.end() - one.start()) + rest[one.end() :]
    if rest.strip() and strip.owner < 0 and len(marks) < 2:
        return []
    if len(rest.split()) > 3:
        return []
    if strip.owner < 0 and len(marks) == 1 and (len(_called(marks[0]).split()) > 3 or _called(marks[0])[-1] in ".!,"):
        return []
    return [
        Found(
            role="button",
            name=_called(one),
            box=box_of(strip.row, strip.left + one.start(), strip.left + one.end()),
            owner=strip.owner,
            default="[<" in one.group(),
        )
        for one in marks
    ]


def gauge_of(layout: Layout, strip: Strip, label: str) -> Found | None:
    """Return the gauge that fills a row of a frame by itself."""
    line = layout.line(strip)
    mark = _GAUGE.search(line)
    if mark is None or line.replace(mark.group(), "").strip(" █▓▒░#=>-[]|\u200b"):
        return None
    return Found(
        role="progress bar", name=label or "progress", label=label, owner=strip.owner,
        box=box_of(strip.row, strip.left, strip.right), value=f"{mark['percent']}%",
    )  # fmt: skip


def _called(mark: re.Match[str]) -> str:
    return tidy(mark["angle"] or mark["square"] or "")


def _is_name(text: str) -> bool:
    return any(char.isalpha() for char in text)
