"""The loop with a vision model: it is shown a window, says what to do, each gesture passes the guard, and so on to the end.

What it does is kept as steps with fingerprints: the next time, the procedure needs no model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from time import monotonic

from opsagent_tools.gui.fingerprints import fingerprint_of
from opsagent_tools.gui.judging import pressed_unseen
from opsagent_tools.gui.model import Element, Fingerprint, Gesture, Located, Look, Point, Rung, Verb
from opsagent_tools.gui.port import ScreenError, Surface
from opsagent_tools.gui.procedure import ScreenStep
from opsagent_tools.gui.replay import Allowed, Asked, Guard
from opsagent_tools.gui.vision.conversation import Broken, VisionModel
from opsagent_tools.gui.vision.frames import Frame
from opsagent_tools.gui.vision.pictures import NoPicture, shown_to_model
from opsagent_tools.gui.vision.pursuit import Act, Limits, Pursuit, PursuitEnd
from opsagent_tools.gui.vision.wanted import Answered, Reply, Want, Wanted

_MOST_REFUSED = 3
_NO_TARGET = frozenset({Verb.HOTKEY, Verb.WAIT})
_CONTAINERS = frozenset({"window", "panel", "group", "dialog", "page", "scroll area", "tab list", "tool bar", "frame"})
_NOT_KNOWN = "nothing is known of what is at that place"


_ENDS = {Want.FINISHED: PursuitEnd.FINISHED, Want.FAILED: PursuitEnd.FAILED, Want.PERSON: PursuitEnd.NEEDS_PERSON}
Told = Callable[[str], Awaitable[None]]


async def pursue(
    goal: str,
    surface: Surface,
    model: VisionModel,
    *,
    guard: Guard,
    limits: Limits | None = None,
    secrets: tuple[str, ...] = (),
    tell: Told | None = None,
    stop: Callable[[], str] | None = None,
    current: Callable[[], Awaitable[Surface]] | None = None,
) -> Pursuit:
    """Have a model do a task on one window, one gesture at a time, each one ruled on by the guard.

    secrets: names that it may have typed. tell: awaited with a line on each step. stop: asked between gestures, as in
    `replay`. current: names the window that is worked on now (a dialog that came up); None: it stays the same one.
    Raises CancelledError between two gestures.
    """
    return await _Pursuer(goal, surface, model, guard, limits or Limits(), secrets, tell, stop, current).run()


@dataclass(slots=True)
class _Pursuer:
    goal: str
    surface: Surface
    model: VisionModel
    guard: Guard
    limits: Limits
    secrets: tuple[str, ...]
    tell: Told | None
    stop: Callable[[], str] | None
    current: Callable[[], Awaitable[Surface]] | None
    done: Pursuit = field(default_factory=Pursuit)
    refused: int = 0
    focus: Located | None = None
    """What was clicked last: where typing goes."""
    replaces: bool = False

    async def run(self) -> Pursuit:
        began = monotonic()
        try:
            look = await self._settled()
            png, frame = await self._picture(look)
            reply = await self.model.begin(self.goal, png, frame)
            while not self._ended(reply, began):
                answers = await self._carry_out(reply, look)
                if self.done.why or self._over(reply):
                    break
                look = await self._settled()
                png, frame = await self._picture(look, _zoomed(reply))
                reply = await self.model.go_on(answers, png, frame)
        except (Broken, ScreenError, NoPicture) as error:
            self._end(PursuitEnd.BROKEN, str(error))
        return self.done

    async def _settled(self) -> Look:
        """Return what is there now, on the window that is worked on now."""
        if self.current is not None:
            surface = await self.current()
            if surface is not self.surface:
                self.surface, self.focus, self.replaces = surface, None, False
        return await self.surface.settle()

    async def _picture(self, look: Look, zoomed: Wanted | None = None) -> tuple[bytes, Frame]:
        frame = self.model.frame(look.window.box)
        region = zoomed.region if zoomed is not None else None
        png = await shown_to_model(self.surface, look, frame, region=region)
        self.done.pictures += 1
        return png, frame

    def _ended(self, reply: Reply, began: float) -> bool:
        self.done.tokens_in += reply.tokens_in
        self.done.tokens_out += reply.tokens_out
        if reply.wanted and reply.wanted[0].want in _ENDS:
            self._over(reply)
        elif self.done.tokens_in + self.done.tokens_out >= self.limits.tokens:
            self._end(PursuitEnd.LIMIT, f"{self.limits.tokens} tokens are used up")
        elif len(self.done.steps) >= self.limits.steps:
            self._end(PursuitEnd.LIMIT, f"{self.limits.steps} steps are used up")
        elif monotonic() - began >= self.limits.seconds:
            self._end(PursuitEnd.LIMIT, f"{self.limits.seconds:.0f} s are used up")
        return bool(self.done.why)

    def _over(self, reply: Reply) -> bool:
        """Tell whether it wants nothing after what it wanted just now; note how it ended."""
        last = next((one for one in reply.wanted if one.want in _ENDS), None)
        if last is not None:
            self._end(_ENDS[last.want], last.said or reply.said or f"{self.model.name} says that it {last.want.value}")
        return last is not None

    def _end(self, end: PursuitEnd, why: str) -> None:
        self.done.end, self.done.why = end, " ".join(why.split())[:500] or end.value

    async def _carry_out(self, reply: Reply, look: Look) -> list[Answered]:
        """Do what is wanted, in order. After the first that is not done, the rest is not done either."""
        answers: list[Answered] = []
        refused = ""
        for wanted in reply.wanted:
            if wanted.want in {Want.LOOK, Want.ZOOM}:
                answers.append(Answered(to=wanted))
                continue
            if answers and not refused:
                look = await self._settled()
            refused = refused or await self._one(wanted, reply, look)
            answers.append(Answered(to=wanted, refused=refused, acknowledged=bool(wanted.checks) and not refused))
            if self.done.why:
                break
        if refused:
            self.refused += 1
        if self.refused >= _MOST_REFUSED and not self.done.why:
            self._end(PursuitEnd.NEEDS_PERSON, f"it wants what is not done, {self.refused} times: {refused}")
        return answers

    async def _one(self, wanted: Wanted, reply: Reply, look: Look) -> str:
        """Do one thing; return why it was not done."""
        if wanted.want in _ENDS:
            return ""  # it is meant for after all that stands before it
        if wanted.want is Want.HOVER:
            return "the pointer is not moved without pressing: name what is to be clicked"
        if wanted.want is not Want.GESTURE or wanted.gesture is None:
            return wanted.said or "that is not done here"
        if wanted.held:
            return f"no keys are held ({'+'.join(wanted.held)}) while something is clicked"
        halted = self.stop() if self.stop is not None else ""
        if halted:
            self._end(PursuitEnd.NEEDS_PERSON, halted)
            return halted
        return await self._gesture(wanted, wanted.gesture, reply, look)

    async def _gesture(self, wanted: Wanted, gesture: Gesture, reply: Reply, look: Look) -> str:
        if look.blank:
            return "nothing is drawn on the window yet"
        at, why = self._target(gesture, wanted.at, look)
        to, why_not = self._target(gesture, wanted.to, look) if wanted.to is not None else (None, "")
        if why or why_not:
            return why or why_not
        gesture = self._typed(gesture)
        step = ScreenStep(gesture=gesture, on=_known(at, look), to=_known(to, look), note=reply.said[:200])
        if not await self._allowed(step, at, wanted, look):
            return self.done.why
        for _ in range(wanted.times):
            await self.surface.perform(gesture, at, to)
            await asyncio.sleep(0)  # whoever cancels is heard between two gestures
        self.done.steps += [step] * wanted.times
        act = Act(gesture=gesture, element=at.element if at else None, look=look, to=to.element if to else None)
        self.done.acts += [act] * wanted.times
        if gesture.verb in {Verb.CLICK, Verb.DOUBLE}:
            self.focus, self.replaces = at, wanted.selects
        elif gesture.verb is not Verb.WAIT:
            self.replaces = False
        if self.tell is not None:
            await self.tell(_words(step))
        return ""

    def _target(self, gesture: Gesture, point: Point | None, look: Look) -> tuple[Located | None, str]:
        if gesture.verb in _NO_TARGET:
            return None, ""
        if gesture.verb is Verb.TYPE:
            return self._field(look)
        if point is None:
            return (self.focus, "") if self.focus is not None else (None, "no place is named")
        if not look.window.box.holds(point):
            return None, "that place is outside of the window"
        return _located(point, look), ""

    def _field(self, look: Look) -> tuple[Located | None, str]:
        """Return where typing goes: what has the focus, else what was clicked last."""
        focused = [one for one in look.elements if "focused" in one.states and "editable" in one.states]
        if len(focused) == 1:
            return _located(focused[0].box.center, look, focused[0]), ""
        if self.focus is not None:
            return _located(self.focus.point, look), ""
        return None, "nothing has the focus: click into a field first"

    def _typed(self, gesture: Gesture) -> Gesture:
        if gesture.verb is not Verb.TYPE:
            return gesture
        text = gesture.text.strip()
        named = next((name for name in self.secrets if text == f"<{name}>"), "")
        if named:
            return Gesture(verb=Verb.TYPE, secret=named, replace=True)
        return replace(gesture, replace=self.replaces)

    async def _allowed(self, step: ScreenStep, at: Located | None, wanted: Wanted, look: Look) -> bool:
        risk = "; ".join(text for _, text in wanted.checks)
        risk = risk or pressed_unseen(step, look)
        if at is not None and at.element is None:
            risk = risk or _NOT_KNOWN
        asked = Asked(number=len(self.done.steps) + 1, text=_words(step), risk=risk, window=look.window)
        ruling = await self.guard(step, at, asked)
        if isinstance(ruling, Allowed):
            return True
        self._end(PursuitEnd.NEEDS_PERSON if ruling.needs_person else PursuitEnd.FAILED, ruling.why)
        return False


def _zoomed(reply: Reply) -> Wanted | None:
    last = reply.wanted[-1] if reply.wanted else None
    return last if last is not None and last.want is Want.ZOOM else None


def _located(point: Point, look: Look, element: Element | None = None) -> Located:
    found = element or element_at(point, look)
    box = found.box if found is not None else look.window.box
    why = "a vision model named the place"
    return Located(point=point, box=box, rung=Rung.VISION, element=found, score=0.5, margin=0.0, why=why)


def element_at(point: Point, look: Look) -> Element | None:
    """Return the smallest thing that is seen at a pixel, containers apart; None: nothing is known of what is there."""
    there = [one for one in look.elements if one.box.holds(point) and one.role not in _CONTAINERS and not one.box.empty]
    return min(there, key=lambda one: one.box.width * one.box.height, default=None)


def _known(at: Located | None, look: Look) -> Fingerprint | None:
    return fingerprint_of(at.element, look) if at is not None and at.element is not None else None


def _words(step: ScreenStep) -> str:
    gesture = step.gesture
    match gesture.verb:
        case Verb.TYPE:
            what = f"<{gesture.secret}>" if gesture.secret else f"“{gesture.text}”"
        case Verb.HOTKEY:
            what = "+".join(gesture.keys)
        case _:
            what = ""
    return " ".join(filter(None, (gesture.verb.value, what, step.on.said if step.on is not None else "")))
