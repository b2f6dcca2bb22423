"""A map as SVG: boxes from left to right, from who uses to who is used; light and dark by the reader's own choice.

No scripts, no fonts and nothing else from elsewhere. Every foreign text goes through `text_of`, and nowhere else.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from opsagent.views.map_graph import Arrow, Box, Picture
from opsagent.views.map_layout import Layout, Spot, lay_out
from opsagent.views.table import cells, fit
from opsagent_tools.text import escape_for_html

_CELL = 7.6
"""Width of a character of the titles, in units of the drawing."""
_PAD, _HEIGHT, _PITCH, _CHANNEL, _MARGIN = 14, 46, 66, 88, 24
_MARK = 18
_LONGEST = 30
_PER_ROW = 900
"""Width that boxes without arrows are laid out in, where the drawing is not wider itself."""

STYLE = """
.map{--ink:#1d2430;--soft:#5b6675;--line:#8792a2;--paper:#ffffff;--box:#f5f7fa;--edge:#c6ced9;
--good:#1a7f4b;--bad:#c62f2f;--warn:#b06a00;--off:#8a94a3;
font-family:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;background:var(--paper)}
@media (prefers-color-scheme:dark){.map{--ink:#e6eaf0;--soft:#9aa6b5;--line:#6d7988;--paper:#12161c;--box:#1b212a;
--edge:#37414e;--good:#4cc38a;--bad:#ff6b6b;--warn:#f0b04f;--off:#7b8695}}
.map .paper{fill:var(--paper)}.map text{fill:var(--ink);font-size:13px}.map .small{fill:var(--soft);font-size:11px}
.map .box rect{fill:var(--box);stroke:var(--edge);stroke-width:1}.map .box .title{font-weight:600}
.map .good .mark{fill:var(--good)}.map .bad .mark{fill:var(--bad)}.map .warn .mark{fill:var(--warn)}
.map .off .mark,.map .plain .mark{fill:var(--off)}.map .bad rect{stroke:var(--bad);stroke-width:2}
.map .warn rect{stroke:var(--warn)}.map .other rect{stroke-dasharray:4 3}
.map .other .mark{fill:none;stroke:var(--off);stroke-width:1.5}
.map .arrow path{fill:none;stroke:var(--line);stroke-width:1.5}.map .arrow:hover path{stroke:var(--ink);stroke-width:2.5}
.map .stale path{stroke-dasharray:3 4;opacity:.6}.map .back path{stroke:var(--warn);stroke-dasharray:7 3}
.map .tip{fill:var(--line)}
"""


def document(picture: Picture) -> str:
    """Return a whole SVG file."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + drawing(picture) + "\n"


def drawing(picture: Picture) -> str:
    """Return the drawing as one `svg` element."""
    plan = _Plan(picture)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="map" role="img" viewBox="0 0 {plan.width:g} {plan.height:g}" '
            f'width="{plan.width:g}" height="{plan.height:g}">'
        ),
        "<title>who talks to whom</title>",
        f"<style>{STYLE}</style>",
        (
            '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
            'orient="auto-start-reverse"><path class="tip" d="M0 0L10 5L0 10z"/></marker></defs>'
        ),
        f'<rect class="paper" width="{plan.width:g}" height="{plan.height:g}"/>',
        *(plan.arrow(arrow) for arrow in picture.arrows),
        *(plan.box(box) for box in (*picture.boxes, *picture.alone)),
    ]
    if not (picture.boxes or picture.alone):
        parts.append(f'<text x="{_MARGIN}" y="{_MARGIN + 12}">no services</text>')
    return "\n".join([*parts, "</svg>"])


def text_of(raw: str) -> str:
    """Return foreign text fit for SVG and HTML: what XML cannot hold is made visible too."""
    return "".join(
        char if _fits_xml(char) else f"\\u{ord(char):04x}" for char in escape_for_html(" ".join(raw.split()))
    )


def _fits_xml(char: str) -> bool:
    code = ord(char)
    return code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF


class _Plan:
    """Where everything is."""

    def __init__(self, picture: Picture) -> None:
        self._layout: Layout = lay_out(
            [box.id for box in picture.boxes], [(arrow.source, arrow.target) for arrow in picture.arrows]
        )
        self._names = {box.id: box.title for box in (*picture.boxes, *picture.alone)}
        self._widths = {box.id: _width(box) for box in (*picture.boxes, *picture.alone)}
        self._columns: list[tuple[float, float]] = []
        at = float(_MARGIN)
        for layer in self._layout.layers:
            wide = max((self._widths[spot.key] for spot in layer if not spot.passes), default=0.0)
            self._columns.append((at, wide))
            at += wide + _CHANNEL
        right = at - _CHANNEL + (40 if self._layout.back else 0) if picture.boxes else float(_MARGIN)
        self._spots = {spot.key: spot for spot in self._layout.rows if not spot.passes}
        rows = max(self._layout.rows.values(), default=-1) + 1
        bottom = _MARGIN + rows * _PITCH + (_CHANNEL / 2 if self._layout.back else 0)
        self._back = {pair: number for number, pair in enumerate(self._layout.back)}
        self._alone, right, bottom = self._place_alone(picture.alone, right, bottom)
        self.width, self.height = max(right + _MARGIN, 240.0), max(bottom + _MARGIN, 80.0)

    def _place_alone(
        self, boxes: Sequence[Box], right: float, top: float
    ) -> tuple[Mapping[str, tuple[float, float]], float, float]:
        """Lay out boxes without arrows below the others, as many in a row as there is room."""
        room = max(right, _PER_ROW)
        found: dict[str, tuple[float, float]] = {}
        x, y = float(_MARGIN), top
        for box in boxes:
            if x > _MARGIN and x + self._widths[box.id] > room:
                x, y = float(_MARGIN), y + _HEIGHT + 14
            found[box.id] = (x, y)
            x += self._widths[box.id] + 14
            right = max(right, x - 14)
        return found, right, y + _HEIGHT if boxes else top

    def _corner(self, key: str) -> tuple[float, float]:
        """Return the left upper corner of a box."""
        if key in self._alone:
            return self._alone[key]
        spot = self._spots[key]
        return self._columns[spot.layer][0], _MARGIN + self._layout.rows[spot] * _PITCH

    def _middle(self, spot: Spot) -> float:
        return _MARGIN + self._layout.rows[spot] * _PITCH + _HEIGHT / 2

    def box(self, box: Box) -> str:
        x, y = self._corner(box.id)
        width = self._widths[box.id]
        small = fit(
            ", ".join(filter(None, (box.ports, box.short or box.words))),
            int((width - _PAD * 2 - _MARK) / (_CELL * 0.82)),
        )
        mark = f'<circle class="mark" cx="{x + _PAD + 4:g}" cy="{y + 18:g}" r="4.5"/>'
        return (
            f'<g class="box {box.tone}"><title>{text_of(box.title)}: {text_of(box.words)}</title>'
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{_HEIGHT}" rx="8"/>{mark}'
            f'<text class="title" x="{x + _PAD + _MARK:g}" y="{y + 22:g}">{text_of(fit(box.title, _LONGEST))}</text>'
            f'<text class="small" x="{x + _PAD + _MARK:g}" y="{y + 37:g}">{text_of(small)}</text></g>'
        )

    def arrow(self, arrow: Arrow) -> str:
        back = (arrow.source, arrow.target) in self._back
        sort = "arrow back" if back else "arrow stale" if arrow.stale else "arrow"
        at = f" {arrow.at}" if arrow.at else ""
        says = f"{self._names[arrow.source]} uses {self._names[arrow.target]}{at}: {arrow.words}"
        path = self._way_back(arrow) if back else self._way(arrow)
        return f'<g class="{sort}"><title>{text_of(says)}</title><path d="{path}" marker-end="url(#tip)"/></g>'

    def _way(self, arrow: Arrow) -> str:
        way = self._layout.way(arrow.source, arrow.target)
        begin = self._corner(arrow.source)[0] + self._widths[arrow.source]
        path = [f"M{begin:g} {self._middle(way[0]):g}"]
        for near, far in itertools.pairwise(way):
            left, right = sum(self._columns[near.layer]), self._columns[far.layer][0] - (0 if far.passes else 2)
            path.append(f"H{left:g}")
            half, top, bottom = (left + right) / 2, self._middle(near), self._middle(far)
            path.append(f"C{half:g} {top:g} {half:g} {bottom:g} {right:g} {bottom:g}")
        return " ".join(path)

    def _way_back(self, arrow: Arrow) -> str:
        """Leave to the right, go below everything to the left, and come in from there: no box stands in the channels."""
        near, far = self._spots[arrow.source], self._spots[arrow.target]
        begin = self._corner(arrow.source)[0] + self._widths[arrow.source]
        aside = 10 + 5 * (self._back[arrow.source, arrow.target] % 5)
        right, left = sum(self._columns[near.layer]) + aside, self._columns[far.layer][0] - 8 - aside / 3
        low = self._bottom() + aside
        return (
            f"M{begin:g} {self._middle(near):g} H{right - 8:g} q8 0 8 8 V{low - 8:g} q0 8 -8 8 H{left + 8:g} "
            f"q-8 0 -8 -8 V{self._middle(far):g} H{self._columns[far.layer][0] - 2:g}"
        )

    def _bottom(self) -> float:
        return _MARGIN + (max(self._layout.rows.values(), default=0) + 1) * _PITCH - (_PITCH - _HEIGHT)


def _width(box: Box) -> float:
    title = min(cells(box.title), _LONGEST) * _CELL
    ports = cells(box.ports) * _CELL * 0.82
    return max(118.0, title, ports) + _PAD * 2 + _MARK
