"""Which signals a process handles, as the kernel keeps it (the masks in /proc/PID/status, proc(5)).

What it cannot tell: Node catches SIGINT and SIGTERM for itself in every process, whether the program handles them or
not, and Python catches SIGINT (KeyboardInterrupt). There one has to read the program.
"""

# Plain os calls, as in `proc.py`.
# ruff: noqa: PTH115, PTH123

from __future__ import annotations

import os
import signal
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """Signals by number."""

    caught: frozenset[int]
    """It has a handler of its own."""
    ignored: frozenset[int]

    def dies_of(self, signum: int) -> bool:
        """Tell whether this signal ends it at once, without a line of its own code being run."""
        return signum not in self.caught and signum not in self.ignored


def handling(pid: int) -> Handling | None:
    """Return what the process does with signals; None where the kernel does not tell."""
    masks: dict[str, int] = {}
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name in {"SigCgt", "SigIgn"}:
                    masks[name] = int(value.strip(), 16)
    except (OSError, ValueError):
        return None
    if len(masks) != 2:
        return None
    return Handling(caught=_signals(masks["SigCgt"]), ignored=_signals(masks["SigIgn"]))


def runtime_of(pid: int) -> str:
    """Return what runs the program: `node`, `python`, a shell's name, else the name of the executable; "" if unknown."""
    try:
        name = os.path.basename(os.readlink(f"/proc/{pid}/exe")).removesuffix(" (deleted)")  # noqa: PTH119
    except OSError:
        return ""
    for known in ("node", "python"):
        if name == known or (name.startswith(known) and name[len(known) :].replace(".", "").isdigit()):
            return known
    return name


def _signals(mask: int) -> frozenset[int]:
    return frozenset(number for number in range(1, signal.NSIG) if mask >> (number - 1) & 1)
