"""Events of pointer and keys become gestures."""

from __future__ import annotations

from dataclasses import replace

from opsagent_tools.gui.model import Gesture, Point, Verb
from opsagent_tools.gui.recording.gestures import InputEvent, Joined, Joiner

NOWHERE = Point(0, 0)


def press(at_ms: int, x: int = 50, y: int = 50, button: int = 1, held: str = "") -> list[InputEvent]:
    down = InputEvent(kind="press", at_ms=at_ms, point=Point(x, y), button=button, held=frozenset(held.split()))
    return [down, replace(down, kind="release", at_ms=at_ms + 30)]


def key(at_ms: int, name: str, char: str = "", held: str = "") -> list[InputEvent]:
    return [InputEvent(kind="key", at_ms=at_ms, point=NOWHERE, key=name, char=char, held=frozenset(held.split()))]


def typed(at_ms: int, text: str) -> list[InputEvent]:
    return [event for number, char in enumerate(text) for event in key(at_ms + 50 * number, char, char)]


def heard(*events: list[InputEvent]) -> list[Gesture]:
    return [one.gesture for one in joined(*events)[0]]


def joined(*events: list[InputEvent]) -> tuple[list[Joined], Joiner]:
    joiner = Joiner()
    found = [one for row in events for event in row for one in joiner.feed(event)]
    return [*found, *joiner.flush()], joiner


def test_clicks_double_clicks_and_the_right_button() -> None:
    assert heard(press(0), press(1000)) == [Gesture(verb=Verb.CLICK)] * 2
    assert heard(press(0), press(200)) == [Gesture(verb=Verb.DOUBLE)]
    assert heard(press(0), press(200, x=90)) == [Gesture(verb=Verb.CLICK)] * 2, "elsewhere is not twice"
    assert heard(press(0, button=3)) == [Gesture(verb=Verb.RIGHT)]
    assert heard(press(0), press(200), press(350)) == [Gesture(verb=Verb.DOUBLE), Gesture(verb=Verb.CLICK)]


def test_a_drag_begins_and_ends_where_the_button_did() -> None:
    down, up = press(0)
    (drag,), _ = joined([down, replace(up, point=Point(200, 80))])
    assert drag.gesture == Gesture(verb=Verb.DRAG)
    assert (drag.first.point, drag.last.point) == (Point(50, 50), Point(200, 80))
    assert heard([down, replace(up, point=Point(53, 52))]) == [Gesture(verb=Verb.CLICK)], "a hand trembles"


def test_notches_of_the_wheel_are_one_gesture() -> None:
    down = [press(at, button=5) for at in (0, 100, 200)]
    assert heard(*down, press(300, button=4)) == [
        Gesture(verb=Verb.SCROLL, amount=3),
        Gesture(verb=Verb.SCROLL, amount=-1),
    ]


def test_characters_are_one_text_as_it_was_mended() -> None:
    text = heard(press(0), typed(1000, "Mayr"), key(1300, "backspace"), key(1400, "backspace"), typed(1500, "rch"))
    assert text == [Gesture(verb=Verb.CLICK), Gesture(verb=Verb.TYPE, text="March")]
    assert heard(typed(0, "x"), key(100, "backspace"), key(200, "tab")) == [Gesture(verb=Verb.HOTKEY, keys=("tab",))]


def test_keys_that_type_nothing_are_hotkeys() -> None:
    assert heard(typed(0, "a"), key(100, "return"), typed(200, "b")) == [
        Gesture(verb=Verb.TYPE, text="a"),
        Gesture(verb=Verb.HOTKEY, keys=("return",)),
        Gesture(verb=Verb.TYPE, text="b"),
    ]
    assert heard(key(0, "s", "s", "ctrl")) == [Gesture(verb=Verb.HOTKEY, keys=("ctrl", "s"))]
    assert heard(key(0, "iso_left_tab", "", "shift")) == [Gesture(verb=Verb.HOTKEY, keys=("shift", "iso_left_tab"))]
    assert heard(key(0, "at", "@", "altgr"), key(50, "A", "A", "shift")) == [Gesture(verb=Verb.TYPE, text="@A")]


def test_a_text_ends_where_its_window_does() -> None:
    first, second = typed(0, "ab"), [replace(one, windows=(7,)) for one in typed(100, "cd")]
    assert heard(first, second) == [Gesture(verb=Verb.TYPE, text="ab"), Gesture(verb=Verb.TYPE, text="cd")]


def test_what_no_procedure_can_say_is_told() -> None:
    _, joiner = joined(press(0, button=2), press(500, button=6), press(900, held="ctrl"))
    assert joiner.ignored == ["button 2 of the pointer", "scrolling sideways", "ctrl held down while clicking"]
