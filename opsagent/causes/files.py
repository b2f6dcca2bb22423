"""Causes that lie in files and file systems: full disks, stale locks, what cannot be run."""

from __future__ import annotations

from opsagent.causes.suspect import PROOF, STRONG, Suspect, weigh
from opsagent.model import Cause, Hypothesis
from opsagent.runbooks.findings import Findings

_SCARCE = 0.8


def disk_full(findings: Findings) -> Hypothesis | None:
    """A file system that it writes to is full, or nearly so."""
    unit = findings.case.incident.unit
    disk, room = findings.known("disk", unit), findings.known("room_left", unit)
    if disk is not None and disk.flag("full"):
        return weigh(Cause.DISK_FULL, unit, disk.words("said"), speaks_for=[("the file system", PROOF)])
    if room is None or room.words("resource") not in {"disk", "inodes"} or room.number("share") < _SCARCE:
        return None
    return weigh(Cause.DISK_FULL, unit, room.words("said"), speaks_for=[("the file system", STRONG)])


def stale_lock(findings: Findings) -> Hypothesis | None:
    """A lock is left of a process that is dead."""
    unit = findings.case.incident.unit
    lock = findings.known("stale_lock", unit)
    if lock is None or not lock.flag("found"):
        return None
    source = "the file and the kernel's list of processes"
    return weigh(Cause.STALE_LOCK, unit, lock.words("said"), speaks_for=[(source, STRONG)])


SUSPECTS: tuple[Suspect, ...] = (
    Suspect(Cause.DISK_FULL, ("disk", "room_left"), disk_full),
    Suspect(Cause.STALE_LOCK, ("stale_lock",), stale_lock),
)
