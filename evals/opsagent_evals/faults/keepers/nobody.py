"""Nobody: what runs the services is left to itself. What its own restarts do counts as no action."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from opsagent_evals.faults.keepers.keeper import Keeping
from opsagent_evals.faults.score import OracleCall, Run


class Nobody:
    """Does nothing, and tells nobody."""

    patient = False

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    async def start(self) -> None:
        """Nothing is started."""

    async def end(self) -> None:
        """Nothing is ended."""

    def lives(self) -> bool:
        """Nobody never dies."""
        return True

    def is_calm(self) -> bool:
        """Nobody is always calm."""
        return True

    def read(self, injected_at: datetime, oracle: Sequence[OracleCall], now: datetime, *, error: str = "") -> Run:
        """Return what the oracle said."""
        return Run(injected_at=injected_at, ended_at=now, oracle=tuple(oracle), error=error)
