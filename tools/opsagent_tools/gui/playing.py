"""One step of a procedure: found, judged, asked about, done, and looked at afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace

from opsagent_tools.gui.awaiting import finished, settled, untouched
from opsagent_tools.gui.desk import Asked, Guard, NotAllowed, Screens
from opsagent_tools.gui.expecting import After, Expecting, arrived
from opsagent_tools.gui.finding import PATIENCE_S, Finder, Found
from opsagent_tools.gui.judging import (
    is_same,
    is_set_already,
    may_set_it,
    no_place_for_a_secret,
    not_sure_enough,
    pressed_there,
    pressed_unseen,
)
from opsagent_tools.gui.model import Located, Look, NotLocated, SurfaceKind, Verb
from opsagent_tools.gui.played import HALTED, NEEDS_PERSON, Ended, Playing
from opsagent_tools.gui.port import Refused, ScreenError, Secrets, Stale, SurfaceGone, Unfinished
from opsagent_tools.gui.procedure import Expectation
from opsagent_tools.gui.risk import risk_of
from opsagent_tools.gui.saying import said
from opsagent_tools.gui.strips import Film

_STALE_S = 1.0
"""Where the guard took longer, everything is looked at again: a person may have answered minutes later."""
_AGAIN_S = 0.2
_TRIES = 3
"""So often what changes right before it is used is found anew."""


class Player:
    """Plays steps, one after the other."""

    def __init__(
        self, screens: Screens, finder: Finder, guard: Guard, stop: Callable[[], str], secrets: Secrets
    ) -> None:
        self._screens = screens
        self._finder = finder
        self._guard = guard
        self._stop = stop
        self.film = Film(secrets)

    async def play(self, one: Playing) -> None:
        """Do one step. Raises Ended: with `one.done` false nothing was done, and the program is as before."""
        self._heed_stop()
        one.said = said(one.step)
        try:
            await self._find(one)
            if one.step.gesture.verb is Verb.WAIT:
                await self._wait(one)
                return
            if is_set_already(one.step, _place(one)):
                one.done, one.why = True, "it is as it shall be already: nothing was done"
                return
            await self._ask(one)
            await self._do(one)
        except ScreenError as error:
            raise Ended(NEEDS_PERSON if one.done else HALTED, str(error)) from error

    async def _find(self, one: Playing, patience_s: float = PATIENCE_S) -> None:
        """Find the target, and make sure of it as far as its risk demands."""
        if one.step.gesture.verb is Verb.WAIT:
            patience_s = max(patience_s, one.step.gesture.seconds)
        found = await self._finder.find(one.step, one.rule, patience_s=patience_s)
        one.waited += self._finder.waited()
        if isinstance(found, NotLocated):
            raise Ended(HALTED, found.why)
        one.found = found
        one.said = said(one.step, found.at)
        if why := no_place_for_a_secret(one.step, found.at) or may_set_it(one.step, found.at):
            raise Ended(HALTED, why)
        one.found = await self._agreed(one, found)

    async def _agreed(self, one: Playing, found: Found) -> Found:
        """Return it with a second sign, where it is risky. Raises Ended where there is none."""
        if found.at is None or one.step.on is None or not (risk := risk_of(one.step, found.at)):
            return found
        sure = await self._finder.agreeing(found, one.step.on)
        why = sure.why if isinstance(sure, NotLocated) else not_sure_enough(sure)
        if isinstance(sure, NotLocated) or why:
            raise Ended(HALTED, f"{one.step.on.said} is risky, as {risk}, and {why}")
        return replace(found, at=sure)

    async def _ask(self, one: Playing) -> None:
        """Ask the guard; after a long wait everything is found again, and must be the same."""
        found = _found(one)
        asked = Asked(number=one.number, text=one.said, risk=_risk(one, found), window=found.window)
        start = time.monotonic()
        with one.waiting():
            answer = await self._guard(one.step, found.at, asked)
        if isinstance(answer, NotAllowed):
            raise Ended(NEEDS_PERSON if answer.needs_person else HALTED, answer.why)
        self._heed_stop()
        if time.monotonic() - start > _STALE_S:
            self._finder.forget()
            await self._find(one, patience_s=0.0)
            now = _found(one)
            changed = f"the screen changed while the answer was waited for: {one.said} is"
            if not _same_gesture(one, found, now):
                raise Ended(HALTED, f"{changed} another one now")
            if is_set_already(one.step, now.at):
                raise Ended(HALTED, f"{changed} as it shall be already")

    async def _do(self, one: Playing) -> None:
        await self.film.taken()
        one.before = await self.film.crop(_found(one), _found(one).look)
        await self._make_sure(one)
        gone = await self._performed(one)
        found = _found(one)
        one.done = True
        if one.step.gesture.secret and found.at is not None:
            self.film.hide(one.step.gesture.secret, found.at.box)
        with one.waiting():
            look = None if gone else await settled(found)
        if look is not None:
            one.read(look)
            self._finder.remember(found.surface, look)
        await self._look_after(one, found, look)

    async def _make_sure(self, one: Playing) -> None:
        """Look once more right before what is risky, and before keys that go to whatever has the focus: it must be the same.

        Nothing was done yet, so that what changed is found and judged anew; what goes on changing is not used.
        """
        for left in reversed(range(_TRIES)):
            why = await self._changed(one)
            if not why:
                return
            if not left:
                raise Ended(HALTED, f"the screen changed right before “{one.said}”: {why}")
            await asyncio.sleep(_AGAIN_S)
            await self._find_anew(one)

    async def _find_anew(self, one: Playing) -> None:
        """Find what changed meanwhile, on the same window; ask about it where it is not the very one that was asked about."""
        self._heed_stop()
        was = _found(one)
        asked, before = (one.said, _risk(one, was)), f"the screen changed right before “{one.said}”"
        self._finder.forget()
        try:
            await self._find(one, patience_s=0.0)
        except Ended as end:
            raise Ended(end.outcome, f"{before}: {end.why}") from end
        now = _found(one)
        if (was.window.id, was.window.pid) != (now.window.id, now.window.pid):
            one.found = was
            raise Ended(HALTED, f"{before}: it is on another window now")
        if is_set_already(one.step, _place(one)):
            raise Ended(HALTED, f"{before}: it is as it shall be already")
        if not is_same(was, now) or (one.said, _risk(one, now)) != asked:
            await self._ask(one)

    async def _changed(self, one: Playing) -> str:
        """Return what is not as it was when it was found and asked about; empty: nothing, or nothing that matters."""
        found = _found(one)
        risk = _risk(one, found)
        if not risk and (found.at is not None or one.step.gesture.verb not in {Verb.HOTKEY, Verb.TYPE}):
            return ""
        look = await found.surface.look()
        now = replace(found, look=look)
        if found.at is not None and one.step.on is not None:
            at = await found.surface.locate(one.step.on, look)
            if isinstance(at, NotLocated):
                return at.why
            now = replace(now, at=replace(at, agreeing=found.at.agreeing))
            if look.digest != found.look.digest:  # what agreed was another picture
                try:
                    now = await self._agreed(one, replace(now, at=at))
                except Ended as end:
                    return end.why
        if not _same_gesture(one, found, now):
            return "it would be another one now"
        one.found = now
        return ""

    async def _performed(self, one: Playing) -> bool:
        """Do the gesture; what looks otherwise right before it is found anew, as nothing was done yet."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(Stale):
                return await self._perform(one, _found(one))
            await self._find_anew(one)
        return await self._perform(one, _found(one))

    async def _perform(self, one: Playing, found: Found) -> bool:
        """Do the gesture; return whether the window ended by it. Cancelled, it is finished first."""
        await found.surface.window()  # what is gone by now did not end by the gesture
        task = asyncio.ensure_future(found.surface.perform(one.step.gesture, found.at, found.to))
        try:
            if await finished(task):
                raise asyncio.CancelledError
            task.result()
        except SurfaceGone as error:
            if one.step.gesture.verb is Verb.TYPE:  # how much of it arrived is not known
                raise Ended(NEEDS_PERSON, str(error)) from error
            return True
        except Stale:
            raise
        except Refused as error:
            raise Ended(HALTED, str(error)) from error
        except Unfinished as error:
            raise Ended(NEEDS_PERSON, str(error)) from error
        except ScreenError as error:
            raise Ended(HALTED if await untouched(found) else NEEDS_PERSON, str(error)) from error
        return False

    async def _look_after(self, one: Playing, found: Found, look: Look | None) -> None:
        """Check what the step promised, and what was typed."""
        if look is not None:
            one.after = await self.film.crop(found, look)
            self.film.take(found.surface, look)
        await self._read_back(one, found, look)
        if one.step.after is not None:
            after = await self._awaited(one, found, one.step.after, look)
            if after.missed:
                raise Ended(NEEDS_PERSON, f"after “{one.said}”, {after.missed}")
        elif look is not None and look.digest == found.look.digest and one.step.gesture.verb is not Verb.TYPE:
            one.why = "nothing was seen to change"

    async def _read_back(self, one: Playing, found: Found, look: Look | None) -> None:
        gesture = one.step.gesture
        if gesture.verb is not Verb.TYPE or gesture.secret or found.at is None or look is None:
            return
        held = await found.surface.read_back(found.at)
        if held is None:
            one.why = "what was typed cannot be read back"
            return
        one.value = held
        if not arrived(gesture, held, read=found.surface.kind is SurfaceKind.PIXEL):
            raise Ended(NEEDS_PERSON, f"after “{one.said}”, it holds “{held[:80]}”")

    async def _wait(self, one: Playing) -> None:
        """Wait for what the step awaits; a wait does nothing, so that one in vain halts."""
        found, seconds = _found(one), one.step.gesture.seconds
        if one.step.after is None:
            with one.waiting():
                look = await found.surface.settle(timeout_s=seconds)
            one.read(look)
            self._finder.remember(found.surface, look)
        else:
            wanted = replace(one.step.after, within_s=max(seconds, one.step.after.within_s if not seconds else 0.0))
            after = await self._awaited(one, found, wanted, found.look)
            if after.missed:
                raise Ended(HALTED, after.missed)
        one.done = True

    async def _awaited(self, one: Playing, found: Found, wanted: Expectation, look: Look | None) -> After:
        with one.waiting():
            after = await Expecting(self._screens, found, one.step.on, self._stop).come(wanted, look)
        if after.look is not None and after.look is not look:
            one.read(after.look)
            self._finder.remember(found.surface, after.look)
        return after

    def _heed_stop(self) -> None:
        if why := self._stop():
            raise Ended(NEEDS_PERSON, why)


def _risk(one: Playing, found: Found) -> str:
    return risk_of(one.step, found.at) or pressed_unseen(one.step, found.look)


def _same_gesture(one: Playing, was: Found, now: Found) -> bool:
    """Tell whether it would be done on what was asked about: the same target, and the same for keys to press."""
    if not is_same(was, now) or _risk(one, was) != _risk(one, now):
        return False
    return pressed_there(one.step, was) == pressed_there(one.step, now)


def _found(one: Playing) -> Found:
    if one.found is None:
        raise Ended(HALTED, "it was not found")
    return one.found


def _place(one: Playing) -> Located | None:
    return one.found.at if one.found else None
