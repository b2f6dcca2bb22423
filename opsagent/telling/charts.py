"""One thing over time as inline SVG, with marks for what happened when. No scripts; light and dark by the reader's choice.

Across, everything is placed in percent, so that letters keep their size on a narrow screen.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from datetime import datetime

from opsagent.telling.document import Chart, Mark
from opsagent.telling.times import clock, short
from opsagent.views.numbers import size
from opsagent_tools.text import escape_for_html

STYLE = """
.chart{--line:#3867d6;--bad:#c62f2f;--acted:#b06a00;--good:#1a7f4b;--grid:#e4e8ee;margin:.75rem 0;border:1px solid var(--edge);
border-radius:10px;padding:.5rem .75rem}
@media (prefers-color-scheme:dark){.chart{--line:#7ea2ff;--bad:#ff6b6b;--acted:#f0b04f;--good:#4cc38a;--grid:#262e39}}
.chart figcaption{font-size:13px;color:var(--soft);display:flex;flex-wrap:wrap;gap:.1rem 1rem;margin-bottom:.25rem}
.chart figcaption b{color:var(--ink);font-weight:600}
.chart svg{display:block;width:100%;overflow:visible;font:12px ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.chart text{fill:var(--soft)}.chart .grid{stroke:var(--grid)}
.chart .line{fill:none;stroke:var(--line);stroke-width:2;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.chart .bar{fill:var(--line)}.chart .well{fill:var(--good)}.chart .ill{fill:var(--bad)}
.chart .mark{stroke-width:2;stroke-dasharray:4 3}.chart .mark.bad,.chart .key.bad{stroke:var(--bad)}
.chart .mark.acted,.chart .key.acted{stroke:var(--acted)}.chart .mark.good,.chart .key.good{stroke:var(--good)}
.chart .key{stroke-width:3}.chart figcaption svg{display:inline-block;width:14px;height:10px;margin-right:.3rem}
.plot{display:flex;gap:.5rem}.plot>svg{flex:1 1 0;min-width:0}
.axis{display:flex;flex-direction:column;justify-content:space-between;font-size:12px;line-height:1;color:var(--soft);
text-align:right;min-width:3.5rem;margin:-.4rem 0}
"""
_HEIGHT = {"line": 110, "bars": 80, "band": 30}
_BELOW = 20
_GAP = 6
"""So many usual pauses between two points, and the line is broken."""
_NARROWEST = 0.35
"""Percent of the picture that a bar takes at least."""


def drawn(chart: Chart, zone: str) -> str:
    """Return a figure."""
    height = _HEIGHT[chart.kind]
    top = _top(chart)
    svg = [
        f'<svg role="img" height="{height + _BELOW}" aria-label="{escape_for_html(chart.title)}">',
        f"<title>{escape_for_html(chart.title)}</title>",
        *([] if chart.kind == "band" else _grid(height)),
        *_KINDS[chart.kind](chart, height, top),
        *(_mark(mark, chart, height) for mark in chart.marks if chart.begins <= mark.at <= chart.ends),
        *_times(chart, zone, height),
        "</svg>",
    ]
    axis = '<div class="axis"></div>' if chart.kind == "band" else _axis(chart, top, height)
    return "\n".join(
        ['<figure class="chart">', _caption(chart, zone), '<div class="plot">', axis, *svg, "</div>", "</figure>"]
    )


def _caption(chart: Chart, zone: str) -> str:
    keys = "".join(
        f'<span><svg aria-hidden="true"><line class="key {escape_for_html(mark.hue)}" x1="0" x2="14" y1="6" y2="6"/></svg>'
        f"{escape_for_html(f'{mark.text} {clock(mark.at, zone)}')}</span>"
        for mark in (chart.marks if chart.keyed else ())
        if chart.begins <= mark.at <= chart.ends
    )
    return f"<figcaption><b>{escape_for_html(chart.title)}</b>{keys}</figcaption>"


def _top(chart: Chart) -> float:
    """Return a round number that nothing exceeds, half of which is round too."""
    highest = max((value for _, value in chart.points), default=0.0)
    if highest <= 0:
        return 2.0
    step = 10.0 ** math.floor(math.log10(highest))
    return (
        next(factor * step for factor in (1, 2, 4, 5, 6, 8, 10) if factor * step >= highest * 1.001)
        if (chart.scale != "{bytes}")
        else highest * 1.08
    )


def _axis(chart: Chart, top: float, height: int) -> str:
    words = "".join(f"<span>{escape_for_html(_written(chart, value))}</span>" for value in (top, top / 2, 0.0))
    return f'<div class="axis" style="height:{height}px">{words}</div>'


def _written(chart: Chart, value: float) -> str:
    return size(value) if chart.scale == "{bytes}" else chart.scale.format(value)


def _grid(height: int) -> Iterator[str]:
    yield from (f'<line class="grid" x1="0" x2="100%" y1="{y:g}" y2="{y:g}"/>' for y in (0, height / 2, height))


def _x(at: datetime, chart: Chart) -> float:
    """Return percent from the left."""
    span = (chart.ends - chart.begins).total_seconds() or 1.0
    return min(100.0, max(0.0, 100 * (at - chart.begins).total_seconds() / span))


def _line(chart: Chart, height: int, top: float) -> list[str]:
    inner = ""
    for stretch in _stretches(chart):
        points = [(_x(at, chart) * 10, 1000 * (1 - value / top)) for at, value in stretch]
        if len(points) == 1:
            points.append((min(1000.0, points[0][0] + 4), points[0][1]))
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        inner += f'<polyline class="line" points="{path}"/>'
    if not inner:
        return []
    return [f'<svg width="100%" height="{height}" viewBox="0 0 1000 1000" preserveAspectRatio="none">{inner}</svg>']


def _stretches(chart: Chart) -> Iterator[list[tuple[datetime, float]]]:
    """Yield the points in rows: no line is drawn over a time of which nothing is known."""
    gaps = sorted(after - before for (before, _), (after, _) in itertools.pairwise(chart.points))
    usual = gaps[len(gaps) // 2] * _GAP if gaps else None
    row: list[tuple[datetime, float]] = []
    for point in chart.points:
        if row and usual is not None and point[0] - row[-1][0] > usual:
            yield row
            row = []
        row.append(point)
    if row:
        yield row


def _bars(chart: Chart, height: int, top: float) -> list[str]:
    wide = max(_NARROWEST, 60 / max(1, len(chart.points)) if len(chart.points) > 20 else 1.5)
    return [
        f'<rect class="bar" x="{min(100 - wide, _x(at, chart)):.2f}%" width="{wide:.2f}%" '
        f'y="{height * (1 - value / top):.1f}" height="{height * value / top:.1f}"/>'
        for at, value in chart.points
        if value > 0
    ]


def _band(chart: Chart, height: int, _top: float) -> list[str]:
    """Stretches of well and not well, each until the next answer."""
    spans: list[tuple[float, float, bool]] = []
    following = [*(at for at, _ in chart.points[1:]), chart.ends]
    for (at, value), until in zip(chart.points, following, strict=True):
        left, right, well = _x(at, chart), _x(until, chart), value > 0
        if spans and spans[-1][2] == well:
            spans[-1] = (spans[-1][0], right, well)
        else:
            spans.append((left, right, well))
    return [
        f'<rect class="{"well" if well else "ill"}" x="{left:.2f}%" width="{max(_NARROWEST, right - left):.2f}%" y="8" '
        f'height="{height - 16}"/>'
        for left, right, well in spans
    ]


_KINDS = {"line": _line, "bars": _bars, "band": _band}


def _mark(mark: Mark, chart: Chart, height: int) -> str:
    x = _x(mark.at, chart)
    return (
        f'<g><title>{escape_for_html(mark.text)}</title><line class="mark {escape_for_html(mark.hue)}" x1="{x:.2f}%" '
        f'x2="{x:.2f}%" y1="0" y2="{height}"/></g>'
    )


def _times(chart: Chart, zone: str, height: int) -> Sequence[str]:
    places = ((chart.begins, "0", "start"), (chart.ends, "100%", "end"))
    return [
        f'<text x="{x}" y="{height + 15}" text-anchor="{anchor}">{escape_for_html(short(at, zone))}</text>'
        for at, x, anchor in places
    ]
