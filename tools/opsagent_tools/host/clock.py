"""Whether the machine's clock can be trusted: a jump since this process began, and what adjtimex(2) says. Reads only."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass

_UNSYNCHRONISED, _NANO = 0x0040, 0x2000
"""STA_UNSYNC and STA_NANO of `timex.status` (<sys/timex.h>)."""


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time_s", ctypes.c_long),
        ("time_us", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("_rest", ctypes.c_byte * 128),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """How the clock is."""

    jumped_s: float
    """By how much it was set since this process began (slewing of a few ppm is not counted)."""
    synchronised: bool | None = None
    """Whether something keeps it in step; None: the kernel does not tell."""
    offset_s: float = 0.0
    """What is still to be corrected."""
    max_error_s: float = 0.0


def _distance() -> float:
    """Return how far the wall clock is from the clock that nobody can set."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


_BEGAN = (_distance(), time.monotonic())
_SLEW = 500e-6
"""The kernel slews by at most 500 ppm."""


def clock_state(began: tuple[float, float] = _BEGAN) -> ClockState:
    """Return how the clock is now. `began`: distance and monotonic time of an earlier look."""
    moved = _distance() - began[0]
    by_slewing = (time.monotonic() - began[1]) * _SLEW + 0.01
    jumped_s = moved if abs(moved) > by_slewing else 0.0
    told = _Timex(modes=0)
    try:
        answered = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(told)) >= 0
    except (OSError, AttributeError):
        answered = False
    if not answered:
        return ClockState(jumped_s=jumped_s)
    return ClockState(
        jumped_s=jumped_s,
        synchronised=not told.status & _UNSYNCHRONISED,
        offset_s=told.offset / (1e9 if told.status & _NANO else 1e6),
        max_error_s=told.maxerror / 1e6,
    )


def looked() -> tuple[float, float]:
    """Return what a later `clock_state` compares with."""
    return _distance(), time.monotonic()
