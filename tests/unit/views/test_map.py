"""A map as it is drawn: layers and rows, lines that never touch another's, circles, narrow screens, hostile names."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from opsagent.topology import OUTSIDE, Link, Node, Sort
from opsagent.topology_report import report
from opsagent.views.map_graph import Picture, picture
from opsagent.views.map_html import page
from opsagent.views.map_layout import Layout, lay_out
from opsagent.views.map_svg import document, drawing
from opsagent.views.map_text import Letters, arrow_lines, draw
from opsagent.views.table import cells
from opsagent.views.terminal import Screen
from opsagent.world import World
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId, UnitState

START = datetime(2026, 1, 1, tzinfo=UTC)
PLAIN, UNICODE, ASCII = Screen(), Letters(), Letters(unicode=False)
HOSTILE = [
    "<script>alert(1)</script>",
    "\"><svg onload='x()'>",
    "]]>&amp;<!--",
    "\x1b[31mred\x1b[0m\r\n",
    "\u202eesrever",
    "\ufffe\x00 \ud800",
    "주문-api",
    "[link=http://x]y[/link]",
    "x" * 300,
]


def uid(name: str) -> UnitId:
    return UnitId("circus", name, "host")


def mapped(
    pairs: Iterable[tuple[str, str]],
    names: Sequence[str] = (),
    *,
    others: Iterable[Link] = (),
    needs: Iterable[tuple[str, str]] = (),
    known: dict[str, dict[str, Any]] | None = None,
    looks: int = 5,
) -> dict[str, Any]:
    """The report of a machine on which these talk to those."""
    pairs, needs = list(pairs), list(needs)
    every = [*dict.fromkeys([*names, *(name for pair in (*pairs, *needs) for name in pair)])]
    world = World(
        ServiceSpec(name=name, cwd=Path("/"), depends_on=tuple(b for a, b in needs if a == name)) for name in every
    )
    for number, name in enumerate(every):
        world.replace_unit(Unit(id=uid(name), state=UnitState.RUNNING, ports=(8000 + number,)))
    links = [Link(Node.of(uid(a)), Node.of(uid(b)), 8000 + every.index(b)) for a, b in pairs]
    for look in range(looks):
        world.topology.take([*links, *others], world.units, START + timedelta(seconds=look), 1.0)
    live = {uid(name): values for name, values in (known or {}).items()}
    return report(world, START + timedelta(seconds=60), source="daemon", known=live)


def drawn(found: dict[str, Any], width: int | None = None, letters: Letters = UNICODE) -> list[str]:
    return draw(picture(found, stale=False), Screen(width=width), letters)


def test_a_chain() -> None:
    lines = drawn(mapped([("web", "api"), ("api", "db")], known={"api": {"health": False}, "db": {"health": True}}))
    assert lines == [
        "┌─────────────┐                       ┌────────────┐",
        "│ ● web :8000 │─┐                  ┌─▶│ ● db :8002 │",
        "└─────────────┘ │  ┌─────────────┐ │  └────────────┘",
        "                └─▶│ ✖ api :8001 │─┘",
        "                   └─────────────┘",
    ]


def test_the_same_in_plain_letters() -> None:
    assert drawn(mapped([("web", "api")]), letters=ASCII) == [
        "+-------------+",
        "| * web :8000 |-+",
        "+-------------+ |  +-------------+",
        "                +->| * api :8001 |",
        "                   +-------------+",
    ]


def ends_of(lines: Sequence[str]) -> int:
    return sum(line.count("▶") for line in lines)


def test_what_closes_a_circle_is_said_below() -> None:
    lines = drawn(mapped([("a", "b"), ("b", "c"), ("c", "a")]))
    assert lines[-1] == "and back: c uses a"
    assert ends_of(lines) == 2


def test_who_talks_to_nobody_is_listed() -> None:
    lines = drawn(mapped([("a", "b")], ["batch", "cron"]))
    assert lines[-3:] == ["", "Seen to talk to nobody:", "● batch :8000  ● cron :8001"]
    assert drawn(mapped([], ["cron"])) == ["Seen to talk to nobody:", "● cron :8000"]
    assert drawn(mapped([])) == []


def test_no_line_is_wider_than_the_screen() -> None:
    tangled = mapped([(a, b) for a in "abcd" for b in "efgh"] + [("e", "i"), ("i", "j"), ("a", "j")], ["long" * 20])
    for width in (20, 40, 60, 80, 200):
        lines = drawn(tangled, width)
        assert max(map(cells, lines)) <= width, width
        assert "see above" in "".join(lines) or ends_of(lines) or width < 30
    assert ends_of(drawn(tangled, 200))
    assert not ends_of(drawn(tangled, 30))


def test_the_list_names_everything_once_and_repeats_nothing() -> None:
    lines = drawn(mapped([("a", "b"), ("b", "c"), ("c", "d"), ("x", "c")]), 20)
    assert lines == [
        "● a :8000",
        "└─ ● b :8001",
        "   └─ ● c :8002",
        "      └─ ● d :8003",
        "● x :8004",
        "└─ ● c :8002 (see a…",
    ]


def test_remote_ends_of_the_same_services_are_one_box() -> None:
    api, crowd = Node.of(uid("api")), [Node(Sort.REMOTE, f"10.0.0.{n}:443") for n in range(9)]
    links = [Link(api, one, 443) for one in crowd] + [Link(OUTSIDE, api, 8000)]
    found = picture(mapped([], ["api"], others=links))
    assert [box.title for box in found.boxes] == ["api", "(other machines)", "9 remote ends"]
    assert [(arrow.at, arrow.words) for arrow in found.arrows] == [
        (":443", "seen 5 times in 1m, last 56s ago"),
        (":8000", "seen 5 times in 1m, last 56s ago"),
    ]


def test_the_focus_is_on_what_a_unit_needs_and_what_needs_it() -> None:
    found = mapped([("a", "b"), ("b", "c"), ("c", "d"), ("x", "c"), ("b", "y")])
    assert {box.title for box in picture(found, focus=str(uid("b"))).boxes} == {"a", "b", "c", "d", "y"}
    assert [box.title for box in picture(mapped([("a", "b")], ["z"]), focus=str(uid("z"))).alone] == ["z"]


def test_where_an_arrow_is_known_from_is_said() -> None:
    found = mapped([("a", "b"), ("b", "a")], needs=[("a", "b"), ("a", "c")], looks=3)
    assert arrow_lines(picture(found)) == [
        "a uses b :8001: configured; seen 3 times in 1m, last 58s ago",
        "a uses c: configured",
        "b uses a :8000: seen 3 times in 1m, last 58s ago; no dependency: configuration says otherwise",
    ]


def random_graph(seed: int, boxes: int = 25) -> tuple[list[str], list[tuple[str, str]]]:
    dice = random.Random(seed)
    keys = [f"n{number}" for number in range(boxes)]
    return keys, [(dice.choice(keys), dice.choice(keys)) for _ in range(boxes * 2)]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_laid_out_goes_from_left_to_right(seed: int) -> None:
    keys, arrows = random_graph(seed)
    layout = lay_out(keys, arrows)
    wanted = {(a, b) for a, b in arrows if a != b}
    assert sorted(spot.key for layer in layout.layers for spot in layer if not spot.passes) == sorted(keys)
    for source, target in wanted - set(layout.back):
        way = layout.way(source, target)
        assert [spot.layer for spot in way] == list(range(way[0].layer, way[-1].layer + 1))
        assert set(itertools.pairwise(way)) <= set(layout.segments)
    assert set(layout.back) <= wanted
    for layer in layout.layers:
        rows = [layout.rows[spot] for spot in layer]
        assert rows == sorted(set(rows)), "no two of a layer are in one row"
    assert lay_out(keys, arrows) == layout, "the same is drawn the same"


@pytest.mark.parametrize("seed", range(12))
def test_every_arrow_can_be_followed_in_the_drawing(seed: int) -> None:
    """Reads the drawing as a person does: along the lines, turning where they turn, straight on where they cross."""
    keys, arrows = random_graph(seed, 9)
    found = picture(mapped([(a, b) for a, b in arrows if a != b], keys), stale=False)
    layout = lay_out([box.id for box in found.boxes], [(arrow.source, arrow.target) for arrow in found.arrows])
    names = {box.id: box.title for box in found.boxes}
    wanted = {(names[a.source], names[a.target]) for a in found.arrows} - {(names[a], names[b]) for a, b in layout.back}
    assert followed(draw(found, PLAIN, UNICODE)) == wanted


_SIDES = {"─": "LR", "│": "UD", "┌": "RD", "┐": "LD", "└": "RU", "┘": "LU", "├": "RUD", "┤": "LUD", "┬": "LRD", "┴": "LRU",
          "┼": "LRUD"}  # fmt: skip
_STEPS = {"L": (0, -1), "R": (0, 1), "U": (-1, 0), "D": (1, 0)}
_BACK = {"L": "R", "R": "L", "U": "D", "D": "U"}


def followed(lines: Sequence[str]) -> set[tuple[str, str]]:
    """All pairs of boxes that a line leads from and to."""

    def at(row: int, column: int) -> str:
        return lines[row][column] if 0 <= row < len(lines) and 0 <= column < len(lines[row]) else " "

    found = set()
    for row, line in enumerate(lines):
        for box in re.finditer(r"│ [●✖] (n\d+)[^│]*│", line):
            queue, been = [(row, box.end(), "R")], set()
            while queue:
                y, x, side = queue.pop()
                char = at(y, x)
                if (y, x, side) in been:
                    continue
                been.add((y, x, side))
                if char == "▶":
                    target = re.match(r"│ [●✖] (n\d+)", lines[y][x + 1 :])
                    assert target is not None
                    found.add((box[1], target[1]))
                    continue
                sides = _SIDES.get(char, "")
                if char == "│" and side in "LR":  # two lines cross: straight on
                    sides = "LR"
                if side == "R" and "R" in sides:  # what comes together there goes the same way
                    sides = "LR"
                queue += [
                    (y + _STEPS[way][0], x + _STEPS[way][1], way)
                    for way in sides
                    if way not in {_BACK[side], "L"} and _BACK[side] in sides
                ]
    return found


class Tags(HTMLParser):
    """Elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def hostile() -> tuple[Picture, dict[str, Any]]:
    names = list(HOSTILE)
    process = [Link(Node(Sort.PROCESS, name), Node.of(uid("api")), path=name) for name in HOSTILE]
    live = {"api": {"incident": HOSTILE[0], "hold": HOSTILE[1], "maintenance": HOSTILE[2]}}
    found = mapped([], ["api"], others=process, known=live)
    for node, name in zip(found["nodes"][1:], names, strict=False):
        node["name"] = name
    return picture(found), found


def test_hostile_names_stay_text_in_svg() -> None:
    shown, _ = hostile()
    root = ET.fromstring(document(shown))
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags == {"svg", "title", "style", "defs", "marker", "path", "rect", "g", "circle", "text"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not {name for name in attributes if name.startswith("on") or "href" in name}
    said = "".join(root.itertext())
    assert "<script>alert(1)</script>" in said
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_hostile_names_stay_text_in_a_page() -> None:
    shown, found = hostile()
    html = page(shown, found)
    parser = Tags()
    parser.feed(html)
    allowed = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "div", "table", "tr", "th", "td"}
    assert parser.tags <= allowed | {"svg", "defs", "marker", "path", "rect", "g", "circle", "text"}
    assert not {name for name in parser.attributes if name.startswith("on") or name in {"src", "href"}}
    assert "default-src 'none'" in html
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg|http-equiv|\[link=http://x\]", "", html)


def test_hostile_names_stay_text_on_a_terminal() -> None:
    shown, _ = hostile()
    for letters in (UNICODE, ASCII):
        for width in (None, 30, 120):
            text = "\n".join([*draw(shown, Screen(width=width), letters), *arrow_lines(shown)])
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\ud800]", text)


def test_a_drawing_of_nothing_is_a_drawing() -> None:
    assert "no services" in drawing(picture(mapped([])))
    assert isinstance(lay_out([], []), Layout)


def test_wide_characters_keep_their_columns() -> None:
    lines = drawn(mapped([("주문", "api")]))
    assert cells(lines[0].split(" ")[0]) == cells(lines[2].split(" ")[0])
    assert lines[1].startswith("│ ● 주문 :8000 │─┐")
