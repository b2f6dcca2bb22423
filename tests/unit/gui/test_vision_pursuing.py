"""A vision model works on one window: what it wants passes the guard, lands on known elements, and is kept as steps."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image

from opsagent_tools.gui.fake import Control, FakeProgram, FakeSurface, FakeWindow
from opsagent_tools.gui.model import Box, Fingerprint, Gesture, Located, NotLocated, Point, Rung, Verb
from opsagent_tools.gui.procedure import ScreenStep
from opsagent_tools.gui.replay import Allowed, Asked, NotAllowed
from opsagent_tools.gui.vision import claude
from opsagent_tools.gui.vision.conversation import Broken, Conversation
from opsagent_tools.gui.vision.frames import Frame, in_thousandths
from opsagent_tools.gui.vision.grounding import ground
from opsagent_tools.gui.vision.pursuing import pursue
from opsagent_tools.gui.vision.pursuit import Limits, Pursuit, PursuitEnd
from opsagent_tools.gui.vision.wanted import Answered, Reply, Want, Wanted

FIELD, BUTTON, PASSWORD = Point(200, 110), Point(150, 210), Point(200, 160)


def form() -> FakeProgram:
    seen = frozenset({"enabled", "visible"})
    return FakeProgram(
        windows=[
            FakeWindow(
                "Export",
                [
                    Control("month", "text field", label="Month", value="", box=Box(100, 100, 200, 20), states=seen | {"editable"}),
                    Control("pin", "password field", label="PIN", box=Box(100, 150, 200, 20), states=seen | {"editable", "secret"}),
                    Control("go", "button", name="Export", box=Box(100, 200, 100, 20)),
                ],
            )
        ]
    )  # fmt: skip


def gesture(verb: Verb, at: Point | None = None, **fields: Any) -> Wanted:
    return Wanted(want=Want.GESTURE, gesture=Gesture(verb=verb, **fields), at=at)


FINISHED = Wanted(want=Want.FINISHED, said="exported")


@dataclass
class Scripted:
    """A model that says what a test wrote down."""

    replies: list[Sequence[Wanted]]
    answered: list[Sequence[Answered]] = field(default_factory=list)
    shown: list[tuple[int, int]] = field(default_factory=list)
    name: str = "scripted"
    tokens: int = 10

    def frame(self, screen: Box) -> Frame:
        return in_thousandths(screen)

    async def begin(self, goal: str, png: bytes, shown: Frame) -> Reply:
        return self._next(png)

    async def go_on(self, answers: Sequence[Answered], png: bytes, shown: Frame) -> Reply:
        self.answered.append(answers)
        return self._next(png)

    def _next(self, png: bytes) -> Reply:
        self.shown.append(Image.open(io.BytesIO(png)).size)
        return Reply(wanted=tuple(self.replies.pop(0)), said="so", tokens_in=self.tokens)


@dataclass
class Watchful:
    """A guard that allows, but for what a test forbids."""

    forbids: str = "nothing"
    asked: list[Asked] = field(default_factory=list)

    async def __call__(self, step: ScreenStep, at: Located | None, asked: Asked) -> Allowed | NotAllowed:
        self.asked.append(asked)
        return NotAllowed("a person has to say so") if self.forbids in (asked.risk or asked.text) else Allowed()


async def pursued(
    program: FakeProgram, *replies: Sequence[Wanted], guard: Watchful | None = None, **given: Any
) -> Pursuit:
    return await pursue(
        "export march", FakeSurface(program), Scripted(list(replies)), guard=guard or Watchful(), **given
    )


async def test_what_it_does_is_kept_as_steps_with_fingerprints() -> None:
    program = form()
    done = await pursued(
        program, [gesture(Verb.CLICK, FIELD), gesture(Verb.TYPE, text="march", replace=False)], [gesture(Verb.CLICK, BUTTON)],
        [FINISHED],
    )  # fmt: skip
    assert done.end is PursuitEnd.FINISHED
    assert program.control("month").value == "march"
    assert [one.key for one in program.performed] == ["month", "month", "go"]
    assert [step.on.said for step in done.steps if step.on] == [
        "text field “Month”",
        "text field “Month”",
        "button “Export”",
    ]
    assert done.pictures == 3
    assert done.tokens_in == 30


async def test_the_guard_rules_on_each_gesture_and_its_no_ends_it() -> None:
    program, guard = form(), Watchful(forbids="Export")
    done = await pursued(program, [gesture(Verb.CLICK, FIELD)], [gesture(Verb.CLICK, BUTTON)], guard=guard)
    assert done.end is PursuitEnd.NEEDS_PERSON
    assert [one.key for one in program.performed] == ["month"]
    assert [one.number for one in guard.asked] == [1, 2]


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (gesture(Verb.CLICK, Point(5000, 5)), "outside of the window"),
        (gesture(Verb.TYPE, text="x"), "nothing has the focus"),
        (Wanted(want=Want.HOVER, at=FIELD), "without pressing"),
        (Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.CLICK), at=FIELD, held=("ctrl",)), "no keys are held"),
        (Wanted(want=Want.UNKNOWN, said="there is no tool 'bash'"), "no tool"),
    ],
)
async def test_what_is_not_done_is_said_to_it_and_after_three_times_a_person_is_called(
    wanted: Wanted, why: str
) -> None:
    program = form()
    model = Scripted([[wanted, gesture(Verb.CLICK, BUTTON)], [wanted], [wanted]])
    done = await pursue("export", FakeSurface(program), model, guard=Watchful())
    assert done.end is PursuitEnd.NEEDS_PERSON
    assert not program.performed, "after what was not done, what stands behind it is not done either"
    assert why in model.answered[0][0].refused
    assert model.answered[0][1].refused


async def test_what_is_at_a_place_that_nobody_knows_is_asked_about() -> None:
    guard = Watchful(forbids="nothing is known")
    done = await pursued(form(), [gesture(Verb.CLICK, Point(700, 500))], guard=guard)
    assert done.end is PursuitEnd.NEEDS_PERSON


async def test_safety_checks_of_the_provider_are_a_person_s() -> None:
    wanted = Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.CLICK), at=BUTTON, checks=(("s1", "malicious"),))
    model = Scripted([[wanted], [FINISHED]])
    done = await pursue("export", FakeSurface(form()), model, guard=Watchful(forbids="malicious"))
    assert done.end is PursuitEnd.NEEDS_PERSON
    model = Scripted([[wanted], [FINISHED]])
    await pursue("export", FakeSurface(form()), model, guard=Watchful())
    assert model.answered[0][0].acknowledged


async def test_a_secret_is_named_and_never_seen() -> None:
    program = form()
    surface = FakeSurface(program)
    model = Scripted([[gesture(Verb.CLICK, PASSWORD), gesture(Verb.TYPE, text="<pin>")], [FINISHED]])
    done = await pursue("log in", surface, model, guard=Watchful(), secrets=("pin",))
    assert program.performed[-1].text == "<pin>"
    assert done.steps[-1].gesture.secret == "pin"
    assert surface.pictures
    assert all(Box(100, 150, 200, 20) in masked for masked in surface.pictures)


@pytest.mark.parametrize("limits", [Limits(steps=1), Limits(tokens=15), Limits(seconds=0.0)])
async def test_limits_end_it(limits: Limits) -> None:
    done = await pursued(form(), [gesture(Verb.CLICK, FIELD)], [gesture(Verb.CLICK, FIELD)], [FINISHED], limits=limits)
    assert done.end is PursuitEnd.LIMIT
    assert len(done.steps) <= 1


async def test_who_takes_the_mouse_stops_it() -> None:
    program = form()
    done = await pursued(program, [gesture(Verb.CLICK, FIELD)], stop=lambda: "a person uses the mouse")
    assert (done.end, done.why) == (PursuitEnd.NEEDS_PERSON, "a person uses the mouse")
    assert not program.performed


async def test_a_window_that_goes_ends_it_in_words() -> None:
    program = form()
    program.reactions["go"] = lambda one: one.windows.clear()
    done = await pursued(program, [gesture(Verb.CLICK, BUTTON)], [FINISHED])
    assert done.end is PursuitEnd.BROKEN
    assert "is gone" in done.why


class TestGrounding:
    TARGET = Fingerprint(role="button", name="Export")

    async def found(self, *wanted: Wanted, target: Fingerprint = TARGET) -> Located | NotLocated:
        surface = FakeSurface(form())
        return await ground(target, surface, await surface.look(), Scripted([wanted]))

    async def test_a_place_with_an_element_of_that_role_is_taken_and_never_surely(self) -> None:
        found = await self.found(gesture(Verb.CLICK, BUTTON))
        assert isinstance(found, Located)
        assert (found.rung, found.margin) == (Rung.VISION, 0.0)

    @pytest.mark.parametrize(
        ("wanted", "reason"),
        [
            ((gesture(Verb.CLICK, FIELD),), "disagreeing"),
            ((gesture(Verb.CLICK, BUTTON), gesture(Verb.CLICK, FIELD)), "ambiguous"),
            ((gesture(Verb.CLICK, Point(9999, 9999)),), "window"),
            ((FINISHED,), "missing"),
            ((gesture(Verb.RIGHT, BUTTON),), "missing"),
        ],
    )
    async def test_else_nothing_is_done(self, wanted: tuple[Wanted, ...], reason: str) -> None:
        found = await self.found(*wanted)
        assert isinstance(found, NotLocated)
        assert found.reason == reason


async def test_a_reply_that_cannot_be_read_breaks_the_conversation() -> None:
    async def send(body: Mapping[str, Any]) -> Mapping[str, Any]:
        assert body["tools"]
        return {"error": "overloaded"}

    talk = Conversation(claude, "claude-x", send)
    with pytest.raises(Broken, match="nobody understands"):
        await talk.begin("export", b"png", claude.frame(Box(0, 0, 800, 600)))
