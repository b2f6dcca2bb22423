"""What is not broken yet and will be: the result of a look that changes nothing. A leaf: standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from opsagent_tools.units import UnitId


class Severity(StrEnum):
    """How soon a finding will hurt."""

    NOTE = "note"
    """Worth knowing."""
    WARNING = "warning"
    """Costs requests, or a service, at the next reload, deploy or reboot."""
    SERIOUS = "serious"
    """Costs a service at any moment, or is costing it now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a person would want to mend while there is time."""

    check: str
    """Durable name of what was looked at, `room/what` (`pm2/save_out_of_date`, `reload/ignores_sigterm`)."""
    unit: UnitId | None
    """None: it concerns the supervisor, or the machine."""
    severity: Severity
    says: str
    """One line for a person, with the numbers; redacted."""
    mend: str
    """What to do, as a person would type or write it."""
    facts: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """The same for a program."""
