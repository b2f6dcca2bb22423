"""Shapes in pictures that are drawn here: fields, marks, signs, changes, and crops that look alike."""

from __future__ import annotations

import pytest

pytest.importorskip("cv2", reason="needs the extra gui: pip install opsagent[gui]")

import cv2
import numpy as np

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.arrays import Image
from opsagent_tools.gui.pixels.captions import caption_of
from opsagent_tools.gui.pixels.controls import Seen, controls_in
from opsagent_tools.gui.pixels.frames import frames_in
from opsagent_tools.gui.pixels.labels import label_of
from opsagent_tools.gui.pixels.marks import Mark, Shape, marks_in
from opsagent_tools.gui.pixels.regions import changed_in, inside_frames, is_caret
from opsagent_tools.gui.pixels.signs import sign_of
from opsagent_tools.gui.pixels.templates import matches
from opsagent_tools.gui.pixels.words import Text

LIGHT = ((220, 220, 220), (255, 255, 255), (90, 90, 90))
DARK = ((40, 36, 32), (30, 26, 22), (120, 120, 120))


def sheet(colour: tuple[int, int, int], width: int = 320, height: int = 200) -> Image:
    return np.full((height, width, 3), colour, dtype=np.uint8)


def boxed(image: Image, box: Box, fill: tuple[int, int, int], line: tuple[int, int, int]) -> None:
    cv2.rectangle(image, (box.left - 1, box.top - 1), (box.right, box.bottom), line, 1)
    image[box.top : box.bottom, box.left : box.right] = fill


def told_of(image: Image, texts: list[Text]) -> set[tuple[str, str, str, str | None]]:
    """Return role, name, label and value of the controls of a sheet."""
    seen = Seen((image.shape[1], image.shape[0]), frames_in(image), [], texts)
    return {(one.role, one.name, one.label, one.value) for one in controls_in(seen)}


@pytest.mark.parametrize(("ground", "fill", "line"), [LIGHT, DARK])
def test_the_inside_of_a_field_is_found_whatever_the_colours(
    ground: tuple[int, int, int], fill: tuple[int, int, int], line: tuple[int, int, int]
) -> None:
    image, field = sheet(ground), Box(100, 40, 180, 20)
    boxed(image, field, fill, line)
    cv2.putText(image, "db1.example.org", (104, 54), cv2.FONT_HERSHEY_SIMPLEX, 0.4, line, 1, cv2.LINE_AA)
    found = [one.box for one in frames_in(image) if abs(one.box.left - field.left) <= 1 and one.box.width < 200]
    assert any(abs(one.width - field.width) <= 2 and abs(one.height - field.height) <= 2 for one in found)


def test_marks_are_told_with_their_state() -> None:
    image = sheet(LIGHT[0])
    for at, ticked in ((40, False), (80, True)):
        boxed(image, Box(21, at + 1, 13, 13), (255, 255, 255), (60, 60, 60))
        if ticked:
            cv2.line(image, (23, at + 7), (26, at + 11), (0, 0, 0), 2)
            cv2.line(image, (26, at + 11), (31, at + 3), (0, 0, 0), 2)
    for at, dotted in ((40, False), (80, True)):
        cv2.circle(image, (200, at + 7), 7, (60, 60, 60), 1)
        if dotted:
            cv2.circle(image, (200, at + 7), 3, (0, 0, 0), -1)
    found = {(one.shape, one.box.top > 60): one.set for one in marks_in(image)}
    assert found == {
        (Shape.SQUARE, False): False, (Shape.SQUARE, True): True, (Shape.ROUND, False): False, (Shape.ROUND, True): True,
    }  # fmt: skip


def test_a_check_box_that_has_the_focus_is_one_inside_its_frame_and_a_square_letter_in_a_word_is_none() -> None:
    image = sheet(LIGHT[1])
    boxed(image, Box(21, 41, 13, 13), (255, 255, 255), (60, 60, 60))
    cv2.rectangle(image, (17, 34), (200, 60), (150, 150, 150), 1)
    boxed(image, Box(21, 101, 13, 13), (255, 255, 255), (60, 60, 60))
    cv2.line(image, (17, 101), (17, 113), (60, 60, 60), 1)
    assert [(one.shape, one.box.top < 60, one.set) for one in marks_in(image)] == [(Shape.SQUARE, True, False)]


def test_bars_and_dots_are_signs() -> None:
    def drawn(*boxes: tuple[int, int, int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        ink = np.zeros((20, 30), dtype=bool)
        for left, top, width, height in boxes:
            ink[top : top + height, left : left + width] = True
        return ink

    signs = {
        "-": drawn((10, 9, 6, 2)),
        "=": drawn((10, 7, 8, 1), (10, 11, 8, 1)),
        "+": drawn((10, 9, 9, 1), (14, 5, 1, 9)),
        "÷": drawn((10, 9, 9, 1), (14, 5, 2, 2), (14, 12, 2, 2)),
        ".": drawn((14, 15, 2, 2)),
        "": drawn((10, 4, 2, 12)),
    }
    assert {sign: sign_of(ink, 12) for sign, ink in signs.items()} == {sign: sign for sign in signs}
    two_bars = {
        "H": drawn((10, 5, 2, 8), (16, 5, 2, 8), (10, 8, 8, 1)),
        "±": drawn((10, 7, 6, 1), (13, 5, 1, 6), (10, 10, 6, 1)),
        "*": drawn((10, 7, 8, 1), (13, 4, 2, 8), (12, 8, 4, 2), (10, 10, 8, 1)),
    }
    assert {name: sign_of(ink, 12) for name, ink in two_bars.items()} == {"H": "", "±": "", "*": ""}
    assert sign_of(drawn((4, 4, 9, 1), (20, 9, 9, 1)), 12) == "", "two bars that are not one above the other are no ="


def test_labels_are_to_the_left_or_right_above_and_never_beyond_another_field() -> None:
    host, port, above = (
        Text(Box(20, 44, 30, 11), "Host", 1, 11),
        Text(Box(200, 44, 26, 11), "Port", 1, 11),
        Text(Box(60, 84, 40, 11), "Note", 1, 11),
    )
    first, second, third = Box(60, 40, 100, 20), Box(240, 40, 60, 20), Box(60, 98, 100, 20)
    texts, fields = (host, port, above), (first, second, third)
    assert [label_of(one, texts, fields) for one in fields] == [host, port, above]
    assert label_of(second, (host, above), fields) is None, "the label of another field is not taken"
    far, titled = Box(300, 40, 100, 20), Text(Box(20, 44, 34, 11), "Host:", 1, 11)
    assert (label_of(far, (host,), (far,)), label_of(far, (titled,), (far,))) == (None, titled)


def test_captions_are_to_the_right_unless_the_form_puts_them_to_the_left() -> None:
    def text(left: int, name: str) -> Text:
        return Text(Box(left, 10, 8 * len(name), 11), name, 1.0, 11)

    first, second = (Mark(Box(at, 9, 13, 13), Shape.SQUARE, False) for at in (20, 120))
    right = [text(38, "one"), text(138, "two")]
    assert [caption_of(one, (first, second), right) for one in (first, second)] == right
    third = Mark(Box(60, 9, 13, 13), Shape.SQUARE, False)
    left, next_one = text(10, "Debug:"), text(92, "Verbose:")
    assert caption_of(third, (third,), [left, next_one]) == left
    assert caption_of(third, (third,), [text(14, "Debug"), text(80, "Trace")]) is None, "either may be meant"


def test_controls_carry_names_labels_and_values() -> None:
    image = sheet(LIGHT[0], 360, 120)
    boxed(image, Box(80, 10, 160, 20), *LIGHT[1:])
    boxed(image, Box(80, 50, 160, 20), *LIGHT[1:])
    boxed(image, Box(80, 90, 60, 24), *LIGHT[1:])
    texts = [
        Text(Box(30, 15, 32, 10), "Host:", 1.0, 10), Text(Box(84, 15, 60, 10), "db1", 1.0, 10),
        Text(Box(20, 55, 50, 10), "Password", 1.0, 10), Text(Box(100, 97, 20, 10), "OK", 1.0, 10),
    ]  # fmt: skip
    assert told_of(image, texts) >= {
        ("text field", "", "Host", "db1"),
        ("password field", "", "Password", None),
        ("button", "OK", "", None),
    }


def test_a_field_that_its_text_fills_is_no_button() -> None:
    image = sheet(LIGHT[0], 360, 120)
    boxed(image, Box(80, 10, 80, 20), *LIGHT[1:])
    boxed(image, Box(80, 50, 80, 20), *LIGHT[1:])
    texts = [
        Text(Box(30, 15, 42, 10), "Number:", 1.0, 10), Text(Box(84, 15, 72, 10), "6789012345", 1.0, 10),
        Text(Box(30, 55, 42, 10), "Colour:", 1.0, 10), Text(Box(100, 55, 40, 10), "Choose", 1.0, 10),
    ]  # fmt: skip
    assert told_of(image, texts) >= {("text field", "", "Number", "6789012345"), ("button", "Choose", "", None)}


def test_a_caret_is_no_change() -> None:
    before = sheet(LIGHT[1])
    after = before.copy()
    after[40:56, 100:102] = 0
    (caret,) = changed_in(before, after)
    assert caret == Box(100, 40, 2, 16)
    assert is_caret(caret)
    after[40:56, 150:190] = 0
    assert sorted(is_caret(one) for one in changed_in(before, after)) == [False, True]


def test_a_crop_is_found_larger_and_in_dark_colours() -> None:
    drawing = sheet((230, 230, 230), 24, 24)
    cv2.circle(drawing, (12, 12), 8, (30, 30, 30), 2)
    cv2.line(drawing, (12, 4), (20, 20), (30, 30, 30), 2)
    window = sheet((40, 40, 40))
    larger = 255 - np.asarray(cv2.resize(drawing, (36, 36), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    window[100:136, 200:236] = np.maximum(larger, 40)
    cv2.rectangle(window, (40, 40), (70, 70), (200, 200, 200), 2)
    best, *others = matches(window, drawing, (1.0, 1.25, 1.5, 2.0))
    assert (abs(best.box.left - 200) <= 2, abs(best.box.top - 100) <= 2, best.scale) == (True, True, 1.5)
    assert best.score > 0.8
    assert all(one.score < best.score - 0.15 for one in others)


def test_a_frame_that_comes_with_the_focus_changes_nothing_that_is_written_in_it() -> None:
    before = sheet((255, 255, 255))
    cv2.putText(before, "host", (60, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1)
    after = before.copy()
    cv2.rectangle(after, (50, 40), (250, 70), (200, 120, 60), 2)
    (framed,) = changed_in(before, after)
    assert inside_frames([framed], before, after) == []
    after[48:64, 110] = 0
    (caret,) = inside_frames(changed_in(before, after), before, after)
    assert caret == Box(110, 48, 1, 16)
    cv2.putText(after, "alpha", (60, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1)
    assert any(one.holds(Box(64, 50, 10, 10).center) for one in inside_frames(changed_in(before, after), before, after))


def test_nothing_looks_like_a_crop_where_there_is_no_picture() -> None:
    assert matches(sheet(LIGHT[0])[:0], sheet(LIGHT[0]), [1.0]) == []
