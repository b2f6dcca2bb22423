"""Screens without a screen: programs that are scripted, and a surface and a desktop for them. Ships with the product.

A `FakeProgram` is some windows with controls that a test writes down, and what happens when one is used. `FakeSurface`
shows one of its windows as a real surface would, does gestures on whatever lies under the point (not on what was meant:
that is how a wrong action is noticed), and keeps `performed`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from opsagent_tools.gui.locating import locate
from opsagent_tools.gui.model import (
    Box,
    Element,
    Fingerprint,
    Gesture,
    Located,
    Look,
    NotLocated,
    Picture,
    Point,
    SurfaceKind,
    Verb,
    Window,
)
from opsagent_tools.gui.port import Secrets, SurfaceGone

_USABLE = frozenset({"enabled", "visible"})
_BOTH = (SurfaceKind.ACCESSIBLE, SurfaceKind.PIXEL)
_NOWHERE, _SHEET = Box(0, 0, 0, 0), Box(0, 0, 800, 600)
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415478da6360606000000004000160e3a0bf"
    "0000000049454e44ae426082"
)


@dataclass(slots=True)
class Control:
    """A control of a scripted program. What is changed on it is seen at the next look."""

    key: str
    """Its identity, which no drift changes: a test compares it with what was meant."""
    role: str
    name: str = ""
    label: str = ""
    value: str | None = None
    box: Box = _NOWHERE
    parent: str | None = None
    states: frozenset[str] = _USABLE
    score: float = 1.0


@dataclass(slots=True)
class FakeWindow:
    """One window of a scripted program."""

    title: str
    controls: list[Control]
    box: Box = _SHEET
    modal: bool = False
    blank: bool = False
    """Nothing is drawn yet."""

    def control(self, key: str) -> Control:
        """Return the control with that key. Raises KeyError."""
        found = next((one for one in self.controls if one.key == key), None)
        if found is None:
            raise KeyError(key)
        return found

    def under(self, point: Point) -> Control | None:
        """Return what a pointer at `point` would hit: the smallest control there, the last drawn where two are as small."""
        there = [one for one in self.controls if one.box.holds(point) and "visible" in one.states]
        return min(reversed(there), key=lambda one: one.box.width * one.box.height, default=None)


@dataclass(frozen=True, slots=True)
class Performed:
    """A gesture as it arrived at the program."""

    verb: Verb
    key: str | None
    """Key of the control that it hit; None: none."""
    text: str = ""
    """What was typed, or the keys that were pressed."""


Reaction = Callable[["FakeProgram"], None]


@dataclass(slots=True)
class FakeProgram:
    """A scripted program."""

    windows: list[FakeWindow]
    program: str = "form"
    pid: int = 4242
    uid: int = 1000
    reactions: dict[str, Reaction] = field(default_factory=dict)
    """Key of a control (clicked), or keys of a hotkey joined by `+` → what the program does."""
    performed: list[Performed] = field(default_factory=list)
    looks: int = 0
    """How often it was looked at."""
    exit_code: int | None = None
    """Set: it has ended."""
    pending: list[tuple[int, Reaction]] = field(default_factory=list)

    def later(self, looks: int, change: Reaction) -> None:
        """Let `change` happen after that many more looks."""
        self.pending.append((self.looks + looks, change))

    def looked(self) -> None:
        """Count a look, and do what was due."""
        self.looks += 1
        due = [one for one in self.pending if one[0] <= self.looks]
        self.pending = [one for one in self.pending if one[0] > self.looks]
        for _, change in due:
            change(self)

    def control(self, key: str) -> Control:
        """Return the control with that key on whichever window. Raises KeyError."""
        for window in self.windows:
            for one in window.controls:
                if one.key == key:
                    return one
        raise KeyError(key)

    def react(self, key: str) -> None:
        """Do what the script says about `key`."""
        if reaction := self.reactions.get(key):
            reaction(self)


class FakeSurface:
    """One window of a scripted program."""

    def __init__(
        self,
        program: FakeProgram,
        shown: FakeWindow | None = None,
        *,
        kind: SurfaceKind = SurfaceKind.ACCESSIBLE,
        secrets: Secrets | None = None,
    ) -> None:
        self._program = program
        self._shown = shown or program.windows[0]
        self._kind = kind
        self._secrets = secrets
        self.pictures: list[tuple[Box, ...]] = []
        """What was masked in each picture that was taken."""

    @property
    def kind(self) -> SurfaceKind:
        return self._kind

    async def window(self) -> Window:
        """Return the window as it is now. Raises SurfaceGone."""
        if self._shown not in self._program.windows or self._program.exit_code is not None:
            raise SurfaceGone(f"the window “{self._shown.title}” of {self._program.program} is gone")
        return window_of(self._program, self._shown)

    async def look(self, near: Box | None = None) -> Look:
        """Return what is seen now; `near` is read whole all the same. Raises SurfaceGone."""
        self._program.looked()
        await self.window()
        return look_of(self._program, self._shown, self._kind, near)

    async def settle(self, *, timeout_s: float = 5.0, quiet_s: float = 0.3) -> Look:
        """Look until two looks are equal; time does not pass here."""
        del timeout_s, quiet_s
        last = await self.look()
        for _ in range(20):
            now = await self.look()
            if now.digest == last.digest and not now.blank:
                break
            last = now
        return now

    async def locate(self, fingerprint: Fingerprint, look: Look) -> Located | NotLocated:
        """Find the target by the elements that are seen."""
        return locate(fingerprint, look)

    async def perform(self, gesture: Gesture, at: Located | None = None, to: Located | None = None) -> None:
        """Do it on whatever lies under the point. Raises SurfaceGone."""
        await self.window()
        hit = self._shown.under(at.point) if at else self._focused()
        text = gesture.text or "+".join(gesture.keys)
        if gesture.secret:
            text = f"<{gesture.secret}>"
        self._program.performed.append(Performed(gesture.verb, hit.key if hit else None, text))
        if gesture.verb is Verb.HOTKEY:
            self._program.react(text)
        elif gesture.verb is Verb.DRAG and to is not None:
            end = self._shown.under(to.point)
            self._program.performed.append(Performed(gesture.verb, end.key if end else None))
        elif hit is not None and "enabled" in hit.states:
            self._use(hit, gesture)

    async def read_back(self, at: Located) -> str | None:
        """Return the value under the point; None where it is secret."""
        hit = self._shown.under(at.point)
        return None if hit is None or "secret" in hit.states else hit.value

    async def picture(self, box: Box | None = None, *, mask: Sequence[Box] = ()) -> Picture | None:
        """Return one black pixel; what was masked is remembered."""
        secret = tuple(one.box for one in self._shown.controls if "secret" in one.states)
        self.pictures.append((*secret, *mask))
        return Picture(png=_PNG, box=box or self._shown.box, masked=True)

    async def close(self) -> None:
        """Let go of it."""

    def _focused(self) -> Control | None:
        return next((one for one in self._shown.controls if "focused" in one.states), None)

    def _use(self, hit: Control, gesture: Gesture) -> None:
        if gesture.verb is Verb.TYPE:
            typed = self._secrets.fetch(gesture.secret) if gesture.secret and self._secrets else gesture.text
            if "editable" in hit.states or hit.role in {"text field", "password field"}:
                hit.value = typed if gesture.replace else (hit.value or "") + typed
                self._focus(hit)
        elif gesture.verb in {Verb.CLICK, Verb.DOUBLE}:
            self._focus(hit)
            if hit.role in {"check box", "radio button", "switch"}:
                hit.states = hit.states ^ {"checked"}
            self._program.react(hit.key)

    def _focus(self, hit: Control) -> None:
        for one in self._shown.controls:
            one.states = one.states - {"focused"}
        hit.states = hit.states | {"focused"}


class FakeScreens:
    """A desktop on which scripted programs have windows."""

    def __init__(self, *programs: FakeProgram, kinds: Sequence[SurfaceKind] = _BOTH) -> None:
        self.programs = list(programs)
        self.startable: dict[str, FakeProgram] = {}
        """First word of a command → the program that it opens."""
        self.secrets: Secrets | None = None
        self._kinds = tuple(kinds)
        self._surfaces: dict[str, tuple[FakeSurface, ...]] = {}

    async def windows(self) -> Sequence[Window]:
        """Return all windows, the topmost first."""
        alive = [one for one in self.programs if one.exit_code is None]
        for one in alive:
            one.looked()
        return [window_of(one, shown) for one in alive for shown in reversed(one.windows)]

    async def surfaces(self, window: Window) -> Sequence[FakeSurface]:
        """Return the surfaces of a window, the same ones each time. Raises SurfaceGone."""
        for one in self.programs:
            for shown in one.windows:
                if one.exit_code is None and window_of(one, shown).id == window.id:
                    made = tuple(FakeSurface(one, shown, kind=kind, secrets=self.secrets) for kind in self._kinds)
                    return self._surfaces.setdefault(window.id, made)
        raise SurfaceGone(f"the window “{window.title}” is gone")

    async def start(self, command: Sequence[str]) -> None:
        """Open the program that the command stands for. Raises KeyError where the test did not name one."""
        self.programs.append(self.startable[command[0]])

    async def exit_code(self, window: Window) -> int | None:
        """Return the code that the window's program ended with; None: it runs, or nobody knows."""
        return next((one.exit_code for one in self.programs if one.pid == window.pid), None)


def look_of(program: FakeProgram, shown: FakeWindow, kind: SurfaceKind, near: Box | None = None) -> Look:
    """Return what is seen of a scripted window now."""
    window = window_of(program, shown)
    if shown.blank:
        return Look(window=window, at=datetime.now(UTC), source=kind, blank=True)
    elements = tuple(_element(one, kind) for one in shown.controls)
    return Look(
        window=window, at=datetime.now(UTC), source=kind, elements=elements, digest=str(hash(elements)), read=near
    )


def _element(one: Control, kind: SurfaceKind) -> Element:
    return Element(
        id=one.key,
        role=one.role,
        name=one.name,
        label=one.label,
        box=one.box,
        value=None if "secret" in one.states else one.value,
        states=one.states,
        parent=one.parent,
        source=kind,
        score=one.score,
    )


def window_of(program: FakeProgram, shown: FakeWindow) -> Window:
    """Return the record of a scripted window."""
    return Window(
        id=f"fake:{program.pid}:{id(shown)}",
        pid=program.pid,
        exe=f"/usr/bin/{program.program}",
        program=program.program,
        uid=program.uid,
        title=shown.title,
        wm_class=f"{program.program}.{program.program.title()}",
        box=shown.box,
        modal=shown.modal,
    )
