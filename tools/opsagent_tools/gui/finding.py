"""Find the window of a step and its target on it: the best surface first, a lower one only where that shows nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from opsagent_tools.gui.desk import Screens
from opsagent_tools.gui.matching.roles import CONTAINERS
from opsagent_tools.gui.matching.scene import seen
from opsagent_tools.gui.model import Fingerprint, Located, Look, NotLocated, Rung, SurfaceKind, Window
from opsagent_tools.gui.port import NotUsable, Refused, ScreenError, Surface, SurfaceGone
from opsagent_tools.gui.procedure import ScreenStep, WindowRule

LastRung = Callable[[Fingerprint, Surface, Look], Awaitable[Located | NotLocated]]
"""Asks somebody else where a target is: a vision model."""
PATIENCE_S = 4.0
"""How long a window or a target may take to come."""
BUSY_S = 20.0
"""How long a program may be too busy to show anything: it opens a connection, or collects garbage."""
_FRESH_S = 0.8
"""A look that is not older is not taken again."""
_AGAIN_S = 0.1
_MAY_COME = frozenset({"window", "missing", "blank", "hidden", "disabled"})
"""Reasons that pass by themselves while a program is busy."""
_BIG = frozenset({"window", "canvas", "table", "list", "tree", "document", "terminal", "scroll pane", "group", "panel"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where a step is done."""

    window: Window
    surface: Surface
    look: Look
    at: Located | None = None
    to: Located | None = None
    others: tuple[Surface, ...] = ()
    """The other surfaces of the window."""
    lower: bool = False
    """The best surface showed nothing of it."""


class Finder:
    """Finds windows and targets of one run; remembers the last look of each window."""

    def __init__(self, screens: Screens, kind: SurfaceKind | None = None, last: LastRung | None = None) -> None:
        """`kind`: the surface that is taken before better ones, as the procedure was recorded on it. `last`: asked once, where
        nothing else finds what a step means.
        """
        self._screens = screens
        self._last = last
        self._kind = kind
        self._looks: dict[str, tuple[Surface, Look, float]] = {}
        self._waited = 0.0

    def waited(self) -> float:
        """Return for how many seconds the program was waited for since this was asked last: until it was still, and until
        what the step needs was there. Reading it then is no waiting.
        """
        waited, self._waited = self._waited, 0.0
        return waited

    def remember(self, surface: Surface, look: Look) -> None:
        """Keep a look that was just taken: it need not be taken again at once."""
        self._looks[look.window.id] = (surface, look, asyncio.get_running_loop().time())

    def forget(self) -> None:
        """Look anew at everything."""
        self._looks.clear()

    async def find(self, step: ScreenStep, rule: WindowRule, *, patience_s: float = PATIENCE_S) -> Found | NotLocated:
        """Return where the step is done, or why nothing is done. `rule`: of the procedure, where the step has none."""
        found = await self._patiently(step, rule, patience_s)
        if isinstance(found, NotLocated) and found.reason == "missing" and self._last is not None:
            return await self._at_last(self._last, step, rule) or found
        return found

    async def _patiently(self, step: ScreenStep, rule: WindowRule, patience_s: float) -> Found | NotLocated:
        clock = asyncio.get_running_loop().time
        began, before = clock(), self._waited
        until = began + patience_s
        twice = False
        while True:
            try:
                found = await self._once(step, rule)
            except SurfaceGone as error:
                found = NotLocated(reason="window", why=str(error))
            except (Refused, NotUsable):
                raise
            except ScreenError as error:  # a program that is busy right now
                found = NotLocated(reason="blank", why=str(error))
                until = max(until, began + min(BUSY_S, 5 * patience_s))
            if isinstance(found, Found) or clock() >= until or (found.reason not in _MAY_COME and twice):
                return found
            twice = True
            self.forget()
            await asyncio.sleep(_AGAIN_S)
            self._waited = before + clock() - began

    async def comes(self, rule: WindowRule, within_s: float) -> bool:
        """Wait for a window that the rule means."""
        until = asyncio.get_running_loop().time() + within_s
        while not matching(rule, await self._screens.windows()):
            if asyncio.get_running_loop().time() >= until:
                return False
            await asyncio.sleep(_AGAIN_S)
        return True

    async def agreeing(self, found: Found, fingerprint: Fingerprint) -> Located | NotLocated:
        """Return the place with whatever other rung comes to it by itself; or that another one comes elsewhere."""
        at = found.at
        if at is None:
            return NotLocated(reason="missing", why="there is no target")
        if found.surface.kind is SurfaceKind.TERMINAL:
            # Its cells are the text, and what they look like is its structure.
            return replace(at, agreeing=(*at.agreeing, Rung.TEXT))
        for other in found.others:
            said = await other.locate(fingerprint, await other.look())
            if isinstance(said, Located):
                if not at.box.grown(4).holds(said.point):
                    return NotLocated(
                        reason="disagreeing", why=f"the {other.kind} view finds it elsewhere", candidates=(at, said)
                    )
                at = replace(at, agreeing=(*at.agreeing, said.rung))
            elif any(at.box.grown(4).holds(one.point) for one in said.candidates):
                at = replace(at, agreeing=(*at.agreeing, Rung.TEXT))  # read there, and elsewhere, too
        return at

    async def _once(self, step: ScreenStep, rule: WindowRule) -> Found | NotLocated:
        windows = await self._screens.windows()
        fits = matching(step.window or rule, windows)
        refused = _in_front(step.window or rule, fits, windows)
        if refused is not None:
            return refused
        if step.on is None:
            return await self._without_target(fits[0])
        results = [await self._on(window, step) for window in fits]
        found = [one for one in results if isinstance(one, Found)]
        if len(found) > 1:
            titles = ", ".join(f"“{one.window.title}”" for one in found)
            return NotLocated(reason="ambiguous", why=f"{step.on.said} is on {len(found)} windows: {titles}")
        if found:
            return found[0]
        missed = [one for one in results if isinstance(one, NotLocated)]
        return next((one for one in missed if one.reason not in _MAY_COME), missed[0])

    async def _at_last(self, last: LastRung, step: ScreenStep, rule: WindowRule) -> Found | NotLocated | None:
        """Return what the last rung finds on the one window that is meant; None: it is not asked."""
        fits = matching(step.window or rule, await self._screens.windows())
        surfaces = await self._surfaces(fits[0]) if len(fits) == 1 else []
        if not surfaces or step.on is None or step.to is not None:
            return None
        look = await self._look(fits[0], surfaces[0])
        at = await last(step.on, surfaces[0], look)
        if isinstance(at, NotLocated):
            return at
        return Found(window=look.window, surface=surfaces[0], look=look, at=at, others=tuple(surfaces[1:]), lower=True)

    async def _without_target(self, window: Window) -> Found | NotLocated:
        surfaces = await self._surfaces(window)
        if not surfaces:
            return NotLocated(reason="window", why=f"nothing can look at “{window.title}”")
        look = await self._look(window, surfaces[0])
        if look.blank:
            return NotLocated(reason="blank", why=f"nothing is drawn on “{window.title}” yet")
        return Found(window=look.window, surface=surfaces[0], look=look, others=tuple(surfaces[1:]))

    async def _on(self, window: Window, step: ScreenStep) -> Found | NotLocated:
        surfaces = await self._surfaces(window)
        first: NotLocated | None = None
        above: list[Look] = []
        for surface in surfaces:
            look = await self._look(window, surface) if surface is surfaces[0] else await surface.look()
            at = await self._target(step.on, surface, look)
            to = await self._target(step.to, surface, look)
            missed = next((one for one in (at, to) if isinstance(one, NotLocated)), None)
            if missed is None and isinstance(at, Located):
                if any(_told_otherwise(one, at) for one in above if one.source is not SurfaceKind.PIXEL):
                    return NotLocated(
                        reason="disagreeing", why="what is read there is told to be something else", candidates=(at,)
                    )
                others = tuple(one for one in surfaces if one is not surface)
                place = to if isinstance(to, Located) else None
                return Found(
                    window=look.window, surface=surface, look=look, at=at, to=place, others=others, lower=bool(above)
                )
            first = first or missed
            if missed is not None and missed.reason not in {"missing", "blank"}:
                return missed
            above.append(look)
        return first or NotLocated(reason="window", why=f"nothing can look at “{window.title}”")

    async def _target(self, wanted: Fingerprint | None, surface: Surface, look: Look) -> Located | NotLocated | None:
        return await surface.locate(wanted, look) if wanted is not None else None

    async def _look(self, window: Window, surface: Surface) -> Look:
        """Return what is seen on it now, once it is still; what looks as it did when it was still is."""
        clock = asyncio.get_running_loop().time
        kept, began = self._looks.get(window.id), clock()
        if kept is not None and kept[0] is surface and kept[1].window.box == window.box:
            if began - kept[2] < _FRESH_S:
                return kept[1]
            look = await surface.look()
            if look.digest == kept[1].digest and not look.blank:
                self.remember(surface, look)
                return look
        look = await surface.settle()
        self._waited += max(0.0, clock() - began - seconds_to_read(look))
        self.remember(surface, look)
        return look

    async def _surfaces(self, window: Window) -> list[Surface]:
        surfaces = list(await self._screens.surfaces(window))
        return (
            sorted(surfaces, key=lambda one: one.kind is not self._kind)
            if self._kind is SurfaceKind.PIXEL
            else surfaces
        )


def seconds_to_read(look: Look) -> float:
    """Return how long ago a look that was just taken was begun."""
    return max(0.0, (datetime.now(UTC) - look.at).total_seconds())


def matching(rule: WindowRule, windows: Sequence[Window]) -> list[Window]:
    """Return the windows that a rule means, in their order. A title alone never is enough: the program must be right."""
    return [
        one
        for one in windows
        if one.program == rule.program
        and rule.wm_class in {"", one.wm_class, one.wm_class.rpartition(".")[2]}
        and rule.title.casefold() in one.title.casefold()
        and (one.modal or not rule.dialog)
    ]


def _in_front(rule: WindowRule, fits: Sequence[Window], windows: Sequence[Window]) -> NotLocated | None:
    """Return why the window cannot be used now: it is not there, or a dialog that the step does not mean is in front of it."""
    if not fits:
        titled = f" with “{rule.title}” in its title" if rule.title else ""
        sought = "dialog" if rule.dialog else "window"
        return NotLocated(reason="window", why=f"no {sought} of {rule.program}{titled} is there")
    pids = {one.pid for one in fits}
    dialogs = [one for one in windows if one.modal and one.pid in pids]
    if all(one.modal for one in fits) or not dialogs:
        return None
    named = dialogs[0].title
    which = f"the dialog “{named}”" if named else "a dialog without a title"
    meant = named or "{dialog: true}"
    return NotLocated(reason="window", why=f"{which} is in front; a step that means it says `window: {meant}`")


def _told_otherwise(look: Look, at: Located) -> bool:
    """Tell whether a better surface knows what is at the place that a lower one found: then it would have found it."""
    there = [one for one in look.elements if seen(one) and one.box.holds(at.point) and (one.name or one.label)]
    return any(one.role not in _BIG and one.role not in CONTAINERS for one in there)
