"""Where a step's target is, or why nothing is done: by what it is called, and by what is around it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsagent_tools.gui.fake import Control, FakeWindow
from opsagent_tools.gui.fingerprints import fingerprint_of
from opsagent_tools.gui.locating import locate
from opsagent_tools.gui.matching.names import same
from opsagent_tools.gui.model import Anchor, Box, Fingerprint, Located, Look, NotLocated, Rung, SurfaceKind
from tests.support.forms import look_at

OFF = frozenset({"visible"})
SEEN = frozenset({"visible", "enabled"})


def button(key: str, name: str, left: int, top: int, parent: str | None = None) -> Control:
    return Control(key, "button", name, box=Box(left, top, 80, 28), parent=parent)


def field(key: str, label: str, top: int, parent: str | None = None, name: str = "") -> list[Control]:
    return [
        Control(f"{key}.label", "label", f"{label}:", box=Box(10, top + 4, 80, 20), parent=parent),
        Control(key, "text field", name, label, "", Box(100, top, 300, 28), parent, SEEN | {"editable"}),
    ]


def group(key: str, name: str, top: int, height: int, role: str = "group") -> Control:
    return Control(key, role, name, box=Box(0, top, 500, height))


def look(*controls: Control, kind: SurfaceKind = SurfaceKind.ACCESSIBLE, title: str = "Form") -> Look:
    return look_at(FakeWindow(title, list(controls)), kind)


def found(fingerprint: Fingerprint, seen: Look) -> str:
    """Return the id of what was found, or the reason why nothing was."""
    result = locate(fingerprint, seen)
    if isinstance(result, NotLocated):
        assert result.why
        return result.reason
    assert 0 < result.score <= 1
    assert 0 < result.margin <= 1
    assert result.why
    assert result.box.holds(result.point)
    return result.element.id if result.element else "a bare place"


def known(key: str, seen: Look) -> Fingerprint:
    return fingerprint_of(next(one for one in seen.elements if one.id == key), seen)


EXPORT = Fingerprint(role="button", name="Export")


@pytest.mark.parametrize(
    "name",
    [
        "Export",
        "export",
        "EXPORT",
        "_Export",
        "&Export",
        "Export…",
        "Export...",
        "Export\tCtrl+E",
        "Ｅｘｐｏｒｔ",
        " Export ",
    ],
)
def test_a_name_is_known_however_a_toolkit_writes_it(name: str) -> None:
    assert found(EXPORT, look(button("a", name, 10, 10), button("b", "Import", 100, 10))) == "a"


@pytest.mark.parametrize("name", ["Export all", "Import", "Exports", "Re-export", "Export 2", "Expert", ""])
def test_another_name_is_another_name(name: str) -> None:
    assert found(EXPORT, look(button("a", name, 10, 10))) == "missing"


def test_a_mnemonic_in_brackets_belongs_to_no_name() -> None:
    assert (
        found(Fingerprint(role="menu", name="파일"), look(Control("a", "menu", "파일(_F)", box=Box(0, 0, 50, 20))))
        == "a"
    )


@pytest.mark.parametrize(
    "decoy",
    [
        Control("d", "label", "Export", box=Box(10, 100, 60, 20)),
        Control("d", "tool tip", "Export", box=Box(10, 100, 60, 20)),
        Control("d", "check box", "Export", box=Box(10, 100, 60, 20)),
        Control("d", "tab", "Export", box=Box(10, 100, 60, 20)),
        Control("d", "button", "Export all", box=Box(10, 100, 60, 20)),
        Control("d", "button", "Export", box=Box(10, 100, 60, 20), states=frozenset({"enabled"})),
        Control("d", "button", "Export", box=Box(0, 0, 0, 0)),
    ],
    ids=["label", "tooltip", "check box", "tab", "longer name", "not shown", "no size"],
)
def test_what_only_shares_the_name_is_no_target(decoy: Control) -> None:
    assert found(EXPORT, look(button("a", "Export", 10, 10), decoy)) == "a"
    assert found(EXPORT, look(decoy)) in {"missing", "hidden"}


def test_two_that_nothing_tells_apart_are_no_target() -> None:
    twins = look(button("a", "Export", 10, 10), button("b", "Export", 200, 10))
    assert found(EXPORT, twins) == "ambiguous"
    assert "2 times" in getattr(locate(EXPORT, twins), "why", "")


def test_a_disabled_twin_is_not_what_decides() -> None:
    off = replace_states(button("b", "Export", 200, 10), OFF)
    assert found(EXPORT, look(button("a", "Export", 10, 10), off)) == "ambiguous"
    assert found(EXPORT, look(off)) == "disabled"


def replace_states(control: Control, states: frozenset[str]) -> Control:
    control.states = states
    return control


def test_the_container_tells_twins_apart_and_is_needed_once_it_was() -> None:
    one, other = group("g", "Source", 0, 50), group("h", "Target", 60, 50)
    both = look(one, button("a", "Clear", 10, 10, "g"), other, button("b", "Clear", 10, 70, "h"))
    wanted = known("a", both)
    assert wanted.within == "Source"
    assert found(wanted, both) == "a"
    assert found(wanted, look(other, button("b", "Clear", 10, 70, "h"))) == "unsure"
    assert found(wanted, look(other, button("b", "Clear", 10, 10, "h"), one)) == "unsure"


def test_a_row_of_a_table_tells_its_buttons_apart() -> None:
    def row(key: str, name: str, top: int) -> list[Control]:
        return [Control(key, "table cell", name, box=Box(10, top, 100, 28)), button(f"{key}.x", "Delete", 200, top)]

    both = look(*row("a", "alpha", 10), *row("b", "beta", 40), *row("c", "gamma", 70))
    wanted = known("b.x", both)
    assert wanted.within == "beta"
    assert found(wanted, look(*row("c", "gamma", 10), *row("b", "beta", 40))) == "b.x"
    assert found(wanted, look(*row("a", "alpha", 10), *row("c", "gamma", 40))) in {"unsure", "ambiguous"}
    assert found(wanted, look(*row("c", "gamma", 40))) == "unsure"


def test_of_very_many_of_one_name_the_row_tells_or_nothing_does() -> None:
    def table(*names: str) -> Look:
        rows = [[Control(one, "table cell", one, box=Box(10, 30 * at, 100, 28)), button(f"{one}.x", "Edit", 200, 30 * at)]
                for at, one in enumerate(names)]  # fmt: skip
        return look(*[control for row in rows for control in row])

    names = [f"host {number}" for number in range(200)]
    wanted = known("host 77.x", table(*names))
    assert found(wanted, table(*reversed(names))) == "host 77.x"
    assert found(wanted, table(*names[:77])) in {"ambiguous", "unsure"}
    alone = known("host 77.x", table("host 77"))
    assert found(replace(alone, within=""), table(*names)) == "ambiguous"


def test_another_dialog_with_the_same_button_is_not_taken() -> None:
    def dialog(title: str, question: str) -> Look:
        frame = group("w", title, 0, 200, role="dialog")
        return look(
            frame,
            Control("q", "label", question, box=Box(10, 10, 300, 20), parent="w"),
            button("ok", "OK", 10, 60, "w"),
        )

    wanted = known("ok", dialog("Export", "Where to?"))
    assert found(wanted, dialog("Export", "Where to?")) == "ok"
    assert found(wanted, dialog("Error", "The disk is full")) == "unsure"
    assert found(replace(wanted, within="", place=(0, 0)), dialog("Error", "The disk is full")) == "unsure"


def test_equal_fields_are_told_apart_by_their_labels_alone() -> None:
    seen = look(*field("a", "Start", 10, name="Value"), *field("b", "End", 50, name="Value"))
    for key in ("a", "b"):
        assert found(known(key, seen), seen) == key
        swapped = look(
            *field("b", "End", 10, name="Value"), *field("x", "Middle", 50), *field("a", "Start", 90, name="Value")
        )
        assert found(known(key, seen), swapped) == key


FORM = ("First", "Street", "Town", "Planet")


def form(*labels: str, extra: list[Control] | None = None) -> Look:
    controls = [one for number, label in enumerate(labels) for one in field(label.lower(), label, 10 + 40 * number)]
    return look(*controls, button("save", "Save", 10, 300), button("close", "Close", 100, 300), *(extra or []))


def test_a_renamed_field_is_known_by_its_place_among_unchanged_others() -> None:
    wanted = known("street", form(*FORM))
    renamed = locate(wanted, form("First", "Street or lane", "Town", "Planet"))
    assert isinstance(renamed, Located)
    assert renamed.element is not None
    assert renamed.element.id == "street or lane"
    assert renamed.drift == ("label",)
    assert renamed.score < 0.8


@pytest.mark.parametrize(
    "labels",
    [
        ("First", "Road", "Town", "Planet"),  # nothing else changed, and it may be another field all the same
        ("First", "Email street", "Town", "Planet"),
        ("First", "Town", "Planet", "Road"),  # elsewhere
        ("First", "Road", "Lane", "Town", "Planet"),  # two strangers
        ("First", "Road", "Village", "Planet"),  # two renamed
        ("First", "Town", "Planet"),  # gone
    ],
)
def test_a_field_that_may_be_another_one_is_not_taken_for_the_renamed_one(labels: tuple[str, ...]) -> None:
    assert found(known("street", form(*FORM)), form(*labels)) == "missing"


def test_a_renamed_field_is_not_looked_for_where_its_old_name_is_still_read() -> None:
    old = Control("x", "label", "Street", box=Box(10, 250, 80, 20))
    assert found(known("street", form(*FORM)), form("First", "Road", "Town", "Planet", extra=[old])) == "missing"


@pytest.mark.parametrize(("name", "there"), [("Replace in: Window", "unsure"), ("Site Manager", "a"), ("12:30", "a")])
def test_where_to_press_is_not_known_of_a_label_that_is_read_with_what_is_beside_it(name: str, there: str) -> None:
    seen = look(Control("a", "text", name, box=Box(10, 10, 140, 20)), kind=SurfaceKind.PIXEL)
    assert found(Fingerprint(role="text", name=name), seen) == there


def test_a_button_with_another_name_is_another_button() -> None:
    before = look(button("a", "Start", 10, 10), button("b", "Edit", 100, 10), button("c", "Help", 190, 10))
    for name in ("Stop", "Delete", "Start all"):
        after = look(button("a", name, 10, 10), button("b", "Edit", 100, 10), button("c", "Help", 190, 10))
        assert found(known("a", before), after) == "missing"


def test_a_button_may_be_called_by_a_known_synonym() -> None:
    def bar(name: str) -> Look:
        return look(button("a", name, 10, 10), button("b", "Edit", 100, 10), button("c", "Help", 190, 10))

    result = locate(known("a", bar("Settings")), bar("Preferences"))
    assert isinstance(result, Located)
    assert result.drift == ("name",)


def test_what_is_only_one_of_several_at_first_is_not_sure_when_it_is_alone() -> None:
    twins = look(button("a", "Browse", 10, 10), button("b", "Browse", 200, 90))
    assert known("a", twins).twins == 1
    assert found(known("a", twins), look(button("b", "Browse", 200, 90))) == "unsure"


def test_a_cell_and_the_text_that_is_drawn_in_it_are_no_twins() -> None:
    cell = Control(key="cell", role="table cell", name="mailer", box=Box(10, 10, 200, 20), states=SEEN)
    drawn = replace(cell, key="drawn", box=Box(30, 10, 180, 20), parent="cell")
    rows = look(cell, drawn)
    assert known("drawn", rows).twins == known("cell", rows).twins == 0
    assert isinstance(locate(known("drawn", rows), rows), Located)
    below = look(cell, replace(drawn, box=Box(30, 40, 180, 20)))
    assert known("drawn", below).twins == 1, "a branch of a tree that is called as its stem"


def test_where_a_name_is_not_there_it_is_said_what_is() -> None:
    there = look(
        button("a", "Find and Replace", 10, 10), button("b", "Cancel", 200, 10), *field("c", "Token", 60),
        Control("cell", "table cell", "4711", box=Box(10, 100, 80, 20)), group("g", "Replace", 0, 300, "dialog"),
    )  # fmt: skip

    def why(role: str, name: str = "", label: str = "") -> str:
        said = locate(Fingerprint(role=role, name=name, label=label), there)
        assert isinstance(said, NotLocated)
        return said.why

    assert why("button", "Replace").endswith("is button “Replace”: there are “Find and Replace”, “Cancel”")
    assert why("menu item", "Cancel").endswith(": it is there as button")
    assert why("text field", label="Host").endswith(": there is “Token”")
    assert why("table cell", "12").endswith("is table cell “12”"), "what stands in a table is nobody's business"


def test_what_lies_on_a_target_is_not_hit() -> None:
    row = Control("row", "list item", "alpha", box=Box(0, 0, 300, 28))
    closer = Control("x", "button", "Close", box=Box(140, 4, 20, 20), parent="row")
    result = locate(Fingerprint(role="list item", name="alpha"), look(row, closer))
    assert isinstance(result, Located)
    assert not closer.box.holds(result.point)
    over = Control("x", "button", "Close", box=Box(1, 1, 298, 26))
    assert found(Fingerprint(role="list item", name="alpha"), look(row, over)) == "hidden"


def test_an_open_list_lies_over_what_is_below_it() -> None:
    combo = Control("combo", "combo box", label="Format", box=Box(100, 100, 160, 28))
    menu = Control("menu", "menu", box=Box(100, 100, 160, 90), parent="combo")
    items = [Control(f"item {n}", "menu item", n, box=Box(100, 100 + 30 * at, 160, 30), parent="menu")
             for at, n in enumerate(("csv", "pdf", "xml"))]  # fmt: skip
    below = button("below", "Cancel", 140, 135)
    assert found(Fingerprint(role="menu item", name="pdf"), look(combo, menu, *items, below)) == "item pdf"


def test_what_is_scrolled_away_is_hidden() -> None:
    pane = Control("p", "scroll pane", box=Box(0, 0, 300, 100))
    below = button("a", "Export", 10, 200, "p")
    assert found(EXPORT, look(pane, below)) == "hidden"


def test_a_part_under_the_same_name_is_the_same_thing() -> None:
    outer = button("a", "Export", 10, 10)
    inner = Control("t", "label", "Export", box=Box(20, 14, 60, 20), parent="a")
    assert found(EXPORT, look(outer, inner)) == "a"
    assert found(Fingerprint(name="Export"), look(outer, inner)) == "a"


def test_nothing_is_found_on_a_blank_window_or_without_anything_to_go_by() -> None:
    assert found(EXPORT, replace(look(), blank=True)) == "blank"
    assert found(Fingerprint(role="button"), look(button("a", "One", 0, 0), button("b", "Two", 100, 0))) == "missing"


def test_a_nameless_icon_is_found_by_its_anchor_only_where_that_is_read_once() -> None:
    icon = Control("i", "button", box=Box(120, 10, 24, 24))
    text = Control("t", "label", "Filter", box=Box(10, 12, 80, 20))
    seen = look(text, icon)
    wanted = known("i", seen)
    assert wanted.anchor is not None
    assert wanted.anchor.text == "Filter"
    assert found(wanted, seen) == "i"
    again = Control("u", "label", "Filter", box=Box(10, 212, 80, 20))
    assert found(wanted, look(text, icon, again)) in {"ambiguous", "missing"}
    assert found(wanted, look(text)) in {"unsure", "missing"}


# pixels


def text(key: str, said: str, left: int, top: int) -> Control:
    return Control(key, "text", said, box=Box(left, top, 9 * len(said), 14), states=frozenset({"visible"}), score=0.95)


PIXEL = SurfaceKind.PIXEL


@pytest.mark.parametrize("said", ["Host narne", "H0st name", "Hostname", "Host nane"])
def test_what_ocr_confuses_is_one_name(said: str) -> None:
    assert found(Fingerprint(role="link", name="Host name"), look(text("a", said, 10, 10), kind=PIXEL)) == "a"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("Item 1", "Item 2"), ("Unmount", "Mount"), ("Log in", "Log on"), ("Report", "Reports"),
        ("Timestamp X", "Timestamp Y"), ("TimestampX", "TimestampY"), ("Server A name", "Server B name"),
        ("Copy to folder", "Copy of folder"),
    ],
)  # fmt: skip
def test_names_that_people_tell_apart_are_told_apart_in_pixels(wanted: str, said: str) -> None:
    assert found(Fingerprint(role="link", name=wanted), look(text("a", said, 10, 10), kind=PIXEL)) == "missing"


def test_words_that_were_cut_apart_are_one_name_and_a_longer_one_is_another() -> None:
    words = look(text("a", "Save", 10, 10), text("b", "As", 50, 10), kind=PIXEL)
    assert found(Fingerprint(role="menu item", name="Save As"), words) == "a+b"
    assert found(Fingerprint(role="menu item", name="Save"), words) == "missing"
    menus = look(text("a", "File", 10, 10), text("b", "Edit", 60, 10), kind=PIXEL)
    assert found(Fingerprint(role="menu", name="File"), menus) == "a"


def test_a_label_is_not_clicked_in_place_of_its_field() -> None:
    label = text("l", "Host", 10, 10)
    assert found(Fingerprint(role="text field", name="Host"), look(label, kind=PIXEL)) == "missing"
    anchored = Fingerprint(role="text field", label="Host", anchor=Anchor(text="Host", dx=6, dy=0))
    assert found(anchored, look(label, kind=PIXEL)) == "unsure"
    framed = Control("f", "text field", box=Box(60, 6, 200, 22), states=SEEN)
    assert found(anchored, look(label, framed, kind=PIXEL)) == "f"


def test_a_bare_text_is_not_taken_for_what_had_a_shape() -> None:
    shaped = replace(EXPORT, looks="button")
    bare, framed = text("t", "Export", 10, 10), button("b", "Export", 10, 100)
    assert found(shaped, look(bare, kind=PIXEL)) == "unsure"
    assert found(shaped, look(bare, framed, kind=PIXEL)) == "b"
    assert found(EXPORT, look(bare, framed, kind=PIXEL)) == "ambiguous"


def test_the_rung_says_by_what_it_was_found() -> None:
    told, read = (
        locate(EXPORT, look(button("a", "Export", 10, 10))),
        locate(EXPORT, look(text("a", "Export", 10, 10), kind=PIXEL)),
    )
    assert isinstance(told, Located)
    assert told.rung is Rung.STRUCTURE
    assert isinstance(read, Located)
    assert read.rung is Rung.TEXT


def test_what_people_typed_is_in_no_fingerprint() -> None:
    secret = Control(
        "v", "text field", "hunter2", "Login", "hunter2", Box(100, 10, 300, 28), states=SEEN | {"editable"}
    )
    seen = look(secret, button("ok", "OK", 10, 60))
    assert "hunter2" not in repr(known("v", seen)) + repr(known("ok", seen))
    typed = look(
        Control("f", "text field", box=Box(100, 10, 300, 28)),
        text("t", "hunter2", 110, 16),
        button("ok", "OK", 10, 60),
        kind=PIXEL,
    )
    assert "hunter2" not in repr(known("ok", typed))


def test_a_second_sign_is_its_anchor_or_all_that_is_around_it() -> None:
    def bar(*names: str) -> Look:
        return look(*[button(one, one, 10 + 90 * at, 10) for at, one in enumerate(names)])

    wanted = known("Delete", bar("Delete", "Edit", "Add", "Help"))
    sure = locate(wanted, bar("Help", "Edit", "Delete", "Add"))
    assert isinstance(sure, Located)
    assert sure.agreeing == (Rung.TEXT,)
    alone = locate(Fingerprint(role="button", name="Delete"), bar("Delete", "Edit", "Add", "Help"))
    assert isinstance(alone, Located)
    assert alone.agreeing == ()


def test_an_editors_text_is_known_as_the_only_one_among_what_was_around_it() -> None:
    def editor(*menus: str, more: int = 0) -> Look:
        bar = [Control(one, "menu", one, box=Box(60 * at, 0, 50, 20)) for at, one in enumerate(menus)]
        areas = [Control(f"area{at}", "text area", box=Box(0, 30 + 200 * at, 500, 190)) for at in range(more + 1)]
        return look(*bar, *areas, kind=PIXEL)

    wanted = known("area0", editor("File", "Edit", "View", "Help"))
    assert found(wanted, editor("File", "Edit", "View", "Help")) == "area0"
    assert found(wanted, editor("File", "Edit", "View", "Help", more=1)) == "missing"
    assert found(wanted, editor("Yes", "No", "Cancel")) == "missing"


def test_an_editors_text_is_not_where_a_text_near_by_was_but_where_the_area_is() -> None:
    def editor(size: int) -> Look:
        bar = [
            Control(one, "text", one, box=Box(60 * at, 0, 50, 20))
            for at, one in enumerate(("File", "Edit", "View", "Help"))
        ]
        notice = Control("notice", "text", "Root Instance", box=Box(200, 34 + size, 90, 12))
        return look(*bar, Control("area", "text area", box=Box(0, 30, 500, size)), notice, kind=PIXEL)

    wanted = known("area", editor(300))
    assert wanted.anchor is not None
    assert wanted.anchor.text == "Root Instance"
    assert found(wanted, editor(40)) == "area"
    assert found(wanted, editor(900)) == "area"


def test_all_places_of_one_name_are_told_where_none_is_taken() -> None:
    rows = [text(f"clear{at}", "Clear Log", 300, 30 * at) for at in range(9)]
    result = locate(Fingerprint(role="link", name="Clear Log"), look(*rows, kind=SurfaceKind.PIXEL))
    assert isinstance(result, NotLocated)
    assert len(result.candidates) == 9


@pytest.mark.parametrize(
    ("wanted", "read"),
    [
        ("192.168.1.10", "192.168.11.0"),
        ("1.5", "15"),
        ("12:00", "1:200"),
        ("-10", "10"),
        ("db-1", "db1"),
        ("web1-1", "web-11"),
        ("Page <", "Page >"),
        ("Zoom -", "Zoom"),
        ("Server 1.10 of Seoul", "Server 11.0 of Seoul"),
    ],
)
def test_a_small_sign_that_tells_one_number_from_another_is_not_overlooked_where_it_is_read(
    wanted: str, read: str
) -> None:
    assert same(wanted, read, read=True) == same(read, wanted, read=True) == 0


@pytest.mark.parametrize(
    ("wanted", "read"),
    [
        ("10.0.0.1", "1O.0.0.l"),
        ("1. Start", "1.Start"),
        ("12:00", "12.00"),
        ("db-1", "db - 1"),
        ("Next >", "Next"),
        ("x-ray (2)", "xray 2"),
        ("turn-1", "tum-1"),
    ],
)
def test_other_small_signs_are(wanted: str, read: str) -> None:
    assert same(wanted, read, read=True) > 0
