"""The places for a service's instances, and what becomes of one whose instance has ended."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from typing import Literal

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus.process import ServiceProcess

STAYED_UP_S = 10.0
"""An instance that lived this long was well: its next restart is not delayed."""
MAX_DELAY_S = 3.0
START_ATTEMPTS = 6
"""Restarts that cannot even be executed (the program is missing, say) before the engine gives up."""
BACKOFF_GROWS = 1.5
BACKOFF_MAX_S = 15.0
BACKOFF_OVER_S = 30.0
"""An instance that lived this long begins its `restart_backoff_s` anew."""


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
    quick: int = 0
    """Deaths in a row before `min_uptime_s`."""
    backoff_s: float = 0.0
    """The delay before the last restart, where `restart_backoff_s` is set."""
    over: bool = False
    """True: its instance has ended, and nothing starts another one by itself."""
    timer: asyncio.TimerHandle | None = None

    def forget_delay(self) -> None:
        """Begin anew: cancel a pending restart, and count from nothing."""
        self.failures = self.quick = 0
        self.backoff_s = 0.0
        self.over = False
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What follows the end of an instance."""

    delay_s: float | None
    """Until it is started again; None: it is not."""
    phase: Literal["exited", "failed"] = "exited"
    reason: str = ""


def what_next(spec: ServiceSpec, slot: Slot, code: int | None, lived_s: float) -> Next:
    """Return what follows the end of the instance in `slot`, and count it there."""
    if not spec.autorestart or code in spec.stop_exit_codes:
        return Next(delay_s=None, reason=ended_how(code))
    slot.failures = 1 if lived_s >= STAYED_UP_S else slot.failures + 1
    slot.quick = slot.quick + 1 if lived_s < spec.min_uptime_s else 0
    if spec.max_restarts is not None and slot.quick and slot.quick >= spec.max_restarts:
        times = "once" if slot.quick == 1 else f"{slot.quick} times in a row"
        reason = f"given up: it ended {times} within {spec.min_uptime_s:g} s; the last one {ended_how(code)}"
        return Next(delay_s=None, phase="failed", reason=reason)
    if spec.restart_backoff_s is not None:
        begun = slot.backoff_s > 0 and lived_s < BACKOFF_OVER_S
        slot.backoff_s = min(slot.backoff_s * BACKOFF_GROWS, BACKOFF_MAX_S) if begun else spec.restart_backoff_s
        return Next(delay_s=slot.backoff_s)
    return Next(delay_s=spec.restart_delay_s if spec.restart_delay_s is not None else restart_delay(slot.failures))


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
