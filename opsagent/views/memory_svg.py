"""Pictures of what was learnt, as SVG: families as circles, and what happened over time.

No scripts, nothing from elsewhere. Across, everything is placed in percent, so that letters keep their size on a narrow
screen; each thing that can be pointed at can be reached by the keyboard too, and tells about itself in the line below.
Every foreign text goes through `text_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from opsagent.views.map_svg import text_of
from opsagent.views.table import cells

STYLE = """
.chart{--good4:#1a7f4b;--good3:#7aa83b;--good2:#d6a419;--good1:#dd7330;--good0:#c62f2f;--grid:#e4e8ee;--mark:#3867d6;
--one:#3867d6;--two:#c2571a;--three:#2a8c6d;--four:#8a4fbf;--tip:#1d2430;margin:0;border:1px solid var(--edge);
border-radius:10px;padding:.5rem .75rem}
@media (prefers-color-scheme:dark){.chart{--good4:#4cc38a;--good3:#a5c95a;--good2:#f0c24f;--good1:#f29155;
--good0:#ff6b6b;--grid:#262e39;--mark:#7ea2ff;--one:#7ea2ff;--two:#f2a06b;--three:#5cc9a4;--four:#c295f0;--tip:#e6eaf0}}
.chart svg{display:block;width:100%;overflow:hidden;font:12px ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,
sans-serif}.chart text{fill:var(--soft)}.chart .name{fill:var(--ink)}.chart .grid{stroke:var(--grid)}
.chart .spot{outline:none}.chart .spot .tip{visibility:hidden;fill:var(--tip)}
.chart .spot:hover .tip,.chart .spot:focus .tip{visibility:visible}
.chart .spot:hover .shape,.chart .spot:focus .shape{stroke:var(--ink);stroke-width:2.5}
.chart .shape{stroke:var(--paper);stroke-width:1.5}.chart .stale .shape{stroke:var(--ink);stroke-dasharray:4 3}
.chart .number{fill:#fff;font-weight:600;text-anchor:middle;pointer-events:none}
.chart .band{fill:transparent}.chart .spot:hover .band,.chart .spot:focus .band{fill:var(--mark);fill-opacity:.12}
.chart .line{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}.chart .area{stroke:none}
.chart .good4{fill:var(--good4)}.chart .good3{fill:var(--good3)}.chart .good2{fill:var(--good2)}
.chart .good1{fill:var(--good1)}.chart .good0{fill:var(--good0)}
.one{--hue:var(--one)}.two{--hue:var(--two)}.three{--hue:var(--three)}.four{--hue:var(--four)}
.chart .line{stroke:var(--hue)}.chart .mark{stroke-width:1.2;opacity:.7}.chart .area,.chart .key{fill:var(--hue)}
.plot{display:flex;gap:.5rem;padding-top:.5rem}.plot>svg{flex:1 1 0;min-width:0}
.axis{display:flex;flex-direction:column;justify-content:space-between;font-size:12px;line-height:0;color:var(--soft);
text-align:right;min-width:1.5rem}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1rem;font-size:13px;color:var(--soft);margin:.5rem 0 0}
.legend svg{display:inline-block;width:14px;height:12px;margin-right:.35rem;vertical-align:-1px}
@media (prefers-color-scheme:dark){.chart .number{fill:#12161c}}
@media (max-width:700px){.chart .wide{display:none}}
"""
HUES = ("one", "two", "three", "four")
_TIP_BELOW = 34
_MARGIN, _NUMBERED, _TURN = 40.0, 9, 60
_WIDE, _LETTER = 1000, 6.6
"""What names are measured by: the usual width of the picture, and of a letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One circle."""

    x: float
    """0..1 from left to right, and `y` from the bottom to the top."""
    y: float
    radius: float
    shade: str
    """A class: good0 (never worked) … good4 (always worked)."""
    number: str = ""
    name: str = ""
    """Written beside it, where the screen is wide."""
    tip: str = ""
    stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series of a chart over time."""

    name: str
    values: Sequence[float]
    """At the moments of the chart; as high as the chart's own range says."""
    hue: str
    filled: bool = False


def circles(spots: Sequence[Spot], height: int = 380) -> str:
    """Return circles on a plane whose axes mean nothing by themselves; a name that would cover another is left out."""
    lines = [_open("incidents that are alike lie close together", height + _TIP_BELOW)]
    named = _uncovered(spots, height)
    for spot in sorted(spots, key=lambda one: -one.radius):
        lines += [*_circle(spot, height, named=spot in named), *_tip(spot.tip, height), "</g>"]
    return "\n".join([*lines, "</svg>"])


def _circle(spot: Spot, height: int, *, named: bool) -> list[str]:
    x, y = _place(spot, height)
    stale = " stale" if spot.stale else ""
    lines = [
        f'<g class="spot{stale}" tabindex="0"><title>{text_of(spot.tip)}</title>',
        f'<circle class="shape {spot.shade}" cx="{x:.2f}%" cy="{y:.1f}" r="{spot.radius:.1f}"/>',
    ]
    if spot.number and spot.radius >= _NUMBERED:
        lines.append(f'<text class="number" x="{x:.2f}%" y="{y + 4:.1f}">{text_of(spot.number)}</text>')
    if named:
        # On the right a name stands to the left of its circle, so that none leaves the picture.
        side, shift = ("end", -spot.radius - 5) if x > _TURN else ("start", spot.radius + 5)
        lines.append(
            f'<text class="name wide" x="{x:.2f}%" dx="{shift:.1f}" y="{y + 4:.1f}" text-anchor="{side}">'
            f"{text_of(spot.name)}</text>"
        )
    return lines


def _place(spot: Spot, height: int) -> tuple[float, float]:
    """Return percent from the left, and units from the top."""
    return 6 + 88 * spot.x, _MARGIN + (height - 2 * _MARGIN) * (1 - spot.y)


def _uncovered(spots: Sequence[Spot], height: int) -> list[Spot]:
    """Return those whose name has room, as far as that can be told for a picture of usual width."""
    named: list[Spot] = []
    taken = [(x * _WIDE / 100 - one.radius, y - one.radius, x * _WIDE / 100 + one.radius, y + one.radius)
             for one in spots for x, y in [_place(one, height)]]  # fmt: skip
    for spot in sorted((one for one in spots if one.name), key=lambda one: -one.radius):
        x, y = _place(spot, height)
        length, gap = cells(spot.name) * _LETTER, spot.radius + 5
        left = x * _WIDE / 100 + (-gap - length if x > _TURN else gap)
        box = (left, y - 8, left + length, y + 8)
        if not any(
            box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3] for other in taken
        ):
            named.append(spot)
            taken.append(box)
    return named


def over_time(
    title: str,
    moments: Sequence[datetime],
    lines: Sequence[Line],
    tips: Sequence[str],
    *,
    top: float,
    bottom: float = 0.0,
    marks: Iterable[int] = (),
    height: int = 150,
    scale: str = "{:g}",
) -> str:
    """Return lines over time: one band per moment tells what there was. `marks`: indices of moments to stand out."""
    count = max(1, len(moments) - 1)
    drawn = [
        _open(title, height + _TIP_BELOW + 18),
        *(f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>' for y in (0, height / 2, height)),
        f'<svg width="100%" height="{height}" viewBox="0 0 1000 1000" preserveAspectRatio="none">',
        *(_series(line, count, top, bottom) for line in lines),
        *(_mark(1000 * at / count) for at in marks),
        "</svg>",
        *_bands(tips, height),
        *_dates(moments, height),
        "</svg>",
    ]
    values = [top, (top + bottom) / 2, bottom]
    axis = "".join(f"<span>{text_of(scale.format(value))}</span>" for value in values)
    return "\n".join(
        ['<div class="plot">', f'<div class="axis" style="height:{height}px">{axis}</div>', *drawn, "</div>"]
    )


def _mark(x: float) -> str:
    return f'<line class="line two mark" stroke-dasharray="3 4" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="1000"/>'


def legend(entries: Iterable[tuple[str, str]]) -> str:
    """Return what the colours mean: (class, words)."""
    keys = "".join(
        f'<span><svg class="{hue}" aria-hidden="true"><rect class="key {hue}" width="12" height="12" rx="3"/></svg>'
        f"{text_of(words)}</span>"
        for hue, words in entries
    )
    return f'<div class="legend">{keys}</div>'


def shade(share: float | None) -> str:
    """Return the class for a share of success, 0..1; in the middle where nothing is known."""
    return f"good{2 if share is None else min(4, int(share * 5))}"


def _open(title: str, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" height="{height}" '
        f'aria-label="{text_of(title)}"><title>{text_of(title)}</title>'
    )


def _series(line: Line, count: int, top: float, bottom: float) -> str:
    span = (top - bottom) or 1.0
    points = [
        (1000 * at / count, 1000 * (1 - (value - bottom) / span))
        for at, value in enumerate(line.values)
        if value == value  # noqa: PLR0124  # not a number: nothing is known there
    ]
    if len(points) == 1:
        points.append((1000.0, points[0][1]))
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    if line.filled and points:
        return f'<polygon class="area {line.hue}" points="{points[0][0]:.1f},1000 {path} {points[-1][0]:.1f},1000"/>'
    return f'<polyline class="line {line.hue}" points="{path}"/>'


def _bands(tips: Sequence[str], height: int) -> list[str]:
    wide = 100 / max(1, len(tips))
    drawn = []
    for number, tip in enumerate(tips):
        drawn.append(
            f'<g class="spot" tabindex="0"><title>{text_of(tip)}</title><rect class="band" x="{number * wide:.3f}%" y="0" '
            f'width="{wide:.3f}%" height="{height}"/>'
        )
        drawn += [*_tip(tip, height + 18), "</g>"]
    return drawn


def _tip(tip: str, height: int) -> list[str]:
    """Return two lines under the picture, shown while its thing is pointed at."""
    first, _, second = tip.partition(" — ")
    return [
        f'<text class="tip" x="0" y="{height + 14}">{text_of(first)}</text>',
        f'<text class="tip" x="0" y="{height + 30}">{text_of(second)}</text>' if second else "",
    ]


def _dates(moments: Sequence[datetime], height: int) -> list[str]:
    if not moments:
        return []
    form = "%Y-%m-%d" if (moments[-1] - moments[0]).days >= 2 else "%m-%d %H:%M"
    places = [(moments[0], "0", "start"), (moments[-1], "100%", "end")]
    return [
        f'<text x="{x}" y="{height + 16}" text-anchor="{anchor}">{text_of(f"{at:{form}}")}</text>'
        for at, x, anchor in places[: len(set(moments)) or 1]
    ]


def bucketed(moments: Sequence[datetime], most: int) -> tuple[list[datetime], Mapping[int, list[int]]]:
    """Return the ends of at most `most` equal spans of time, and which moments (by index) fall into each."""
    first, last = min(moments), max(moments)
    count = max(1, min(most, len(moments)))
    span = (last - first) / count if last > first else None
    ends = [first + span * (number + 1) for number in range(count)] if span is not None else [last]
    inside: dict[int, list[int]] = {number: [] for number in range(len(ends))}
    for index, at in enumerate(moments):
        number = min(len(ends) - 1, int((at - first) / span)) if span is not None else 0
        inside[number].append(index)
    return ends, inside
