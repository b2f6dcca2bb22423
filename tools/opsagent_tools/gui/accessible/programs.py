"""Find the program and the frame behind a window on the accessibility bus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import SILENT, Ask, Bus, Failed, Ref, Silent
from opsagent_tools.gui.accessible.elements import Shape
from opsagent_tools.gui.accessible.questions import bits_in, box_in
from opsagent_tools.gui.accessible.quirks import tells_dialogs_elsewhere
from opsagent_tools.gui.accessible.tables import refs_in
from opsagent_tools.gui.accessible.words import Role, State, has
from opsagent_tools.gui.model import Box, Window
from opsagent_tools.gui.port import ScreenError

_DECORATION = 60
"""Pixels that a window manager may draw around a client, each side; GTK counts them in."""
_SCALES = (1.0, 2.0, 3.0)
_MOST_SCALED = 4.0


@dataclass(frozen=True, slots=True)
class Program:
    """A program on the accessibility bus."""

    ref: Ref
    pid: int
    toolkit: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The accessible object of a window, what lies over it, and how its places become places on the screen."""

    ref: Ref
    over: tuple[Ref, ...]
    """Open menus and lists that the program tells of apart from the window."""
    shape: Shape


@dataclass(frozen=True, slots=True)
class _Top:
    ref: Ref
    role: int
    state: int
    name: str
    box: Box | None


async def program_of(bus: Bus, pid: int) -> Program | None:
    """Return the program with that pid (as the bus knows it by the kernel); None: it tells nothing (yet). Raises Silent."""
    root = Ref(words.REGISTRY, words.ROOT_PATH)
    programs = refs_in(await bus.one(Ask(root, words.ACCESSIBLE, "GetChildren"), within_s=3.0))
    pids = await bus.pids([one.name for one in programs])
    for ref, its in zip(programs, pids, strict=True):
        if its == pid:
            (toolkit,) = await bus.ask([Ask(ref, words.PROPERTIES, "Get", "ss", (words.APPLICATION, "ToolkitName"))])
            if toolkit is SILENT:  # its places are believed by what its toolkit is known for
                raise Silent("the program that has just joined the accessibility bus does not answer yet")
            return Program(ref, pid, "" if isinstance(toolkit, Failed) else str(toolkit))
    return None


async def frame_of(bus: Bus, program: Program, window: Window, popups: tuple[Box, ...] = ()) -> Frame | None:
    """Return what `window` is on the accessibility bus; None: nothing there is it.

    By title and place together, so that two documents or two dialogs are not confused. Raises ScreenError where two fit
    equally well.

    Args:
        bus: the accessibility bus.
        program: the window's.
        window: as the server knows it now.
        popups: places of the program's open menus and lists, as the server knows them.
    """
    tops = [one for one in await _tops(bus, program) if has(one.state, State.SHOWING)]
    fits = [(fit, top) for top in tops if top.role not in words.OF_MENUS and (fit := _fit(top, window)) > 0]
    if not fits:
        return None
    best = max(fit for fit, _ in fits)
    found = [top for fit, top in fits if fit == best]
    if len(found) > 1:
        found = [top for top in found if has(top.state, State.ACTIVE)]
    if len(found) != 1:
        raise ScreenError(f"{len(fits)} windows of {window.program} are called “{window.title}” and lie at one place")
    shape = _shape(found[0], window, popups)
    over = tuple(top.ref for top in tops if top.ref != found[0].ref and _is_popup(top, shape))
    return Frame(found[0].ref, over, shape)


async def _tops(bus: Bus, program: Program) -> list[_Top]:
    children = refs_in(await bus.one(Ask(program.ref, words.ACCESSIBLE, "GetChildren")))
    questions = [
        ask
        for one in children
        for ask in (
            Ask(one, words.ACCESSIBLE, "GetRole"),
            Ask(one, words.ACCESSIBLE, "GetState"),
            Ask(one, words.PROPERTIES, "Get", "ss", (words.ACCESSIBLE, "Name")),
            Ask(one, words.COMPONENT, "GetExtents", "u", (words.SCREEN,)),
        )
    ]
    answers = await bus.ask(questions)
    tops = [
        _top(ref, answers[4 * number : 4 * number + 4])
        for number, ref in enumerate(children)
        if not isinstance(answers[4 * number], Failed)
    ]
    wrong = tells_dialogs_elsewhere(program.toolkit)
    return [
        replace(one, box=await _inside(bus, one.ref) or one.box) if wrong or one.box is None else one for one in tops
    ]


async def _inside(bus: Bus, frame: Ref) -> Box | None:
    """Return the place of what fills a frame: Swing tells none for the frame itself."""
    (child,) = await bus.ask([Ask(frame, words.ACCESSIBLE, "GetChildAtIndex", "i", (0,))])
    if isinstance(child, Failed) or not refs_in([child]):
        return None
    (box,) = await bus.ask([Ask(refs_in([child])[0], words.COMPONENT, "GetExtents", "u", (words.SCREEN,))])
    return None if isinstance(box, Failed) else box_in(box)


def _top(ref: Ref, answers: Sequence[object]) -> _Top:
    role, state, name, box = answers
    return _Top(
        ref,
        role if isinstance(role, int) else -1,
        bits_in(state),
        "" if isinstance(name, Failed) else str(name),
        None if isinstance(box, Failed) else box_in(box),
    )


def _fit(top: _Top, window: Window) -> int:
    """Return how well a frame fits a window, 0: not at all."""
    if scale_of(top.box, window) is None:
        return 0
    if _same_title(top.name, window.title):
        return 2
    return 1 if not top.name or top.role == Role.ALERT else 0


def _same_title(name: str, title: str) -> bool:
    return bool(name) and " ".join(name.split()) == " ".join(title.split())


def _same_place(frame: Box, client: Box, scale: float) -> bool:
    """Tell whether a frame, with or without what the window manager draws, is that client's."""
    left, top = frame.left * scale, frame.top * scale
    around = (
        client.left - left,
        client.top - top,
        left + frame.width * scale - client.right,
        top + frame.height * scale - client.bottom,
    )
    return all(-6 <= side <= _DECORATION * max(1.0, scale) for side in around)


def _is_popup(top: _Top, shape: Shape) -> bool:
    """Tell whether it is one of the popups that the server shows: toolkits also tell of some that are not there."""
    if top.box is None or top.box.empty:
        return False
    box = shape.on_screen(top.box)
    shared = (box.meets(popup) for popup in shape.popups)
    return any(one.width * one.height * 2 > box.width * box.height for one in shared)


def _shape(top: _Top, window: Window, popups: tuple[Box, ...]) -> Shape:
    return Shape(window.box, scale_of(top.box, window) or 1.0, popups)


def scale_of(frame: Box | None, window: Window) -> float | None:
    """Return the pixels of the screen per pixel of the toolkit with which a frame lies where the window is; None: nowhere."""
    if frame is None or frame.empty:
        return None
    across, down = window.box.width / frame.width, window.box.height / frame.height
    told = (round(across, 2),) if abs(across - down) < 0.02 and 1.0 < across < _MOST_SCALED else ()
    scales = (1.0, window.scale, *_SCALES, *told)
    return next((scale for scale in scales if _same_place(frame, window.box, scale)), None)
