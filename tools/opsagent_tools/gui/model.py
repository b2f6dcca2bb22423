"""The words of screens: windows, elements, looks, gestures, fingerprints and where they were found. Values only.

Coordinates are pixels of the screen, with (0, 0) at its left top; on a terminal they are cells (columns, rows) of its
window. What a screen says is `UntrustedText` wherever it leaves this package: here it is plain `str` for comparing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class SurfaceKind(StrEnum):
    """How a window is looked at, the best first."""

    TERMINAL = "terminal"
    """The cells of a terminal, through its pty: exact."""
    ACCESSIBLE = "accessible"
    """The tree that the toolkit tells assistive technology (AT-SPI): exact where it is told."""
    PIXEL = "pixel"
    """The picture: text that is recognised in it, and crops that look alike."""


class Rung(StrEnum):
    """By what a step's target was found, the surest first."""

    STRUCTURE = "structure"
    """Role and name (or label) in the accessible tree, or in a terminal's cells."""
    TEXT = "text"
    """A recognised text as anchor, with an offset in units of the text's height."""
    TEMPLATE = "template"
    """A crop that looks alike, in several scales."""
    VISION = "vision"
    """A configured vision model named the place. Never enough for a risky step alone."""


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A pixel, or a cell."""

    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; `right` and `bottom` are the first column and row beyond it."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height

    @property
    def center(self) -> Point:
        return Point(self.left + self.width // 2, self.top + self.height // 2)

    @property
    def empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    def holds(self, point: Point) -> bool:
        return self.left <= point.x < self.right and self.top <= point.y < self.bottom

    def meets(self, other: Box) -> Box:
        """Return what both share; an empty box where they share nothing."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Box(left, top, max(0, right - left), max(0, bottom - top))

    def grown(self, by: int) -> Box:
        return Box(self.left - by, self.top - by, self.width + 2 * by, self.height + 2 * by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window as the server knows it. Its title is what it says of itself, and proves nothing."""

    id: str
    """`x11:0x400003`, or `pty:PID` for a terminal."""
    pid: int
    """Of the client, as the X server knows it (XRes), or of the pty's foreground program."""
    exe: str
    """Absolute path of what that process executes; of an interpreter, see `program`."""
    program: str
    """What people call it: the executable's name, or the script or class that an interpreter (java, wish, python) runs."""
    uid: int
    title: str = ""
    wm_class: str = ""
    """`instance.Class`, empty on a terminal."""
    box: Box
    monitor: int = 0
    scale: float = 1.0
    """Pixels of the screen per pixel as the program counts them."""
    modal: bool = False
    """It is a dialog that keeps the windows of its program from being used."""
    popup: bool = False
    """It is a menu, a list or a tip that its program shows without the window manager's knowing (override redirect)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """Something on a window: a control with role and name, or a text that was recognised."""

    id: str
    """Unique within one look; on an accessible surface it stays while the element lives."""
    role: str
    """In our words, whatever the toolkit calls it: button, menu, menu item, text field, password field, check box, radio
    button, combo box, list item, table cell, tab, slider, label, image, icon, dialog, link, text (recognised), row …"""
    name: str
    """What it is called, as a person reads it, without mnemonics (`_Open` is `Open`)."""
    box: Box
    value: str | None = None
    """Text it holds, or its number; None: it holds none, or it is secret."""
    label: str = ""
    """Name of the label that belongs to it (labelled-by, or the nearest to its left or above)."""
    states: frozenset[str] = frozenset()
    """Of: enabled, visible, focused, checked, selected, expanded, editable, secret, default."""
    actions: tuple[str, ...] = ()
    """What it can be told to do without a pointer (press, toggle, …), as the toolkit calls it."""
    parent: str | None = None
    """Id of the element around it."""
    source: SurfaceKind
    score: float = 1.0
    """How surely it was read, 0..1 (recognised text); 1 where it was told."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels of one region. Masked before it is kept, shown or sent."""

    png: bytes
    box: Box
    masked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a window. A surface that reads lazily may have read only a part of it (`read`)."""

    window: Window
    at: datetime
    """When it was begun, or its picture taken: what came later may be missing."""
    source: SurfaceKind
    elements: tuple[Element, ...] = ()
    digest: str = ""
    """Changes when what is seen changes; carets that blink apart."""
    blank: bool = False
    """Nothing is drawn on it yet: never acted on."""
    read: Box | None = None
    """The part that `elements` tell of; None: all of it."""


class Verb(StrEnum):
    """The one vocabulary of actions."""

    CLICK = "click"
    DOUBLE = "double"
    RIGHT = "right"
    DRAG = "drag"
    SCROLL = "scroll"
    HOTKEY = "hotkey"
    TYPE = "type"
    WAIT = "wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gesture:
    """One action on a window."""

    verb: Verb
    text: str = ""
    """TYPE: what to type. Never a secret: those go by `secret`."""
    secret: str = ""
    """TYPE: name of a secret, which is fetched when it is typed and pasted into a verified field only."""
    keys: tuple[str, ...] = ()
    """HOTKEY: names of keys, pressed together: ("ctrl", "s"). X11's keysym names in lower case, and ctrl, alt, shift, super."""
    amount: int = 0
    """SCROLL: notches, positive is down."""
    seconds: float = 0.0
    """WAIT: at most so long, until what the step awaits is there."""
    replace: bool = True
    """TYPE: what the field held is replaced; False: typed where the caret is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A text near the target, and the way from its centre to the target, in heights of the text.

    It ends in the target's centre; in a target much wider than high, near its edge towards the text, because forms stretch.
    """

    text: str
    dx: float
    dy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """How the target of a step is known again. Everything but `role` may be missing; coordinates are never in it."""

    role: str = ""
    name: str = ""
    label: str = ""
    within: str = ""
    """Name of the container around it: a dialog's title, a tab, a group, a table's row."""
    anchor: Anchor | None = None
    neighbours: tuple[str, ...] = ()
    """Names around it, nearest first."""
    place: tuple[int, int] = (0, 0)
    """Which of how many of its role it is in its container, from 1, in reading order; (0, 0): not known. Never enough alone."""
    looks: str = ""
    """Role that pixels told by its shape when it was recorded (button, text field, text …); empty: nobody looked."""
    twins: int = 0
    """How many others of its role were called the same when it was recorded: being the only one says nothing then."""
    crop: str = ""
    """Name of its crop in the procedure's folder (PNG)."""
    text_height: float = 0.0
    """Height in pixels of the text near it when it was recorded: the scale of `crop`."""

    @property
    def said(self) -> str:
        """Return it in words for a person: `button “Export”`."""
        called = self.name or self.label or (self.anchor.text if self.anchor else "")
        return " ".join(filter(None, (self.role or "element", f"“{called}”" if called else "")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where a fingerprint was found, and how surely."""

    point: Point
    box: Box
    rung: Rung
    element: Element | None = None
    score: float
    """0..1."""
    margin: float
    """By how much it is better than the second best; 1 where there is no other."""
    agreeing: tuple[Rung, ...] = ()
    """Other rungs that came to the same place by themselves; TEXT, too, where the texts around it did."""
    drift: tuple[str, ...] = ()
    """What of the fingerprint is no longer so: name, label, within, role, neighbours. A changed name or label is never
    enough for a risky step."""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotLocated:
    """Why nothing is done: not found, found more than once, or not surely enough."""

    reason: str
    """One of: missing, ambiguous, unsure, disagreeing, hidden, disabled, blank, window."""
    why: str
    candidates: tuple[Located, ...] = ()
    seen: Mapping[str, str] = field(default_factory=dict)
    """What was seen instead, for a person: rung → text."""
