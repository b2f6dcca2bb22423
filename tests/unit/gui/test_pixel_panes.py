"""Panes, bars, heads and letters in pictures that are drawn here: what is a place to type, and what only looks like one."""

from __future__ import annotations

import pytest

pytest.importorskip("cv2", reason="needs the extra gui: pip install opsagent[gui]")

import cv2
import numpy as np

from opsagent_tools.gui.model import Box, Element
from opsagent_tools.gui.pixels.arrays import Image
from opsagent_tools.gui.pixels.bars import plain_in
from opsagent_tools.gui.pixels.controls import Seen, controls_in
from opsagent_tools.gui.pixels.frames import frames_in
from opsagent_tools.gui.pixels.labels import label_of
from opsagent_tools.gui.pixels.lines import pieces_in
from opsagent_tools.gui.pixels.marks import marks_in
from opsagent_tools.gui.pixels.words import Text

GREY, WHITE, LINE, BLACK = (220, 220, 220), (255, 255, 255), (120, 120, 120), (0, 0, 0)


def sheet(colour: tuple[int, int, int], width: int = 400, height: int = 300) -> Image:
    return np.full((height, width, 3), colour, dtype=np.uint8)


def fill(image: Image, box: Box, colour: tuple[int, int, int]) -> None:
    image[box.top : box.bottom, box.left : box.right] = colour


def said(text: str, left: int, top: int, width: int) -> Text:
    return Text(Box(left, top, width, 10), text, 0.99, 10)


def seen(image: Image, *texts: Text) -> list[Element]:
    frames = frames_in(image)
    size = image.shape[1], image.shape[0]
    return controls_in(Seen(size, frames, marks_in(image), list(texts), plain_in(image, frames)))


def editable(found: list[Element]) -> list[tuple[str, str | None]]:
    return [(one.role, one.label) for one in found if "editable" in one.states]


def test_a_pane_with_its_tab_is_a_place_to_type_and_what_is_left_of_the_row_of_tabs_is_none() -> None:
    image = sheet(GREY)
    fill(image, Box(0, 60, 400, 200), WHITE)
    fill(image, Box(0, 30, 80, 30), WHITE)  # the tab has the colour of its pane, and nothing between
    fill(image, Box(80, 29, 320, 1), LINE)
    fill(image, Box(80, 30, 1, 30), LINE)
    fill(image, Box(80, 59, 320, 1), LINE)
    found = seen(image, said("File", 10, 10, 20), said("rules.txt", 12, 40, 50), said("Lines: 1", 10, 280, 50))
    assert editable(found) == [("text area", "")]
    (area,) = (one for one in found if one.role == "text area")
    assert abs(area.box.top - 60) <= 1
    assert abs(area.box.height - 200) <= 2


def test_what_is_written_into_an_area_makes_it_nothing_else() -> None:
    image = sheet(GREY)
    fill(image, Box(20, 40, 360, 220), WHITE)
    for number, word in enumerate(("main(o, 0)", "open 0 22", "o o o")):
        cv2.putText(image, word, (26, 60 + 20 * number), cv2.FONT_HERSHEY_SIMPLEX, 0.45, BLACK, 1, cv2.LINE_AA)
    texts = [said("File", 10, 10, 20), said("Help", 60, 10, 20), said("1", 5, 50, 5), said("main(o, 0)", 26, 50, 90)]
    assert editable(seen(image, *texts)) == [("text area", "")]


def test_a_field_whose_text_is_selected_is_one_still() -> None:
    image = sheet(GREY)
    fill(image, Box(99, 39, 202, 22), LINE)
    fill(image, Box(100, 40, 200, 20), WHITE)
    fill(image, Box(102, 42, 60, 16), (200, 120, 40))
    cv2.putText(image, "rules.txt", (103, 54), cv2.FONT_HERSHEY_SIMPLEX, 0.38, WHITE, 1, cv2.LINE_AA)
    found = seen(image, said("Name:", 50, 45, 40), said("rules.txt", 103, 45, 58))
    assert editable(found) == [("text field", "Name")]
    assert not [one for one in found if one.role == "button"]


def test_what_is_raised_is_no_field_and_what_is_sunken_is() -> None:
    for upper, lower, fields in ((WHITE, LINE, []), (LINE, WHITE, [("text field", "Name")])):
        image = sheet(GREY)
        fill(image, Box(98, 38, 204, 24), lower)
        fill(image, Box(98, 38, 202, 22), upper)
        fill(image, Box(100, 40, 200, 20), GREY)
        assert editable(seen(image, said("Name:", 50, 45, 40), said("size", 104, 45, 30))) == fields


def test_heads_of_columns_are_no_fields() -> None:
    image = sheet(GREY)
    fill(image, Box(49, 39, 302, 222), LINE)
    fill(image, Box(50, 62, 300, 198), WHITE)
    for left in (50, 201):
        fill(image, Box(left, 40, 149, 21), (240, 240, 240))
    texts = said("Services", 52, 26, 60), said("Name", 54, 46, 30), said("Size", 205, 46, 30)
    assert [role for role, _ in editable(seen(image, *texts))] == ["text area"]


def test_a_letter_on_a_line_is_no_radio_button_and_a_circle_before_a_word_is() -> None:
    image = sheet(WHITE)
    cv2.circle(image, (60, 55), 5, BLACK, 1, cv2.LINE_AA)
    for left in (72, 84):
        fill(image, Box(left, 48, 3, 13), BLACK)
    cv2.circle(image, (60, 155), 7, LINE, 1, cv2.LINE_AA)
    fill(image, Box(74, 149, 3, 11), BLACK)
    assert [one.box.top > 100 for one in marks_in(image)] == [True]


def test_a_circle_with_a_dot_on_the_line_of_a_word_is_a_radio_button_that_is_set() -> None:
    image = sheet(WHITE)
    cv2.circle(image, (60, 55), 6, LINE, 1, cv2.LINE_AA)
    cv2.circle(image, (60, 55), 2, (70, 70, 70), -1, cv2.LINE_AA)
    for left in (74, 86):
        fill(image, Box(left, 49, 3, 14), BLACK)
    assert [one.set for one in marks_in(image)] == [True]


def test_the_hole_in_a_filled_radio_button_does_not_tell_that_it_is_clear() -> None:
    image = sheet(WHITE)
    fill(image, Box(50, 46, 19, 19), LINE)
    fill(image, Box(55, 51, 9, 9), WHITE)
    cv2.rectangle(image, (48, 40), (140, 70), LINE, 1)  # the focus, which touches it
    assert not [one for one in marks_in(image) if one.set is False]


def test_a_field_is_one_whatever_its_caret_cuts_off() -> None:
    image = sheet(GREY)
    fill(image, Box(99, 39, 202, 22), LINE)
    fill(image, Box(100, 40, 200, 20), WHITE)
    fill(image, Box(104, 44, 15, 12), BLACK)  # as close to the caret as letters are
    fill(image, Box(120, 40, 2, 20), BLACK)
    (field,) = (one for one in seen(image, said("Port:[", 60, 45, 36), said("54", 103, 45, 16)) if one.role != "text")
    assert (field.label, field.value) == ("Port", "54")
    assert abs(field.box.left - 100) <= 1
    assert abs(field.box.width - 200) <= 2


def test_a_radio_button_beside_the_frame_of_the_focus_is_one_still() -> None:
    image = sheet(WHITE)
    cv2.circle(image, (60, 55), 6, LINE, 1, cv2.LINE_AA)
    cv2.circle(image, (60, 55), 3, BLACK, -1)
    cv2.rectangle(image, (70, 42), (170, 68), (200, 160, 140), 1)
    assert [(one.box.left < 60, one.set) for one in marks_in(image)] == [(True, True)]


def test_the_line_under_a_letter_that_tells_its_key_is_no_part_of_it_though_it_touches_it() -> None:
    image = sheet(WHITE, width=120, height=40)
    for left, width in ((20, 3), (40, 3), (50, 3), (60, 3)):
        fill(image, Box(left, 8, width, 18), BLACK)
    fill(image, Box(20, 8, 12, 3), BLACK)  # F
    fill(image, Box(20, 16, 10, 2), BLACK)
    fill(image, Box(18, 26, 15, 2), BLACK)
    (piece,) = pieces_in(image, [Box(10, 2, 80, 32)], [])
    assert (piece.box.left, piece.box.bottom) == (20, 26)


def test_a_title_above_a_field_is_its_label_though_it_is_not_close() -> None:
    field = Box(20, 60, 200, 20)
    for words, label in (("Create new folder:", "Create new folder:"), ("It is empty", None)):
        found = label_of(field, [said(words, 20, 33, 120)], [])
        assert (found.text if found else None) == label
    beside = Box(150, 28, 80, 20)
    assert label_of(field, [said("Look in:", 20, 33, 60)], [beside, field]) is None, "it is another field's"


def test_an_icon_before_its_word_makes_a_button_no_field() -> None:
    for left, role in ((136, "button"), (104, "text field")):  # a field's text begins at its left
        image = sheet(GREY)
        fill(image, Box(99, 39, 92, 24), LINE)
        fill(image, Box(100, 40, 90, 22), WHITE)
        found = seen(image, said("Save", left, 46, 40))
        assert [one.role for one in found if one.role != "text"] == [role]


def test_a_field_beside_buttons_in_the_first_row_is_a_field() -> None:
    image = sheet(GREY, 600, 300)
    fill(image, Box(0, 0, 112, 18), WHITE)
    for left in (35, 72, 109):
        fill(image, Box(left, 0, 1, 18), BLACK)
        fill(image, Box(left + 1, 0, 2, 18), GREY)
    fill(image, Box(111, 0, 489, 18), BLACK)
    fill(image, Box(112, 1, 487, 16), WHITE)
    fill(image, Box(0, 60, 600, 200), WHITE)
    found = seen(image, said("Quit", 6, 4, 24), said("Save", 42, 4, 24), said("Load", 79, 4, 24))
    assert ("text field", "") in editable(found)
