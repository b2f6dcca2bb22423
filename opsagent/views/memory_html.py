"""What was learnt, as one page: families of incidents, what each lesson did, how the memory grew. Pure.

Takes the picture that `opsagent memory stats --html` puts together (`opsagent.memory_picture`). No scripts, nothing from
elsewhere; every foreign text is escaped by `text_of`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from opsagent.memory_forms import unit_of
from opsagent.views.map_svg import text_of
from opsagent.views.memory_families import odds
from opsagent.views.memory_svg import HUES, STYLE, Line, Spot, bucketed, circles, legend, over_time, shade
from opsagent.views.numbers import moment
from opsagent.views.page import page as framed
from opsagent.views.page import table
from opsagent.views.table import fit

_NAMED = 8
"""So many of the largest families have their name in the picture."""
_DRAWN = 150
_SPANS = 30
"""Spans of time that each chart has, each a stop for the keyboard."""
_LISTED = 40
_NAME, _TEXT = 34, 160
_SHADES = (
    ("good4", "what is tried nearly always works"),
    ("good3", "mostly"),
    ("good2", "half of the time"),
    ("good1", "seldom"),
    ("good0", "nearly never"),
)
_STYLE = """
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.5rem;margin:1rem 0}
.facts div{border:1px solid var(--edge);border-radius:10px;padding:.5rem .75rem}
.facts b{display:block;font-size:1.25rem;font-weight:600}.facts span{color:var(--soft);font-size:13px}
.pair>:last-child:nth-child(odd){grid-column:1/-1}td.how{min-width:18rem}td:nth-child(2){min-width:12rem;overflow-wrap:anywhere}.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:0 1rem}
"""


def page(picture: Mapping[str, Any]) -> str:
    """Return a whole HTML page."""
    when = moment(datetime.fromisoformat(picture["at"]))
    body = ["<h1>What is remembered</h1>", f"<p>{text_of(when)}</p>", *_facts(picture["stats"])]
    if not picture["stats"]["records"]:
        body.append("<p>Nothing is remembered yet. The first incident that is seen to its end will stand here.</p>")
    body += _families(picture["families"])
    body += ['<div class="pair">', *_lessons(picture["lessons"]), *_growth(picture["growth"]), "</div>"]
    body += _family_table(_largest(picture["families"]))
    return framed("what is remembered", body, STYLE + _STYLE)


def _facts(stats: Mapping[str, Any]) -> list[str]:
    kinds = stats["by_kind"]
    shown = [
        (f"{kinds.get('episode', 0):,}", "episodes: what happened"),
        (f"{kinds.get('fact', 0):,}", "facts: what holds"),
        (f"{kinds.get('procedure', 0):,}", "procedures: what works"),
        (f"{stats.get('archived', 0):,}", "archived"),
        (f"{stats.get('forgotten', 0):,}", "forgotten for good"),
    ]
    cards = "".join(f"<div><b>{text_of(value)}</b><span>{text_of(words)}</span></div>" for value, words in shown)
    return [f'<div class="facts">{cards}</div>']


def _families(families: Sequence[Mapping[str, Any]]) -> list[str]:
    if not families:
        return [
            "<h2>Families of like incidents</h2>",
            "<p>None yet: a family begins with the first proven outcome.</p>",
        ]
    drawn = _largest(families)[:_DRAWN]
    most = max(one["lessons"] for one in drawn)
    spots = [_spot(number, family, most) for number, family in enumerate(drawn, start=1)]
    rest = len(families) - len(drawn)
    note = f" The {len(drawn)} largest of {len(families)} are drawn." if rest else ""
    return [
        "<h2>Families of like incidents</h2>",
        (
            "<p>Each circle is a family: what is alike lies close together, its size is how often it taught something, its "
            f"colour how often what was tried worked. Dashed: what used to work no longer does.{note}</p>"
        ),
        f'<figure class="chart">{circles(spots)}{legend(_SHADES)}</figure>',
    ]


def _largest(families: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(families, key=lambda one: -one["lessons"])


def _spot(number: int, family: Mapping[str, Any], most: int) -> Spot:
    lessons = family["lessons"]
    return Spot(
        x=family["x"],
        y=family["y"],
        radius=6 + 22 * math.sqrt(lessons / most),
        shade=shade(family["share"]),
        number=str(number),
        name=fit(family["text"], _NAME) if number <= _NAMED else "",
        tip=f"{number}: {fit(family['text'], 90)} — {_counts(family)}",
        stale=any(one["stale"] for one in family["remedies"]),
    )


def _counts(family: Mapping[str, Any]) -> str:
    lessons = f"{family['lessons']:,} {'lesson' if family['lessons'] == 1 else 'lessons'}"
    return "; ".join([lessons, *(odds(one) for one in family["remedies"][:2])])


def _family_table(families: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        (
            str(number),
            fit(family["text"], _TEXT),
            unit_of(family["scope"]),
            f"{family['lessons']:,}",
            "; ".join(odds(one) for one in family["remedies"]) or "-",
        )
        for number, family in enumerate(families[:_LISTED], start=1)
    ]
    return table("The largest families", ("No.", "Such as", "Of", "Lessons", "What was tried"), rows)


def _lessons(lessons: Sequence[Mapping[str, Any]]) -> list[str]:
    if not lessons:
        return []
    moments = [datetime.fromisoformat(one["at"]) for one in lessons]
    ends, inside = bucketed(moments, _SPANS)
    spans = [[lessons[index] for index in inside[number]] for number in range(len(ends))]
    return ["<div>", *_surprise(ends, spans), "</div>", "<div>", *_weights(ends, spans), "</div>"]


def _surprise(ends: Sequence[datetime], spans: Sequence[Sequence[Mapping[str, Any]]]) -> list[str]:
    values = [_mean([abs(one["surprise"]) for one in span]) for span in spans]
    marks = [number for number, span in enumerate(spans) if any(one["stale"] for one in span)]
    tips = [_told(end, span, value) for end, span, value in zip(ends, spans, values, strict=True)]
    lines = [Line(name="surprise", values=values, hue="one")]
    drawn = over_time("surprise over time", ends, lines, tips, top=1.0, marks=marks)
    return [
        "<h2>How surprising outcomes were</h2>",
        "<p>0: as expected. It falls while the memory learns, and rises where the world changed.</p>",
        (
            f'<figure class="chart">{drawn}'
            f"{legend([('one', 'mean surprise'), ('two', 'dotted: a remedy was marked stale')])}</figure>"
        ),
    ]


def _told(end: datetime, span: Sequence[Mapping[str, Any]], value: float) -> str:
    if not span:
        return f"until {moment(end)} — nothing was learnt"
    opened, stale = sum(bool(one["opened"]) for one in span), sorted({one["remedy"] for one in span if one["stale"]})
    parts = [f"{len(span)} lessons, surprise {value:.2f}"]
    parts += [f"{opened} new families"] if opened else []
    parts += [f"stale: {fit(', '.join(stale), 60)}"] if stale else []
    return f"until {moment(end)} — {'; '.join(parts)}"


def _weights(ends: Sequence[datetime], spans: Sequence[Sequence[Mapping[str, Any]]]) -> list[str]:
    names = sorted({name for span in spans for one in span for name in one["weights"]})[: len(HUES)]
    if not names:
        return []
    lines = [
        Line(
            name=name,
            values=_carried(
                [_mean([one["weights"][name] for one in span if name in one["weights"]]) for span in spans]
            ),
            hue=hue,
        )
        for name, hue in zip(names, HUES, strict=False)
    ]
    tips = [
        f"until {moment(end)} — " + ", ".join(f"{line.name} {line.values[number]:.2f}" for line in lines)
        for number, end in enumerate(ends)
    ]
    return [
        "<h2>Which expert is trusted</h2>",
        "<p>Several ways to expect an outcome run side by side; whichever erred less lately weighs more.</p>",
        (
            f'<figure class="chart">{over_time("weights of the experts", ends, lines, tips, top=1.0)}'
            f"{legend([(line.hue, line.name) for line in lines])}</figure>"
        ),
    ]


def _growth(growth: Sequence[Mapping[str, Any]]) -> list[str]:
    if not growth:
        return []
    ends = [datetime.fromisoformat(one["at"]) for one in growth]
    kinds = (("episode", "one"), ("fact", "two"), ("procedure", "three"))
    stacked, below = [], [0.0] * len(growth)
    for kind, hue in kinds:
        below = [low + one[kind] for low, one in zip(below, growth, strict=True)]
        stacked.append(Line(name=kind, values=list(below), hue=hue, filled=True))
    gone = Line(name="forgotten", values=[float(one["forgotten"]) for one in growth], hue="four")
    top = max([1.0, *stacked[-1].values, *gone.values])
    tips = [
        f"{moment(end)} — {one['episode']:,} episodes, {one['fact']:,} facts, {one['procedure']:,} procedures; "
        f"{one['forgotten']:,} forgotten, {one['archived']:,} archived"
        for end, one in zip(ends, growth, strict=True)
    ]
    drawn = over_time("records over time", ends, [*reversed(stacked), gone], tips, top=top, scale="{:,.0f}")
    return [
        "<div>",
        "<h2>What is kept</h2>",
        "<p>Records of each kind; forgotten ones are gone, their number stays.</p>",
        (
            f'<figure class="chart">{drawn}'
            f"{legend([*((hue, f'{kind}s') for kind, hue in kinds), ('four', 'forgotten')])}</figure>"
        ),
        "</div>",
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _carried(values: Sequence[float]) -> list[float]:
    """Fill spans in which nothing was learnt with what held before."""
    found, last = [], next((value for value in values if not math.isnan(value)), 0.0)
    for value in values:
        last = last if math.isnan(value) else value
        found.append(last)
    return found
