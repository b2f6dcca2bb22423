"""A procedure on screens: steps with fingerprints, parameters, what must hold after each, and the effect of the whole.

Written as YAML by people (`procedure_files`), recorded by doing, or proposed by a vision model. Values only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from opsagent_tools.gui.model import Fingerprint, Gesture, Rung, SurfaceKind

CROP_BYTES = 2_000_000
"""The largest crop."""
_NAME = re.compile(r"[^\W_][\w .+()-]{0,63}(?<! )")
_CROP = re.compile(r"[\w][\w .-]{0,79}\.png")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """Which window a procedure may use. `program` is required: a title proves nothing."""

    program: str
    """Name of the executable, or of the script or class that an interpreter runs (`Window.program`)."""
    wm_class: str = ""
    title: str = ""
    """A part of its title that must be there; parameters may be in it."""
    dialog: bool = False
    """Only a modal dialog is meant: many have no title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value that is given when the procedure is called."""

    name: str
    example: str = ""
    secret: bool = False
    pattern: str = ""
    """What it must match as a whole (a regular expression); empty: any text of one line."""
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What must be seen after a step. All that is said must hold within `within_s`."""

    shows: str = ""
    """A text that is seen on the window (or on a window of the same program)."""
    gone: str = ""
    """A text that is seen no more."""
    value: str = ""
    """The value that the step's target holds."""
    checked: bool | None = None
    window: str = ""
    """A part of the title of a window of the same program that is there now."""
    closed: bool = False
    """The program's window is gone."""
    within_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenStep:
    """One step."""

    gesture: Gesture
    on: Fingerprint | None = None
    to: Fingerprint | None = None
    """Where a DRAG ends."""
    after: Expectation | None = None
    """None: only that what was typed is there, or that something changed."""
    window: WindowRule | None = None
    """Another window of the same program (a dialog); None: the procedure's."""
    note: str = ""
    """In the words of whoever wrote it."""
    risky: bool | None = None
    """A person's word on whether it needs approval; None: told by its name (delete, submit, …; icons without a name)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectCheck:
    """What must be so outside the screen when all is done. One of these; checked without the window."""

    file: str = ""
    """Path that must exist and have been written since the procedure began."""
    contains: str = ""
    """With `file`: a text that must be in it."""
    port: int = 0
    """A TCP port of this machine that must be listened on (read from the kernel's tables)."""
    log: str = ""
    """Path of a log; `contains` must be in what was appended since the procedure began."""
    exit_code: int | None = None
    """The program must have ended with this code (terminals that we started)."""
    absent: str = ""
    """Path that must not exist any more."""
    within_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenProcedure:
    """All of it."""

    name: str
    title: str = ""
    surface: SurfaceKind | None = None
    """As it was recorded; None: the best that the window offers."""
    window: WindowRule
    start: tuple[str, ...] = ()
    """Command that opens the program where no window of it is there; empty: it must be open."""
    parameters: tuple[Parameter, ...] = ()
    steps: tuple[ScreenStep, ...] = ()
    effects: tuple[EffectCheck, ...] = ()
    undo: str = ""
    """Name of the procedure that takes it back; empty: none does."""
    version: int = 1


class ScreenOutcome(StrEnum):
    """How a run ended."""

    VERIFIED = "verified"
    """All steps done, and the effect was seen outside the screen."""
    UNVERIFIED = "unverified"
    """All steps done; the procedure names no effect, or it could not be seen in time."""
    HALTED = "halted"
    """Stopped before a step that it was not sure of; the program is as it was before that step."""
    NEEDS_PERSON = "needs_person"
    """A step wants approval, a secret is missing, a person uses the screen, or the state after a step is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """How one step went: what the audit trail shows."""

    number: int
    """From 1."""
    said: str
    """What was done, in words: `click button “Export”`. Secrets by name, never by value."""
    done: bool
    rung: Rung | None = None
    score: float = 0.0
    margin: float = 0.0
    why: str = ""
    seconds: float = 0.0
    """Of our own: looking, reading, finding, pressing, typing and taking pictures."""
    waited_s: float = 0.0
    """For the program: until it is still, until what is needed is there, until what is expected comes; and for an answer."""
    before: bytes | None = None
    """Crop around the target before, masked PNG."""
    after: bytes | None = None
    healed: Fingerprint | None = None
    """A better fingerprint than the recorded one, where a lower rung had to find it: to be approved by a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """How a run went."""

    procedure: str
    outcome: ScreenOutcome
    why: str = ""
    halted_at: int | None = None
    """Number of the step that was not done."""
    steps: tuple[StepReport, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    """Values read back, by step number; secrets never."""
    effects: tuple[str, ...] = ()
    """What was seen outside the screen, in words."""
    strip: tuple[bytes, ...] = ()
    """Small masked pictures of the whole window, in order (the film strip)."""


def is_name(name: str) -> bool:
    """Tell whether a procedure may be called so: letters of any language, digits, spaces, `.`, `-`, `+`, `_`, brackets."""
    return _NAME.fullmatch(name) is not None


def is_crop_name(name: str) -> bool:
    """Tell whether a crop's file may be called so; no name of another folder is one."""
    return _CROP.fullmatch(name) is not None
