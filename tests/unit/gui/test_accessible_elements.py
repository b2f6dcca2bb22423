"""What toolkits tell becomes our elements: trees written down as toolkits tell them, without a bus."""

from __future__ import annotations

import pytest

from opsagent_tools.gui.accessible.bus import Ref
from opsagent_tools.gui.accessible.digests import digest_of
from opsagent_tools.gui.accessible.elements import Shape, elements_of
from opsagent_tools.gui.accessible.labels import Text, nearest_label
from opsagent_tools.gui.accessible.nodes import Node, Tree, spin_value
from opsagent_tools.gui.accessible.programs import scale_of
from opsagent_tools.gui.accessible.words import State
from opsagent_tools.gui.model import Box, Element, Window

SHOWN = (State.ENABLED, State.SENSITIVE, State.SHOWING, State.VISIBLE)
WINDOW = Box(100, 100, 400, 300)


class Told:
    """A tree, written down from the top."""

    def __init__(self) -> None:
        self.nodes: dict[Ref, Node] = {}

    def add(
        self,
        role: int,
        name: str = "",
        box: Box | None = None,
        parent: Ref | None = None,
        *,
        states: tuple[State, ...] = SHOWN,
        text: str | None = None,
        number: float | None = None,
        labelled_by: tuple[Ref, ...] = (),
    ) -> Ref:
        ref = Ref(":1.1", f"/{len(self.nodes)}")
        bits = sum(1 << state for state in states)
        self.nodes[ref] = Node(
            ref, parent, role, bits, name, box=box, text=text, number=number, labelled_by=labelled_by, fixed=True
        )
        if parent is not None:
            self.nodes[parent].children += (ref,)
        return ref

    def elements(self, toolkit: str = "gtk", scale: float = 1.0, popups: tuple[Box, ...] = ()) -> tuple[Element, ...]:
        root = next(iter(self.nodes))
        return elements_of(Tree((root,), self.nodes), Shape(WINDOW, scale, popups), toolkit, "the title")


def told() -> tuple[Told, Ref]:
    tree = Told()
    return tree, tree.add(23, "", WINDOW)


def only(elements: tuple[Element, ...], role: str, name: str = "") -> Element:
    (found,) = [one for one in elements if one.role == role and (not name or one.name == name)]
    return found


@pytest.mark.parametrize(
    ("frame", "scale"),
    [
        (WINDOW, 1.0),
        (Box(99, 80, 402, 325), 1.0),  # with what the window manager draws
        (Box(50, 50, 200, 150), 2.0),
        (Box(71, 71, 286, 214), 1.4),
        (Box(130, 100, 400, 300), None),  # another window, or it moved
        (Box(100, 100, 200, 300), None),
        (None, None),
    ],
)
def test_a_frame_is_a_windows_where_it_lies_on_it_at_some_scale(frame: Box | None, scale: float | None) -> None:
    window = Window(id="x11:0x1", pid=1, exe="/usr/bin/form", program="form", uid=0, box=WINDOW)
    assert scale_of(frame, window) == scale


def test_a_window_without_a_name_is_called_by_its_title() -> None:
    tree, _ = told()
    assert only(tree.elements(), "window").name == "the title"


def test_containers_without_meaning_are_left_out_and_what_is_in_them_keeps_its_group() -> None:
    tree, root = told()
    filler = tree.add(20, "", Box(100, 100, 400, 100), root)
    group = tree.add(39, "Proxy", Box(110, 110, 200, 80), filler)
    tree.add(43, "OK", Box(120, 120, 60, 24), tree.add(20, "", Box(110, 110, 200, 80), group))
    elements = tree.elements()
    assert only(elements, "button").parent == only(elements, "group", "Proxy").id
    assert [one.role for one in elements] == ["window", "group", "button"]


def test_a_field_is_called_by_its_relation_before_the_nearest_text() -> None:
    tree, root = told()
    far = tree.add(29, "Surname", Box(110, 300, 60, 20), root)
    tree.add(29, "First name", Box(110, 120, 60, 20), root)
    tree.add(61, "", Box(200, 120, 100, 20), root, text="x", labelled_by=(far,))
    tree.add(61, "", Box(200, 150, 100, 20), root, text="y")
    fields = [one for one in tree.elements() if one.role == "text field"]
    assert [one.label for one in fields] == ["Surname", ""]


def test_a_groups_title_is_no_label_of_what_stands_right_of_it() -> None:
    tree, root = told()
    group = tree.add(39, "Proxy", Box(110, 110, 120, 80), root)
    tree.add(29, "Proxy", Box(110, 110, 40, 20), group)
    tree.add(61, "", Box(260, 110, 100, 20), root, text="")
    assert only(tree.elements(), "text field").label == ""


@pytest.mark.parametrize(("role", "label"), [(40, "Month"), (61, "Password:"), (61, "API key"), (61, "비밀번호")])
def test_what_hides_its_text_or_asks_for_a_secret_has_no_value(role: int, label: str) -> None:
    tree, root = told()
    tree.add(29, label, Box(110, 120, 60, 20), root)
    tree.add(role, "", Box(200, 120, 100, 20), root, text="hunter2", states=(*SHOWN, State.EDITABLE))
    (field,) = [one for one in tree.elements() if "secret" in one.states]
    assert field.value is None
    assert "hunter2" not in str(tree.elements())


def test_a_field_in_a_combo_box_has_the_label_of_the_box() -> None:
    tree, root = told()
    label = tree.add(29, "Replace with:", Box(110, 120, 80, 20), root)
    box = tree.add(11, "", Box(200, 120, 140, 20), root, labelled_by=(label,))
    tree.add(61, "", Box(200, 120, 120, 20), box, text="", states=(*SHOWN, State.EDITABLE))
    assert only(tree.elements(), "text field").label == "Replace with:"


@pytest.mark.parametrize(
    ("toolkit", "name"), [("gtk", ""), ("Qt", ""), ("J2SE-access-bridge", ""), ("Chromium", "Town")]
)
def test_a_combo_box_is_not_called_by_what_is_chosen_in_it(toolkit: str, name: str) -> None:
    tree, root = told()
    tree.add(11, "Oslo" if toolkit != "Chromium" else "Town", Box(200, 120, 100, 20), root, text="Oslo")
    box = only(tree.elements(toolkit), "combo box")
    assert (box.name, box.value) == (name, "Oslo")


def test_what_is_scrolled_out_is_there_but_not_visible() -> None:
    tree, root = told()
    pane = tree.add(49, "", Box(100, 100, 400, 100), root)
    tree.add(43, "near", Box(110, 120, 80, 24), pane)
    tree.add(43, "cut off", Box(110, 190, 80, 24), pane)
    tree.add(43, "far", Box(110, 900, 80, 24), pane, states=(State.SENSITIVE, State.VISIBLE))
    elements = tree.elements()
    assert ["visible" in only(elements, "button", name).states for name in ("near", "cut off", "far")] == [
        True,
        True,
        False,
    ]
    assert only(elements, "button", "cut off").box == Box(110, 190, 80, 10)


def test_a_closed_menu_and_other_tabs_are_not_there() -> None:
    tree, root = told()
    bar = tree.add(34, "", Box(100, 100, 400, 20), root)
    menu = tree.add(33, "File", Box(100, 100, 40, 20), bar)
    tree.add(35, "Quit", None, menu, states=(State.SENSITIVE, State.VISIBLE))
    tree.add(29, "other tab", None, root, states=(State.VISIBLE,))
    assert [one.name for one in tree.elements()] == ["the title", "", "File"]


@pytest.mark.parametrize("found_in", ["the menu", "the popup"])
def test_a_menu_of_swing_is_where_its_popup_is(found_in: str) -> None:
    """java-atk-wrapper counts an item's place from the menu's corner: the second item seems to lie on the first."""
    tree, root = told()
    menu = tree.add(33, "Connection", Box(100, 100, 90, 19), tree.add(34, "", Box(100, 100, 400, 20), root))
    first = tree.add(35, "New", Box(101, 103, 180, 19), menu)
    second = tree.add(35, "Exit", Box(101, 126, 180, 19), menu)
    popup = tree.add(41, "", Box(100, 119, 182, 47), root)
    tree.nodes[popup].children = (first, second)
    for item in (first, second):
        tree.nodes[item].parent = menu if found_in == "the menu" else popup
    elements = tree.elements("J2SE-access-bridge")
    assert [only(elements, "menu item", name).box.top for name in ("New", "Exit")] == [122, 145]
    tree.nodes[popup].box = None
    assert not [one for one in tree.elements("J2SE-access-bridge") if one.name == "Exit"], "its place is not known"


def test_the_closed_list_of_a_combo_box_of_qt_is_not_there() -> None:
    tree, root = told()
    combo = tree.add(11, "Fusion", Box(200, 120, 100, 20), root)
    entries = tree.add(31, "", Box(110, 140, 200, 80), combo)
    tree.add(32, "Windows", Box(110, 160, 180, 20), entries)
    assert not [one for one in tree.elements("Qt") if one.name == "Windows"]
    opened = tree.elements("Qt", popups=(Box(109, 139, 202, 82),))
    assert only(opened, "list item", "Windows").box == Box(110, 160, 180, 20)


def test_a_page_of_chromium_counts_in_pixels_of_the_screen_at_any_scale() -> None:
    tree = Told()
    root = tree.add(23, "", Box(50, 50, 200, 150))
    tree.add(43, "Reload", Box(60, 60, 20, 20), root)
    tree.add(43, "Export", Box(120, 220, 80, 40), tree.add(95, "a page", Box(110, 200, 380, 200), root))
    elements = tree.elements("Chromium", scale=2.0)
    assert only(elements, "button", "Reload").box == Box(120, 120, 40, 40)
    assert only(elements, "button", "Export").box == Box(120, 220, 80, 40)


def test_cells_without_rows_get_rows_that_are_called_by_what_tells_them_apart() -> None:
    tree, root = told()
    table = tree.add(55, "", Box(100, 100, 400, 200), root)
    for line, (state, since, name) in enumerate([("running", "pid 12", "api"), ("running", "pid 13", "mailer")]):
        for column, text in enumerate((state, since, name)):
            tree.add(56, text, Box(110 + 100 * column, 120 + 22 * line, 90, 20), table)
    elements = tree.elements()
    rows = [one for one in elements if one.role == "row"]
    assert [one.name for one in rows] == ["api", "mailer"]
    assert [one.name for one in elements if one.parent == rows[1].id] == ["running", "pid 13", "mailer"]


@pytest.mark.parametrize(
    ("text", "number", "value"),
    [
        ("800 ms", 800, "800"),
        ("50", 50, "50"),
        ("7", 50, "7"),
        ("1800 ms", 800, "1800 ms"),
        (None, 3, "3"),
        ("", None, ""),
    ],
)
def test_a_spin_box_holds_its_number_unless_its_text_says_another(
    text: str | None, number: float | None, value: str
) -> None:
    assert spin_value(Node(Ref("", ""), None, text=text, number=number)) == value


def test_a_label_behind_another_control_belongs_to_that_one() -> None:
    labels = [Text("Name", Box(0, 0, 50, 20)), Text("Note", Box(300, 0, 50, 20)), Text("Address", Box(100, 40, 60, 14))]
    first, second, below = Box(60, 0, 100, 20), Box(180, 0, 100, 20), Box(100, 60, 80, 20)
    controls = [first, second, below]
    assert [nearest_label(one, labels, controls) for one in controls] == ["Name", "", "Address"]


def test_a_digest_knows_values_states_and_places_and_no_ids() -> None:
    def digest(*, value: str = "1", left: int = 110, states: tuple[State, ...] = SHOWN, before: int = 0) -> str:
        tree = Told()
        root = tree.add(23, "", WINDOW)
        for _ in range(before):  # other ids
            tree.add(20, "", WINDOW, root)
        tree.add(61, "Month", Box(left, 120, 80, 24), root, text=value, states=states)
        return digest_of(tree.elements())

    assert digest() == digest(before=3)
    assert len({digest(), digest(value="2"), digest(left=111), digest(states=(*SHOWN, State.FOCUSED))}) == 4


def test_a_field_behind_a_check_box_is_for_what_that_says() -> None:
    tree, window = told()
    tree.add(7, "Upload (kB/s):", Box(110, 120, 120, 30), window)
    tree.add(52, "", Box(240, 120, 100, 30), window, number=100)
    tree.add(7, "Download (kB/s):", Box(110, 160, 120, 30), window)
    tree.add(52, "", Box(240, 160, 100, 30), window, number=100)
    tree.add(52, "", Box(350, 160, 100, 30), window, number=5)
    assert [one.label for one in tree.elements() if one.role == "spin button"] == [
        "Upload (kB/s):",
        "Download (kB/s):",
        "",
    ]


def test_what_shows_how_much_it_is_now_labels_nothing() -> None:
    tree, window = told()
    tree.add(29, "CPU: 93%", Box(110, 120, 80, 20), window)
    tree.add(55, "", Box(110, 142, 300, 100), window)
    assert only(tree.elements(), "table").label == ""


def test_a_menu_below_a_bar_of_a_page_is_shown_though_it_lies_beside_its_list() -> None:
    def shown(toolkit: str, page: int) -> bool:
        tree, window = told()
        around = tree.add(page, "Console", WINDOW, window)
        bar = tree.add(31, "", Box(100, 100, 400, 40), around)
        item = tree.add(32, "", Box(120, 100, 80, 40), bar)
        below = tree.add(31, "", Box(120, 141, 150, 80), item)
        tree.add(88, "Settings", Box(125, 145, 140, 30), tree.add(32, "", Box(120, 141, 150, 40), below))
        return "visible" in only(tree.elements(toolkit), "link").states

    assert shown("Chromium", 95)
    assert not shown("gtk", 99)


def test_a_field_of_many_lines_is_a_text_area() -> None:
    tree, window = told()
    tree.add(61, "", Box(110, 120, 200, 100), window, states=(*SHOWN, State.EDITABLE, State.MULTI_LINE), text="")
    tree.add(61, "", Box(110, 240, 200, 30), window, states=(*SHOWN, State.EDITABLE), text="")
    assert [one.role for one in tree.elements()][1:] == ["text area", "text field"]


def test_what_lies_below_a_dialog_of_a_page_labels_nothing_in_it_nor_what_was_told_its_name() -> None:
    tree, window = told()
    page = tree.add(95, "Console", WINDOW, window)
    tree.add(29, "bravo", Box(110, 150, 40, 20), page)
    dialog = tree.add(16, "Preferences", Box(100, 120, 380, 200), page)
    above = tree.add(29, "Limit", Box(160, 126, 100, 20), dialog)
    tree.add(52, "Limit", Box(160, 150, 100, 22), dialog, text="7", labelled_by=(above,))
    tree.add(79, "", Box(160, 200, 100, 22), dialog, text="")
    tree.add(29, "charlie", Box(110, 200, 40, 20), page)
    found = tree.elements("Chromium")
    assert only(found, "spin button").label == ""
    assert only(found, "text field").label == ""


def test_a_dialog_of_swing_is_where_what_fills_it_is() -> None:
    tree = Told()
    dialog = tree.add(16, "Sure", Box(264, 270, 264, 109))
    pane = tree.add(46, "", Box(205, 228, 262, 90), dialog)
    tree.add(43, "Yes", Box(286, 280, 47, 25), pane)
    shape = Shape(Box(205, 228, 262, 90))
    found = elements_of(Tree((dialog,), tree.nodes), shape, "J2SE-access-bridge")
    assert only(found, "dialog").box == Box(205, 228, 262, 90)
    assert "visible" in only(found, "button").states
