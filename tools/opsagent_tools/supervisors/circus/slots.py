"""The places for a service's instances, and how long an empty one waits before it is filled again."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass

from opsagent_tools.supervisors.circus.process import ServiceProcess

STAYED_UP_S = 10.0
"""An instance that lived this long was well: its next restart is not delayed."""
MAX_DELAY_S = 3.0
START_ATTEMPTS = 6
"""Restarts that cannot even be executed (the program is missing, say) before the engine gives up."""


@dataclass(slots=True)
class Slot:
    """One place for an instance; its number stays when the instance in it changes."""

    number: int
    process: ServiceProcess | None = None
    extra: bool = False
    """True: beside the wanted instances (surge); it is not respawned."""
    starts: int = 0
    failures: int = 0
    """Quick deaths and failed starts in a row."""
    timer: asyncio.TimerHandle | None = None

    def forget_delay(self) -> None:
        """Cancel a pending restart."""
        self.failures = 0
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def restart_delay(failures: int) -> float:
    """Return how long to wait before the restart after so many failures in a row: 0, 0.1, 0.2, 0.4 ... 3 s."""
    return 0.0 if failures <= 1 else min(0.1 * 2.0 ** (failures - 2), MAX_DELAY_S)


def ended_how(code: int | None) -> str:
    """Return how a process ended, as the end of a sentence."""
    if code is None or code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
