"""Causes that lie in files and file systems: full disks, floods, deleted logs, rights that changed, stale locks."""

from __future__ import annotations

from opsagent.causes.suspect import PROOF, SOME, STRONG, Reason, Suspect, weigh
from opsagent.model import Cause, Hypothesis
from opsagent.runbooks.files import MADE_ROOM
from opsagent.runbooks.findings import Findings
from opsagent_tools.units import UnitId

_SCARCE = 0.8
_FILLED = 0.9
_QUICKLY_S, _FLOODS = 300.0, 200_000.0
_JUST_BEFORE_S = 900.0
_SLACK_S = 1.0


def disk_full(findings: Findings) -> Hypothesis | None:
    """A file system that it writes to is full, or nearly so; where that is some service's log, it is that one's."""
    unit = findings.case.incident.unit
    disk, room, logs = (findings.known(probe, unit) for probe in ("disk", "room_left", "own_logs"))
    if logs is not None and logs.answered and (logs.flag("full") or logs.number("fs_share") >= _FILLED):
        strength = PROOF if logs.flag("full") else STRONG
        whose = _named(findings, logs.words("writer")) if logs.flag("fills") else unit
        return weigh(Cause.DISK_FULL, whose, logs.words("said"), speaks_for=[("the file system", strength)])
    if disk is not None and disk.flag("full"):
        return weigh(Cause.DISK_FULL, unit, disk.words("said"), speaks_for=[("the file system", PROOF)])
    if logs is not None and logs.answered and findings.was_done(*MADE_ROOM):
        cause = f"{unit.name} has not recovered from the time when its disk was full"
        return weigh(Cause.DISK_FULL, unit, cause, speaks_for=[("it was full, and there is room again", STRONG)])
    if room is None or room.words("resource") not in {"disk", "inodes"} or room.number("share") < _SCARCE:
        return None
    return weigh(Cause.DISK_FULL, unit, room.words("said"), speaks_for=[("the file system", STRONG)])


def log_flood(findings: Findings) -> Hypothesis | None:
    """A service's log fills its disk so quickly that room alone will not last."""
    logs = findings.known("own_logs", findings.case.incident.unit)
    if logs is None or not logs.answered or not logs.flag("fills"):
        return None
    quickly = logs.has("filled_in_s") and logs.number("filled_in_s") <= _QUICKLY_S
    pro: list[Reason] = []
    if quickly:
        pro.append((f"half of the disk was filled in {logs.number('filled_in_s'):.0f} s", PROOF))
    if logs.number("rate") >= _FLOODS:
        pro.append((f"it grows by {logs.number('rate') / 1e6:.1f} MB/s", PROOF))
    name = logs.words("writer_name")
    return weigh(Cause.LOG_FLOOD, _named(findings, logs.words("writer")), f"{name} floods its log", speaks_for=pro)


def deleted_open_file(findings: Findings) -> Hypothesis | None:
    """A deleted file that is still open takes the room of a full file system."""
    unit = findings.case.incident.unit
    held, logs = findings.known("deleted_open", unit), findings.known("own_logs", unit)
    if held is None and logs is not None and logs.answered and logs.flag("full") and not logs.flag("fills"):
        cause = f"{logs.words('said')}: a deleted file that is still open may be what takes the room"
        return weigh(Cause.DELETED_OPEN_FILE, unit, cause, speaks_for=[("no log accounts for it", SOME)])
    if held is None or not held.answered or not held.flag("fills"):
        return None
    whose = _named(findings, held.words("holder"))
    strength = PROOF if held.flag("full") else STRONG
    return weigh(
        Cause.DELETED_OPEN_FILE, whose, held.words("said"), speaks_for=[("the kernel: /proc/PID/fd", strength)]
    )


def permissions(findings: Findings) -> Hypothesis | None:
    """Owner or mode of what it needs is another than when it was last well."""
    unit = findings.case.incident.unit
    change = findings.known("modes_changed", unit)
    if change is None or not change.answered:
        return None
    if not (change.flag("denied") or change.flag("opened")):
        if not findings.was_done(*_GAVE_BACK):
            return None
        cause = f"{unit.name} has not recovered from the time when its rights were taken"
        return weigh(Cause.PERMISSIONS, unit, cause, speaks_for=[("it has them again", STRONG)])
    before_s = findings.case.incident.began_at.timestamp() - change.number("first_at")
    sure = change.flag("denied") and change.flag("used")
    pro: list[Reason] = [("owner and mode kept when it was last well", STRONG if sure else SOME)]
    if -_SLACK_S <= before_s <= _JUST_BEFORE_S:
        pro.append((f"they changed {max(0.0, before_s):.0f} s before the trouble began", SOME))
    against = [("they changed after the trouble began", STRONG)] if before_s < -_SLACK_S else []
    return weigh(Cause.PERMISSIONS, unit, change.words("said"), speaks_for=pro, speaks_against=against)


def stale_lock(findings: Findings) -> Hypothesis | None:
    """A lock is left of a process that is dead."""
    unit = findings.case.incident.unit
    lock = findings.known("stale_lock", unit)
    if lock is None or not lock.flag("found"):
        return None
    source = "the file and the kernel's list of processes"
    strength = STRONG if lock.flag("named") else SOME  # what nobody complained of may be in nobody's way
    return weigh(Cause.STALE_LOCK, unit, lock.words("said"), speaks_for=[(source, strength)])


_GAVE_BACK = ("permissions/",)


def _named(findings: Findings, unit: str) -> UnitId:
    target = findings.named(unit) if unit else None
    return target.unit.id if target is not None else findings.case.incident.unit


SUSPECTS: tuple[Suspect, ...] = (
    Suspect(Cause.DISK_FULL, ("disk", "room_left", "own_logs"), disk_full),
    Suspect(Cause.LOG_FLOOD, ("own_logs",), log_flood),
    Suspect(Cause.DELETED_OPEN_FILE, ("deleted_open",), deleted_open_file),
    Suspect(Cause.PERMISSIONS, ("modes_changed",), permissions),
    Suspect(Cause.STALE_LOCK, ("stale_lock",), stale_lock),
)
