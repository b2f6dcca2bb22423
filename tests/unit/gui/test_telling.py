"""What is around a target says where it is; what changes by itself says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsagent_tools.gui.fake import Control
from opsagent_tools.gui.fingerprints import fingerprint_of
from opsagent_tools.gui.locating import locate
from opsagent_tools.gui.matching import names, telling
from opsagent_tools.gui.matching.scene import Scene
from opsagent_tools.gui.matching.telling import names_a_row, tells
from opsagent_tools.gui.model import (
    Anchor,
    Box,
    Element,
    Fingerprint,
    Gesture,
    Located,
    Look,
    NotLocated,
    Point,
    SurfaceKind,
    Verb,
)
from opsagent_tools.gui.procedure import ScreenStep
from opsagent_tools.gui.recording.pointed import hit
from opsagent_tools.gui.saying import said
from tests.unit.gui.test_locating import known, look


@pytest.mark.parametrize(
    "text",
    ["9│nov 29 07:46││", "Nov 29 07:46", "29 Nov 2026, 10:11:12", "4096", "1.5G", "1,234 KB", "12.3%", "17:01", "0x7f",
     "1h 23m", "127.0.0.1:8080", "a3f9c0de12345678", "12.3 °C", "│", "---", "March 2026"],
)  # fmt: skip
def test_what_passes_by_itself_tells_nothing(text: str) -> None:
    assert not tells(text)


@pytest.mark.parametrize(
    "text",
    [
        "march.csv",
        "db1.example.org",
        "Item 1",
        "March",
        "Monitor 1",
        "F10",
        "7",
        "Second 2",
        "+",
        "=",
        ".",
        "삭제",
        "C",
        "10 MB free",
    ],
)
def test_a_name_tells_where_one_is(text: str) -> None:
    assert tells(text)


def _table(*rows: tuple[str, str, str]) -> list[Control]:
    made = []
    for at, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            made.append(
                Control(f"{at}.{column}", "table cell", cell, box=Box(10 + 120 * column, 40 + 20 * at, 110, 18))
            )
    return made


def test_a_row_is_known_among_others_whose_numbers_are_new() -> None:
    recorded = look(*_table(("billing", "4711", "10:02"), ("ingest", "4712", "10:03"), ("mailer", "4713", "10:04")))
    fingerprint = known("1.0", recorded)
    assert fingerprint.neighbours == ("billing", "mailer")
    older = replace(fingerprint, neighbours=("4712", "10:03", "4711", "4713", "billing", "mailer"))
    now = look(*_table(("billing", "99", "11:30"), ("ingest", "101", "12:00"), ("mailer", "23", "12:01")))
    for one in (fingerprint, older):
        found = locate(one, now)
        assert isinstance(found, Located)
        assert found.element is not None
        assert found.element.id == "1.0"


def test_a_text_that_was_never_its_label_says_nothing_against_the_only_one() -> None:
    area = Control("area", "text area", "", value="", box=Box(0, 60, 500, 300))
    around = [
        Control(f"m{n}", "menu", name, box=Box(10 + 60 * n, 0, 50, 20))
        for n, name in enumerate(["File", "Edit", "View"])
    ]
    tab = Control("tab", "tab", "rules.txt X", box=Box(400, 30, 100, 24))
    recorded = replace(known("area", look(*around, tab, area)), anchor=Anchor(text="rules.txt X", dx=0.0, dy=1.5))
    moved = replace(tab, box=Box(10, 30, 100, 24))
    found = locate(replace(recorded, anchor=Anchor(text="rules.txt X", dx=-30.0, dy=-9.0)), look(*around, moved, area))
    assert isinstance(found, Located)
    assert found.element is not None
    assert found.element.id == "area"
    second = replace(area, key="second", box=Box(0, 370, 500, 100))
    assert isinstance(locate(recorded, look(*around, replace(tab, box=Box(10, 460, 90, 20)), area, second)), NotLocated)


def _told(key: str, role: str, name: str, box: Box, parent: str | None = None) -> Element:
    return Element(
        id=key, role=role, name=name, box=box, parent=parent, source=SurfaceKind.ACCESSIBLE,
        states=frozenset({"visible", "enabled"}),
    )  # fmt: skip


def test_what_a_person_means_is_the_link_in_an_item_and_the_button_around_a_picture() -> None:
    place = Box(10, 10, 80, 30)
    seen = look()
    nav = replace(seen, elements=(_told("li", "list item", "", place), _told("a", "link", "Actions", place, "li")))
    assert getattr(hit(nav, Point(20, 20)), "id", "") == "a"
    assert fingerprint_of(nav.elements[1], nav).name == "Actions"
    wide = replace(nav, elements=(nav.elements[0], replace(nav.elements[1], box=Box(0, 0, 120, 50))))
    assert getattr(hit(wide, Point(20, 20)), "id", "") == "a"
    icon = _told("icon", "icon", "", Box(20, 15, 16, 16), "b")
    toolbar = replace(seen, elements=(_told("b", "button", "Reload", place), icon))
    assert getattr(hit(toolbar, Point(25, 20)), "id", "") == "b"
    field = _told("entry", "text field", "", Box(20, 15, 40, 20), "row")
    row = replace(seen, elements=(_told("row", "row", "mailer", place), field))
    assert getattr(hit(row, Point(25, 20)), "id", "") == "entry"


def test_a_step_says_what_its_target_is_in_as_a_person_says_yes_to_that() -> None:
    step = ScreenStep(gesture=Gesture(verb=Verb.CLICK), on=Fingerprint(role="button", name="Delete", within="alpha"))
    assert said(step) == "click button “Delete” in “alpha”"


def test_what_lies_over_a_page_is_meant_and_not_what_it_hides() -> None:
    seen = look()
    page = _told("page", "document", "", Box(0, 0, 600, 400))
    row = _told("row", "row", "mailer", Box(0, 60, 300, 30), "page")
    cell = _told("cell", "table cell", "mailer", Box(0, 60, 60, 30), "row")
    dialog = _told("dialog", "dialog", "Preferences", Box(0, 40, 500, 300), "page")
    field = _told("field", "text field", "", Box(10, 60, 200, 30), "dialog")
    over = replace(seen, elements=(page, row, cell, dialog, field))
    assert getattr(hit(over, Point(20, 70)), "id", "") == "field"
    assert Scene(over).free_point(field) == field.box.center
    item = _told("item", "list item", "", Box(0, 10, 100, 40), "page")
    menu = _told("menu", "list", "", Box(0, 51, 160, 120), "item")
    link = _told("link", "link", "Settings", Box(0, 55, 160, 40), "menu")
    below = replace(seen, elements=(page, item, menu, link, row, cell))
    assert getattr(hit(below, Point(20, 70)), "id", "") == "link"
    assert Scene(below).free_point(link) == link.box.center


def test_the_one_field_without_a_name_is_known_while_it_is_the_only_one() -> None:
    names = ("File", "Edit", "View", "Help")
    around = [Control(f"m{n}", "menu", name, box=Box(10 + 60 * n, 0, 50, 20)) for n, name in enumerate(names)]
    nameless = Control("field", "text field", "", value="", box=Box(10, 40, 200, 28))
    search = Control("search", "text field", "Search...", value="", box=Box(10, 90, 200, 28))
    seen = look(*around, nameless, search)
    found = locate(known("field", seen), seen)
    assert isinstance(found, Located)
    assert found.element is not None
    assert found.element.id == "field"
    second = replace(nameless, key="second", box=Box(250, 40, 200, 28))
    assert isinstance(locate(known("field", seen), look(*around, nameless, search, second)), NotLocated)
    assert isinstance(locate(known("field", seen), look(*around, search)), NotLocated)


def test_neither_secrets_nor_what_areas_of_text_hold_are_remembered() -> None:
    for text in ("hunter-three", "A line of a log.\n" * 50):
        before = [one.cache_info().currsize for one in (names._plain_kept, names._skeleton_kept, telling._says_kept)]
        assert names.skeleton(text, kept=False)
        if len(text) > names._LONGEST_KEPT:
            assert names.plain(text).startswith("a line")
            assert names.skeleton(text)
            assert tells(text)
        after = [one.cache_info().currsize for one in (names._plain_kept, names._skeleton_kept, telling._says_kept)]
        assert before == after


def _services(*rows: tuple[str, ...], kind: SurfaceKind = SurfaceKind.ACCESSIBLE) -> Look:
    """Return a table with a button in each row, named after the row's number."""
    role = "text" if kind is SurfaceKind.PIXEL else "table cell"
    controls = []
    for at, cells in enumerate(rows):
        places = [Box(10 + 150 * column, 40 + 30 * at, 140, 24) for column in range(len(cells) + 1)]
        controls += [Control(f"{at}{n}", role, cell, box=places[n]) for n, cell in enumerate(cells)]
        controls.append(Control(f"start{at}", "button", "Start", box=places[-1]))
    return look(*controls, kind=kind)


def _found(fingerprint: Fingerprint, shown: Look) -> str:
    at = locate(fingerprint, shown)
    return at.element.id if isinstance(at, Located) and at.element is not None else ""


def test_a_row_is_not_known_by_a_number_that_may_be_in_another_column_of_another_row() -> None:
    first = known("start0", _services(("7", "1"), ("8", "2"), ("9", "3")))
    assert _found(first, _services(("8", "2"), ("9", "7"), ("10", "3"))) == ""
    orders = _services(("10482", "1"), ("10483", "2"), ("10484", "3"))
    assert _found(known("start1", orders), orders) == "start1"


def test_an_anchor_among_others_of_its_name_is_no_word_that_other_rows_have_in_its_place() -> None:
    rows = (("billing", "Restart"), ("ingest", "Begin"), ("mailer", "Restart"))
    seen = _services(*rows, kind=SurfaceKind.PIXEL)
    anchor = known("start1", seen).anchor
    assert anchor is not None
    assert anchor.text == "ingest"


def test_a_row_is_not_known_by_how_long_it_runs() -> None:
    shown = _services(("ingest 1", "pid 4711, uptime 0:00:05"), ("ingest 2", "pid 4712, uptime 0:00:07"))
    assert known("start1", shown).within == "ingest 2"
    assert not names_a_row("pid 4711, uptime 0:00:05")
    assert not names_a_row("Nov 29 10:03 AM")
    assert not names_a_row("12 %")


@pytest.mark.parametrize("state", ["failed", "being looked at"])
def test_a_row_is_known_by_who_it_is_and_not_by_how_it_is(state: str) -> None:
    shown = _services((state, "ingest"), ("fine", "billing"), ("fine", "mailer"))
    ingest = known("start0", shown)
    assert ingest.within == "ingest"
    assert _found(ingest, _services(("fine", "ingest"), (state, "billing"), ("fine", "mailer"))) == "start0"
    assert _found(ingest, _services((state, "billing"), ("fine", "mailer"), ("fine", "search"))) == ""


def test_a_row_that_is_gone_is_not_known_by_a_number_beside_its_name_where_it_is_read() -> None:
    shown = _services(("db-1", "idle", "13"), ("web", "idle", "12"))
    pixels = _services(("db-1", "idle", "13"), ("web", "idle", "12"), kind=SurfaceKind.PIXEL)
    recorded = fingerprint_of(next(one for one in shown.elements if one.id == "start0"), shown, read=pixels)
    assert (recorded.within, recorded.anchor and recorded.anchor.text) == ("db-1", "db-1")
    by_number = replace(recorded, anchor=Anchor(text="13", dx=10.0, dy=0.0))
    gone = _services(("web", "idle", "13"), ("mail", "idle", "12"), kind=SurfaceKind.PIXEL)
    for one in (recorded, by_number):
        assert _found(one, pixels) == "start0"
        assert _found(one, gone) == ""


@pytest.mark.parametrize("kind", [SurfaceKind.ACCESSIBLE, SurfaceKind.PIXEL])
def test_the_only_one_of_its_name_in_a_column_is_of_its_row(kind: SurfaceKind) -> None:
    def told(*rows: tuple[str, str]) -> Look:
        shown = _services(*((name,) for name, _ in rows), kind=kind)
        verbs = {f"start{at}": verb for at, (_, verb) in enumerate(rows)}
        return replace(shown, elements=tuple(replace(one, name=verbs.get(one.id, one.name)) for one in shown.elements))

    shown = told(("billing", "Restart"), ("ingest", "Start"), ("mailer", "Restart"))
    begin = known("start1", shown)
    assert _found(begin, shown) == "start1"
    assert _found(begin, told(("ingest", "Start"), ("billing", "Restart"), ("mailer", "Restart"))) == "start0"
    assert _found(begin, told(("billing", "Start"), ("ingest", "Restart"), ("mailer", "Restart"))) == ""
    assert _found(begin, told(("billing", "Start"), ("mailer", "Restart"))) == ""
