"""Who keeps the services of a case: the agent, or one of those that it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from opsagent_evals.faults.keepers.keeper import Keeper, Keeping

__all__ = ["AGENT", "BESIDE", "Keeper", "Keeping", "keeper"]

AGENT = "opsagent"
BESIDE: Mapping[str, str] = MappingProxyType(
    {
        "pm2": "PM2 alone: it restarts what ends and what outgrows its limit",
        "monit": "Monit over the same engine: two failed probes and it restarts, too many restarts and it gives up",
        "restart": "whatever complains (ended, probe failed twice, an error in its log) is restarted",
    }
)
"""Those that the agent is compared with, and what each does."""


def keeper(name: str, keeping: Keeping) -> Keeper:
    """Return the keeper of that name; it does nothing yet. ValueError: there is no such one."""
    match name:
        case "opsagent":
            from opsagent_evals.faults.keepers.agent import Agent

            return Agent(keeping)
        case "pm2":
            from opsagent_evals.faults.keepers.nobody import Nobody

            return Nobody(keeping)
        case "monit":
            from opsagent_evals.faults.keepers.monit import Monit

            return Monit(keeping)
        case "restart":
            from opsagent_evals.faults.keepers.restarter import Restarter

            return Restarter(keeping)
    raise ValueError(f"{name}: one of {', '.join([AGENT, *BESIDE])}")
