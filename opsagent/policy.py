"""What the agent may do unasked, as a pure value. The guard decides by it; `opsagent/config.py` reads it from a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

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
    breaker_failures: int = 3
    """Failed repairs of one unit within `breaker_window_s` after which the agent stops and tells a person."""
    breaker_window_s: float = 3600.0
    release_good_after_s: float = 60.0
    """How long a service has to be well with a release until that counts as good."""
    deploy_watch_s: float = 300.0
    """How long a release is watched after `deploy end`: not good yet, and offered for rollback when it fails."""
    rollback_failed_deploys: bool = False
    """Whether a release that fails is rolled back unasked (mode `auto` for disruptive steps); else a person is asked."""

    canary_s: float = 3.0
    """How long the first new instance of a reload that a person asks for has to stay up and well before any other is
    touched: a new release may die of something that it does a little later."""

    def __post_init__(self) -> None:
        if not isinstance(self.mode, str):
            object.__setattr__(self, "mode", MappingProxyType(dict(self.mode)))

    @property
    def version(self) -> str:
        """A hash of everything that the policy says. Approvals are bound to it."""
        mode = self.mode if isinstance(self.mode, str) else sorted(self.mode.items())
        limits = (self.budget_actions, float(self.budget_window_s), self.global_budget_actions)
        breaker = (self.breaker_failures, float(self.breaker_window_s))
        releases = (float(self.release_good_after_s), float(self.deploy_watch_s), self.rollback_failed_deploys)
        said = (mode, self.engine_mode, limits, breaker, releases, float(self.canary_s))
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


def _said(mode: Mode | Mapping[str, Mode] | None, risk: Risk) -> Mode | None:
    if mode is None or isinstance(mode, str):
        return mode
    return mode.get(risk.value)
