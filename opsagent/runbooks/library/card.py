"""What a runbook's file says, as values: a card, its remedies, their steps, and when a person is called.

RunbookError   a runbook cannot be used
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opsagent.model import Cause, CheckKind, Fault, Scalar
from opsagent.runbooks.library.conditions import When
from opsagent_tools.actions import ActionName, Effect

if TYPE_CHECKING:
    from opsagent.runbooks.case import Target
    from opsagent.runbooks.findings import Findings
    from opsagent.runbooks.remedy import Against, Fit

ROOT, UPSTREAM, AIM = "root", "upstream", "aim"


class RunbookError(ValueError):
    """A runbook cannot be used; one line: which file, where in it, what is wrong, and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoCard:
    """How a step is taken back by hand; the rows of known actions bring their own."""

    action: ActionName
    args: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCard:
    """One action."""

    action: ActionName
    on: str = AIM
    """`aim` or `root`."""
    args: Mapping[str, Scalar] = field(default_factory=dict)
    """Text that begins with `$` is looked up: `$PROBE.FACT`, `$root.PROBE.FACT`, `$fit.NAME`."""
    goal: CheckKind | None = None
    """None: the action's own."""
    goal_args: Mapping[str, Scalar] | None = None
    """None: those of the action."""
    wait_s: float | None = None
    undo: UndoCard | None = None
    command: tuple[str, ...] = ()
    """Words of `run_runbook_command`, no shell."""
    undo_command: tuple[str, ...] = ()
    cwd: str = ""
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RemedyCard:
    """One way to repair it."""

    name: str
    counts_as: str
    """Durable; memory counts by it. `CAUSE/NAME` of a shipped one, `own.FILE/NAME` of a person's own."""
    cause: Cause
    does: str
    aim: str = ROOT
    """`root`, `upstream`, or `PROBE.FACT`: a fact of the incident's unit that names a unit's id."""
    order: int = 100
    when: tuple[When, ...] = ()
    condition: str = ""
    """`module:function` instead of, or on top of, `when`; shipped ones only."""
    judge: Callable[[Findings, Target], Fit | Against] | None = None
    """A condition in a person's own Python."""
    despite_upstream: bool = False
    """Its evidence stands for itself: also where something upstream explains the trouble."""
    after: str = ""
    expects: str = ""
    verify_s: float = 5.0
    verify: tuple[When, ...] = ()
    undo: str = "nothing to undo"
    steps: tuple[StepCard, ...] = ()
    rows: tuple[str, ...] = ()
    args: Mapping[str, Scalar] = field(default_factory=dict)
    """For `rows`."""
    counted_as: tuple[str, ...] = ()
    """It is weighed where the fault's own module has it, under these names: this card only describes it."""
    effect: Effect | None = None
    """As declared of a person's own commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalateCard:
    """When nobody but a person can help, and what to tell."""

    say: str
    when: tuple[When, ...] = ()
    """None at all: where no remedy fits."""
    condition: str = ""
    """`module:function` of the fault's module that tells it already; this card only describes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One fault: what it looks like, what is done, what never."""

    name: str
    """The file's, without `.toml`."""
    title: str
    cause: Cause
    answers: tuple[Fault, ...]
    looks_for: str
    never: str
    remedies: tuple[RemedyCard, ...] = ()
    escalate: tuple[EscalateCard, ...] = ()
    leave_alone: str = ""
    """Where the right answer is to do nothing: why, and what is kept of it."""
    own: bool = False
    """A person's own, not one that the agent came with."""
    source: str = ""
    """Its file."""
