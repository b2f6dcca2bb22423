"""The port of what runs a scenario's services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.port import Supervisor


class GroundError(Exception):
    """The services could not be started. One line."""


class Ground(Protocol):
    """A supervisor that is started for one case, given the services, and ended with all that it runs."""

    @property
    def config(self) -> str:
        """What the agent's `config.toml` must say to find it; empty: nothing."""

    @property
    def supervisor(self) -> Supervisor | None:
        """How it is talked to; None before `start`."""

    async def start(self, specs: Sequence[ServiceSpec]) -> None:
        """Run these services. Raises GroundError, SupervisorError."""

    async def end(self) -> None:
        """End the services and what ran them. Raises SupervisorError."""
