"""What the agent may do unasked, as a pure value. The guard decides by it; `opsagent/config.py` reads it from a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING

from opsagent.quiet import QuietHours
from opsagent_tools.services.spec import Mode, ServiceSpec

if TYPE_CHECKING:  # commands that only look read the configuration too, and need nothing of the model
    from opsagent.model import Risk

CAREFUL: Mode = "suggest"
"""What holds where nobody said anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Modes and limits for unattended repairs."""

    mode: Mode | Mapping[str, Mode] = CAREFUL
    """For services that say nothing themselves: one mode, or one per risk (`safe`, `disruptive`, `destructive`)."""
    engine_mode: Mode = "auto"
    """For bringing back the agent's own engine when it died: unasked, unless a person wants it otherwise."""
    budget_actions: int = 5
    """Unattended repairs that one unit may get per `budget_window_s`."""
    budget_window_s: float = 600.0
    global_budget_actions: int = 20
    """Unattended repairs that all units together may get per `budget_window_s`."""
    induced_budget_actions: int = 4
    """The same for trouble that outsiders can bring about (`opsagent.against.INDUCED`): a budget of its own, so that
    whoever brings it about uses up nobody else's."""
    induced_global_budget_actions: int = 10
    breaker_failures: int = 3
    """Failed repairs of one unit against one cause within `breaker_window_s` after which the agent stops and tells a
    person."""
    breaker_window_s: float = 3600.0
    breaker_trial_s: float = 900.0
    """So long after the last of them one more try is let through; a person is told how it ended, whichever way. Doubled
    with each that fails."""
    blast_radius: float = 0.25
    """The largest part of a unit's instances that may be replaced at once; one always may."""
    two_person: bool = True
    """Whether two people have to say yes to what cannot be undone."""
    outside_own: Mode | None = None
    """The most that holds for changes of a unit's own files; None: as the mode says."""
    outside_machine: Mode = "approve"
    """The most that holds for files of the machine, and for processes that nobody supervises."""
    protected_paths: tuple[str, ...] = ()
    """Globs of files that no action touches, beside those of a fixed list (`opsagent.rules.protected_paths`)."""
    safe_commands: tuple[str, ...] = ()
    """Remedies of people's own runbooks (`FILE/NAME`) whose commands are safe where the runbook says so, too."""
    procedures: tuple[str, ...] = ()
    """Procedures on screens that may run with nobody present (`[screens] unattended`)."""
    quiet: QuietHours | None = None
    """When what is not urgent waits for the morning."""
    trust_min: int = 5
    """So often a would-be action has to have been right before `opsagent trust` offers to let the agent do it."""
    digest: bool = True
    """Whether the first days end in a digest a day, and not in an alarm for each thing that would be done."""
    digest_days: int = 7
    release_good_after_s: float = 60.0
    """How long a service has to be well with a release until that counts as good."""
    deploy_watch_s: float = 300.0
    """How long a release is watched after `deploy end`: not good yet, and offered for rollback when it fails."""
    rollback_failed_deploys: bool = False
    """Whether a release that fails is rolled back unasked (mode `auto` for disruptive steps); else a person is asked."""
    canary_s: float = 3.0
    """How long the first new instance of a reload that a person asks for has to stay up and well before any other is
    touched: a new release may die of something that it does a little later."""
    home: str = field(default="", compare=False)
    """The agent's own folder, which no action touches. No part of what the policy says."""

    def __post_init__(self) -> None:
        if not isinstance(self.mode, str):
            object.__setattr__(self, "mode", MappingProxyType(dict(self.mode)))

    @property
    def version(self) -> str:
        """A hash of everything that the policy says. Approvals are bound to it."""
        said = [(one.name, _plain(getattr(self, one.name))) for one in fields(self) if one.name != "home"]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]

    def mode_for(self, spec: ServiceSpec | None, risk: Risk, *, engine: bool = False) -> Mode:
        """Return the mode for a step of this risk on this service; the service's own word goes before the default.

        `engine`: the step is about the agent's own engine, not about a service.
        """
        if risk == "read":
            return "auto"
        if engine:
            return self.engine_mode
        own = _said(spec.mode, risk) if spec is not None else None
        return own or _said(self.mode, risk) or CAREFUL

    def shown_mode(self, spec: ServiceSpec | None) -> Mode | dict[str, Mode]:
        """Return the mode for steps on this service: one word, or where the risks differ, one for each."""
        from opsagent.model import Risk

        modes = {risk.value: self.mode_for(spec, risk) for risk in Risk if risk is not Risk.READ}
        first = modes[Risk.SAFE.value]
        return first if all(mode == first for mode in modes.values()) else modes


def stricter(one: Mode, other: Mode) -> Mode:
    """Return the mode of the two in which the agent does less by itself."""
    return min(one, other, key=_ORDER.index)


_ORDER: tuple[Mode, ...] = ("observe", "suggest", "approve", "auto")


def _plain(value: object) -> object:
    """Return what a value says, whatever its type and order: numbers as floats, tables and sets sorted."""
    if isinstance(value, bool) or not isinstance(value, int | float | Mapping | frozenset | QuietHours):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, Mapping):
        return sorted(value.items())
    if isinstance(value, frozenset):
        return sorted(value)
    return [(one.name, _plain(getattr(value.when, one.name))) for one in fields(value.when)]


def _said(mode: Mode | Mapping[str, Mode] | None, risk: Risk) -> Mode | None:
    if mode is None or isinstance(mode, str):
        return mode
    return mode.get(risk.value)
