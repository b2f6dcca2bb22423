"""The port of who keeps the services, and what all keepers are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from opsagent.home import Home
from opsagent_evals.faults.grounds import Ground
from opsagent_evals.faults.place import Place
from opsagent_evals.faults.score import OracleCall, Run
from opsagent_tools.services.spec import ServiceSpec


class KeeperError(Exception):
    """The keeper could not be started. One line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What there is to keep, and where."""

    place: Place
    home: Home
    specs: Sequence[ServiceSpec]
    ground: Ground
    since: datetime
    """When the run began: what was before belongs to earlier runs of the same home."""


class Keeper(Protocol):
    """Watches services and mends them, well or badly."""

    patient: bool
    """Whether telling a person ends what it does. Others go on to the end of the scenario's time."""

    async def start(self) -> None:
        """Begin. Raises KeeperError."""

    async def end(self) -> None:
        """End it; the services stay."""

    def lives(self) -> bool:
        """Tell whether it is still there."""

    def is_calm(self) -> bool:
        """Tell whether it has nothing to do at the moment."""

    def read(self, injected_at: datetime, oracle: Sequence[OracleCall], now: datetime, *, error: str = "") -> Run:
        """Return the run as it looks now."""
