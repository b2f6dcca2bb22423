"""What was seen too late is not believed: a gesture is never put down to another element than it was done to."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from opsagent_tools.gui.model import Box, Element, Look, Point, SurfaceKind, Verb, Window
from opsagent_tools.gui.recording import Recorder, Recording, Seen
from opsagent_tools.gui.recording.eyes import Sight
from opsagent_tools.gui.recording.gestures import InputEvent
from tests.support.waiting import until

WINDOW = Window(id="x11:0x1", pid=7, exe="/bin/p", program="p", uid=1, box=Box(0, 0, 400, 300))
SPOT = Point(20, 20)


def field(name: str) -> Seen:
    element = Element(id=name, role="text field", name="", label=name, box=Box(0, 0, 50, 50), value="",
                      states=frozenset({"visible", "enabled"}), source=SurfaceKind.ACCESSIBLE)  # fmt: skip
    look = Look(window=WINDOW, at=datetime.now(UTC), source=SurfaceKind.ACCESSIBLE, elements=(element,))
    return Seen(element, look)


class SlowEyes:
    """Eyes that see once they are let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.once = False
        """They see one thing, and nothing from then on."""
        self.under = field("first")
        self.focus = field("first")

    async def sight(self, point: Point) -> Sight:
        await self.let()
        return Sight(WINDOW, self.under, WINDOW, self.focus, self.under.look)

    async def let(self) -> None:
        await self.open.wait()
        if self.once:
            self.open.clear()

    async def window_at(self, point: Point) -> Window | None:
        return WINDOW

    async def focused_window(self) -> Window | None:
        return WINDOW

    async def at(self, point: Point) -> Seen | None:
        return self.under

    async def focused(self) -> Seen | None:
        return self.focus

    async def again(self, seen: Seen) -> Element | None:
        return None

    async def read(self, seen: Seen) -> Look | None:
        return None

    async def get_used_to(self) -> None:
        return

    async def gone(self, window: Window) -> bool:
        return False


def key(name: str, char: str = "", at_ms: int = 0) -> InputEvent:
    return InputEvent(kind="key", at_ms=at_ms, point=SPOT, key=name, char=char)


def press(kind: str, at_ms: int = 0, windows: tuple[int, ...] = (1,)) -> InputEvent:
    return InputEvent(kind=kind, at_ms=at_ms, point=SPOT, button=1, windows=windows if kind == "press" else ())


def rest(at_ms: int = 0) -> InputEvent:
    return InputEvent(kind="rest", at_ms=at_ms, point=SPOT)


async def looked(recorder: Recorder, eyes: SlowEyes) -> None:
    """Have them see what the pointer rests on, and nothing from then on."""
    eyes.once = True
    eyes.open.set()
    state = recorder._state
    await until(lambda: any(one is not None and one.sight.done() for one in (state.glance, state.last)))
    eyes.once = False


async def clicked(recorder: Recorder, eyes: SlowEyes, windows: tuple[int, ...] = (1,)) -> Seen | None:
    """Click, end the recording, and return what was seen under the click: nobody looks before it is over."""
    for event in (press("press", windows=windows), press("release")):
        recorder._heard(event)
    eyes.open.set()
    (click,) = (await recorder.stop()).done
    return click.seen


async def heard(eyes: SlowEyes, *events: InputEvent, seen_first: bool) -> Recording:
    recorder = Recorder(":0", {}, eyes)
    for event in events:
        (recorder._rested if event.kind == "rest" else recorder._heard)(event)
        if seen_first:
            eyes.open.set()
            for _ in range(5):
                await asyncio.sleep(0)
    eyes.open.set()
    return await recorder.stop()


async def test_typing_is_put_down_to_the_field_that_was_seen_in_time() -> None:
    done = (await heard(SlowEyes(), key("a", "a"), key("tab"), seen_first=True)).done
    assert done[0].seen is not None
    assert done[0].gesture.text == "a"


async def test_typing_that_went_on_before_anybody_saw_where_is_put_down_to_nothing() -> None:
    first, second = (await heard(SlowEyes(), key("a", "a"), key("tab"), seen_first=False)).done
    assert (first.gesture.verb, second.gesture.verb) == (Verb.TYPE, Verb.HOTKEY)
    assert first.seen is None
    assert first.gesture.text == "", "it may have been a password"


async def test_fast_typing_after_a_click_went_into_what_was_clicked() -> None:
    eyes = SlowEyes()
    recorder = Recorder(":0", {}, eyes)
    recorder._rested(rest())
    await looked(recorder, eyes)
    for event in (press("press"), press("release"), key("a", "a", 900), key("tab", at_ms=901)):
        recorder._heard(event)
    eyes.open.set()
    click, typed, _ = (await recorder.stop()).done
    assert click.gesture.verb is Verb.CLICK
    assert typed.seen == click.seen == eyes.under
    assert typed.gesture.text == "a"


async def test_a_click_is_put_down_to_what_was_there_before_it() -> None:
    eyes = SlowEyes()
    (click,) = (await heard(eyes, rest(), press("press"), press("release"), seen_first=True)).done
    assert click.seen == eyes.under
    (late,) = (await heard(SlowEyes(), press("press"), press("release"), seen_first=False)).done
    assert late.seen is None


async def test_a_menu_that_opened_under_the_pointer_was_not_clicked() -> None:
    (click,) = (await heard(SlowEyes(), press("press", windows=(5, 6)), press("release"), seen_first=True)).done
    assert click.seen is None


async def test_what_was_seen_with_the_pointer_elsewhere_is_known_on_the_same_window() -> None:
    eyes = SlowEyes()
    recorder = Recorder(":0", {}, eyes)
    recorder._rested(replace(rest(), point=Point(300, 200)))
    await looked(recorder, eyes)
    seen = await clicked(recorder, eyes)  # nobody has looked there
    assert seen is not None
    assert seen.element == eyes.under.element


async def test_an_item_of_an_open_menu_is_known_from_a_look_before_the_pointer_came_to_it() -> None:
    menu = replace(WINDOW, id="x11:0x2", popup=True)
    item = replace(field("x").element, id="item", role="menu item", name="Low", label="", box=Box(10, 10, 60, 20))
    below = replace(field("x").element, id="row", role="button", name="Delete", label="", box=Box(15, 15, 10, 10))
    look = replace(field("x").look, elements=(item, below))

    class Eyes(SlowEyes):
        async def sight(self, point: Point) -> Sight:
            await self.let()
            return Sight(WINDOW, Seen(below, look), WINDOW, None, look, (menu,))

    async def clicked_on(window: int) -> Seen | None:
        eyes = Eyes()
        recorder = Recorder(":0", {}, eyes)
        recorder._rested(replace(rest(), point=Point(300, 200)))
        await looked(recorder, eyes)
        return await clicked(recorder, eyes, (window,))

    on_menu = await clicked_on(2)
    assert on_menu is not None
    assert on_menu.element == item, "what lies below the menu is not meant"
    assert await clicked_on(3) is None, "that one opened later"


async def test_a_window_that_has_come_up_is_known_before_the_pointer_moves() -> None:
    eyes = SlowEyes()
    recorder = Recorder(":0", {}, eyes)
    eyes.open.set()
    await recorder._came_up(replace(rest(), kind="focus", point=Point(300, 200)))
    assert recorder._state.glance is not None
    await recorder._state.glance.sight
    eyes.open.clear()
    seen = await clicked(recorder, eyes)
    assert seen is not None
    assert seen.element == eyes.under.element


async def test_a_look_that_is_under_way_does_not_hide_the_one_before_it() -> None:
    eyes = SlowEyes()
    recorder = Recorder(":0", {}, eyes)
    recorder._rested(rest())
    recorder._rested(rest())  # wanted once the first is over
    await looked(recorder, eyes)
    assert await clicked(recorder, eyes) == eyes.under
