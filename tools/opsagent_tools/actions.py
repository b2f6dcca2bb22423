"""The closed list of actions, what each one touches, and what came of it. A leaf: standard library only.

An action on a unit is written `action:unit`. New ones are added here and in docs/actions.md together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from opsagent_tools.units import UnitId


class Effect(StrEnum):
    """What a tool touches. The guard turns effect, unit and state into a risk."""

    READS = "reads"
    TELLS = "tells"
    """Tells a person; nothing on the machine changes."""
    ORDERS = "orders"
    """A person's word to the agent itself (a hold, an answer, a fact): no service is touched, what it may do changes."""
    STARTS = "starts"
    """Brings up what is down."""
    RESUMES = "resumes"
    """Lets a process that is stopped or sleeping go on (SIGCONT)."""
    REPLACES = "replaces"
    """Puts new instances in the place of old ones, one at a time where there are several."""
    INTERRUPTS = "interrupts"
    """Takes down something that may be serving."""
    WRITES_FILES = "writes_files"
    """Moves or rewrites files, in a way that can be undone."""
    DESTROYS = "destroys"
    """Cannot be undone."""


class ActionName(StrEnum):
    """Every action that exists; there is no other way to change anything."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    RELOAD = "reload"
    SCALE = "scale"
    SIGNAL = "signal"
    CONTINUE = "continue"
    STOP_ORPHAN = "stop_orphan"
    FREE_PORT = "free_port"
    TRUNCATE_LOG = "truncate_log"
    ROTATE_LOG = "rotate_log"
    REOPEN_LOG = "reopen_log"
    SET_LOG_LEVEL = "set_log_level"
    ROLLBACK = "rollback"
    ROLLBACK_CONFIG = "rollback_config"
    RESTORE_MODE = "restore_mode"
    RENICE = "renice"
    END_SESSION = "end_session"
    QUARANTINE = "quarantine"
    RUN_GUI_PROCEDURE = "run_gui_procedure"
    RUN_RUNBOOK_COMMAND = "run_runbook_command"
    ESCALATE = "escalate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One typed change to one unit. There are no shell strings anywhere."""

    name: ActionName
    unit: UnitId
    args: Mapping[str, str | int | float | bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "args", MappingProxyType(dict(self.args)))

    def __str__(self) -> str:
        return f"{self.name}:{self.unit.name}"


NEEDS_PERSON = "needs person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an action."""

    done: bool
    detail: str = ""
    """One line for a person; already redacted."""
    undo_args: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """What an undo needs to know (where a file was moved to, say)."""
    refused: str = ""
    """Why it was not even begun: `busy` (another change is under way) or `not supported`; empty: it was begun.
    `NEEDS_PERSON`: it ended before a part of it that a person has to allow; nothing is wrong."""
