"""What the eval of screens is made of: programs, acts, drifts, and what a case scored. Values only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeVar

from opsagent_tools.gui.model import Box, SurfaceKind, Verb

T = TypeVar("T")


class Drift(StrEnum):
    """How a program differs from the day on which its procedure was recorded."""

    PLAIN = "plain"
    MOVED = "moved"
    RESIZED = "resized"
    FONT_1_4 = "font x1.4"
    FONT_2 = "font x2"
    DARK = "dark"
    CONTRAST = "high contrast"
    REORDERED = "reordered"
    EXTRA = "extra fields"
    RENAMED = "renamed label"
    DECOY = "decoy labels"
    ALL = "all together"


TOGETHER = frozenset(Drift) - {Drift.PLAIN, Drift.FONT_2, Drift.CONTRAST, Drift.ALL}
"""What ALL puts together, as far as a program knows them: the larger font and high contrast have no room beside others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One step of a program's procedure, as a person would do it."""

    verb: Verb
    on: str = ""
    """Target, by the name that the program's judge knows; empty for keys at the caret."""
    text: str = ""
    keys: tuple[str, ...] = ()
    dialog: str = ""
    """A part of the title of the window that the target is on; empty: the program's main window."""
    shows: str = ""
    """A text that is seen afterwards."""
    window: str = ""
    """A part of the title of the window that is there afterwards."""
    gone: str = ""
    checked: bool | None = None
    by_hand: str = ""
    """What a person types to show it on a terminal; empty: it is shown by the surface itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How a program is started in one variant."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    decoys: tuple[tuple[str, ...], ...] = ()
    """Other programs that are open beside it."""
    beside: tuple[tuple[str, ...], ...] = ()
    """What it needs to run (a service whose console it is)."""
    awaits: int = 0
    """TCP port that must be listened on before the program is started."""
    resources: Mapping[str, str] = field(default_factory=dict)
    """X resources of the display."""
    dpi: int = 96
    """Of the screen, as the X server tells it: what Tk's points are worth."""
    move: tuple[int, int] | None = None
    size: tuple[int, int] | None = None
    """Pixels of the client; columns and rows on a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one run of a program lives."""

    home: Path
    work: Path
    drifts: frozenset[Drift]


class Judge(Protocol):
    """Sees the program by other means than the agent, and says where each target truly is."""

    async def boxes(self, target: str) -> list[Box]:
        """Return where an action on `target` would be right, now; nothing where it is not there."""

    async def close(self) -> None: ...


def varied(targets: Mapping[str, T], changed: Mapping[Drift, Mapping[str, T]] | None, place: Place) -> dict[str, T]:
    """Return how a judge finds its targets on a variant: as on the plain one, but for what its drifts call otherwise."""
    known = dict(targets)
    for drift, others in (changed or {}).items():
        if drift in place.drifts:
            known.update(others)
    return known


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A program that was started for a run."""

    place: Place
    pid: int
    env: Mapping[str, str]
    """Of its display, for whoever looks from outside."""
    exit_code: Callable[[], int | None] = lambda: None
    """How it ended; None: it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A stock program, a procedure on it, and who judges it."""

    name: str
    toolkit: str
    package: str
    """Debian package that brings it."""
    held_out: bool
    kinds: tuple[SurfaceKind, ...]
    program: str
    """As windows know it (`Window.program`)."""
    wm_class: str = ""
    title: str = ""
    acts: tuple[Act, ...]
    drifts: tuple[Drift, ...]
    start: Callable[[Place], Start]
    judge: Callable[[Running], Awaitable[Judge]]
    outcome: Callable[[Running], Awaitable[str]]
    """What is wrong with what came out, seen without its window; empty: all is as it should be."""
    ready: str = ""
    """Target that is there when the program has started; empty: the first act's."""
    alone: bool = False
    """It shows whatever runs on the machine, or the path of its folder: never two at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScore:
    """How one step of one run was judged."""

    number: int
    on: str
    done: bool
    wrong: str = ""
    """What was done to something else than the target; empty: nothing was."""
    why: str = ""
    """Why it was not done."""
    rung: str = ""
    seconds: float = 0.0
    """Of the player's own: without the program's time and without the judge's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseScore:
    """How one run went."""

    program: str
    drift: Drift
    kind: SurfaceKind
    player: str
    """`opsagent`, or the baseline's name."""
    steps: tuple[StepScore, ...]
    outcome: str
    """`verified`, `unverified`, `halted`, `needs_person`, `lost`."""
    result: str
    """What the final oracle found wrong; empty: all is as it should be."""
    disturbed: str = ""
    """What was pressed beside the steps that were done; empty: nothing."""
    held_out: bool = False
    lost: str = ""
    """Why the run itself failed: the program did not come up, or could not be shown to. Nothing of it counts as done."""

    @property
    def name(self) -> str:
        return f"{self.program}/{self.kind}/{self.drift}"

    @property
    def done(self) -> int:
        return sum(step.done for step in self.steps)

    @property
    def wrong(self) -> int:
        """Wrong actions: each step on something else, and one where all was reported done with another result."""
        silent = self.result and self.outcome in {"verified", "unverified"} and not any(s.wrong for s in self.steps)
        return sum(bool(step.wrong) for step in self.steps) + bool(silent)


def lost(program: Program, drift: Drift, kind: SurfaceKind, player: str, why: str) -> CaseScore:
    """Return the score of a run that could not be played: it counts, with no step done."""
    steps = tuple(
        StepScore(number=number, on=act.on or "+".join(act.keys), done=False, why=why)
        for number, act in enumerate(program.acts, 1)
    )
    return CaseScore(
        program=program.name,
        drift=drift,
        kind=kind,
        player=player,
        steps=steps,
        outcome="lost",
        result="",
        held_out=program.held_out,
        lost=why,
    )
