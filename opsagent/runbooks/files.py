"""Conditions for what files do to a service: full disks, deleted logs, rights that changed, floods, poisoned items. Pure.

Each rests on what the kernel says of files, file systems and processes. What a log says, or how a file is called, never
suffices.
"""

from __future__ import annotations

from opsagent.model import Fault, Scalar
from opsagent.runbooks import down
from opsagent.runbooks.case import Target
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.remedy import Against, Fit
from opsagent_tools.units import UnitState

_SLACK_S = 1.0
_NEARLY = 0.8
_CHANGE_TO_TROUBLE_S = 900.0
_QUICKLY_S = 300.0
"""A log that fills its disk within this time is a flood."""
_FLOODS = 200_000.0
"""Bytes a second."""


def log_fills_disk(findings: Findings, target: Target) -> Fit | Against:
    """The logs of the target fill the disk that the root writes to, and there is room for them elsewhere."""
    logs = _filled_by_logs(findings, target)
    if isinstance(logs, Against):
        return logs
    if not logs.flag("room"):
        return Against(f"{logs.words('said')}; nowhere else is room for its lines: a person may empty it")
    return Fit(target=target, why=logs.words("said"), args=_log_args(logs))


def _filled_by_logs(findings: Findings, target: Target) -> Facts | Against:
    root = findings.case.incident.unit
    logs = findings.of("own_logs", root)
    if not logs.answered or not logs.flag("fills"):
        return Against(logs.words("said") or "it is not known whose logs fill the disk")
    if logs.words("writer") != str(target.unit.id):
        return Against(f"it is not {target.unit.name} whose log fills the disk")
    runs_out = findings.case.incident.fault is Fault.SATURATION and logs.number("fs_share") >= _NEARLY
    if not (logs.flag("full") or runs_out):
        return Against(f"{logs.words('said')}: there is room yet")
    why = _not_to_be_touched(findings, target)
    return Against(why) if why else logs


def _log_args(logs: Facts) -> dict[str, Scalar]:
    return {
        "path": logs.words("path"),
        "shelf": logs.words("shelf"),
        "shelf_name": logs.words("shelf_name"),
        "after": logs.words("after"),
        "bytes": int(logs.number("bytes")),
    }


def _not_to_be_touched(findings: Findings, target: Target) -> str:
    state = findings.of("unit_state", target.unit.id)
    why = down.not_ours(state, target.unit)
    if not why and state.words("state") == UnitState.STOPPED:
        why = f"{target.unit.name} was stopped on purpose"
    return why


def flood_of_a_changed_config(findings: Findings, target: Target) -> Fit | Against:
    """The log fills the disk quickly since a configuration file of its service was changed, which can be put back."""
    logs = _flooded(findings, target)
    if isinstance(logs, Against):
        return logs
    unit = target.unit
    change = findings.of("config_changed", unit.id)
    if not change.answered or not change.flag("changed") or not change.flag("restorable"):
        return Against(change.words("said") or f"the configuration of {unit.name} is the last known good one")
    incident, changed_at = findings.case.incident, change.number("changed_at")
    seen = incident.opened_at if incident.fault is Fault.SATURATION else incident.began_at
    if not 0 <= seen.timestamp() + _SLACK_S - changed_at <= _CHANGE_TO_TROUBLE_S:
        return Against(f"{change.words('said')}, which is not when the trouble began")
    args: dict[str, Scalar] = {
        "good": change.words("good"),
        "current": change.words("current"),
        "config": change.words("path"),
    }
    return Fit(
        target=target,
        why=f"{change.words('said')}; since then its log fills the disk",
        args={**_log_args(logs), **args},
    )


def flood_and_a_signal(findings: Findings, target: Target) -> Fit | Against:
    """The log fills the disk quickly, and its service is said to log less on a signal that its process catches."""
    logs = _flooded(findings, target)
    if isinstance(logs, Against):
        return logs
    if not logs.words("level_signal"):
        return Against(f"nobody says how {target.unit.name} is told to log less")
    args: dict[str, Scalar] = {
        "signal": logs.words("level_signal"),
        "signal_pid": int(logs.number("level_pid")),
        "started": logs.number("level_started"),
    }
    return Fit(target=target, why=logs.words("said"), args={**_log_args(logs), **args})


def _flooded(findings: Findings, target: Target) -> Facts | Against:
    logs = _filled_by_logs(findings, target)
    if isinstance(logs, Against):
        return logs
    if not logs.flag("room"):
        return Against(f"{logs.words('said')}; nowhere else is room for its lines")
    quickly = logs.has("filled_in_s") and logs.number("filled_in_s") <= _QUICKLY_S
    if not quickly and logs.number("rate") < _FLOODS:
        return Against(f"{logs.words('said')}: it grew slowly")
    return logs


def unwell_though_there_is_room(findings: Findings, target: Target) -> Fit | Against:
    """There is room again on the disk, and the service, which lives, has not recovered from the time without."""
    if not findings.was_done(*MADE_ROOM):
        return Against("no room was made")
    logs = findings.of("own_logs", target.unit.id)
    if not logs.answered or logs.flag("full"):
        return Against(logs.words("said") or "it is not known whether there is room again")
    return _still_unwell(findings, target, "there is room again")


MADE_ROOM = ("disk_full/", "deleted_open_file/", "log_flood/")
"""How the names of remedies begin that make room on a full disk."""


def _still_unwell(findings: Findings, target: Target, what: str) -> Fit | Against:
    unit, spec = target.unit, target.spec
    if spec is None or spec.health is None:
        return Against(f"{unit.name} has no health probe that could tell")
    findings.want(("unit_state", unit.id), ("health_now", unit.id))
    state, health = findings.of("unit_state", unit.id), findings.of("health_now", unit.id)
    why = _not_to_be_touched(findings, target)
    if why:
        return Against(why)
    if state.words("state") != UnitState.RUNNING:
        return Against(f"{unit.name} is {state.words('state')}")
    if not health.answered or health.flag("ok"):
        return Against(f"{unit.name} answers its probe")
    return Fit(target=target, why=f"{what}, and {unit.name} does not serve all the same ({health.words('said')})")


def reopens_by_signal(findings: Findings, target: Target) -> Fit | Against:
    """The holder of the deleted log opens its logs anew on a signal that is known, and caught."""
    held = _deleted_log(findings, target)
    if isinstance(held, Against):
        return held
    if not held.words("signal"):
        return Against(f"it is not known that {target.unit.name} opens its logs anew on a signal")
    names = ("signal", "signal_pid", "started", "path")
    return Fit(target=target, why=held.words("said"), args={name: held.evidence.facts[name] for name in names})


def starts_anew_for_a_deleted_log(findings: Findings, target: Target) -> Fit | Against:
    """The holder of the deleted log can only let go of it by being replaced."""
    held = _deleted_log(findings, target)
    if isinstance(held, Against):
        return held
    if held.words("signal") and not findings.tried("deleted_open_file/reopen_log", target.unit.id):
        return Against(f"{target.unit.name} can be told to open its logs anew")
    return Fit(target=target, why=held.words("said"))


def _deleted_log(findings: Findings, target: Target) -> Facts | Against:
    held = findings.of("deleted_open", findings.case.incident.unit)
    if not held.answered or not held.flag("fills"):
        return Against(held.words("said") or "no deleted file fills the disk")
    if held.words("holder") != str(target.unit.id):
        return Against(f"it is not {target.unit.name} that keeps the deleted file open")
    runs_out = findings.case.incident.fault is Fault.SATURATION
    if not (held.flag("full") or runs_out):
        return Against(f"{held.words('said')}: there is room yet")
    if not held.flag("was_log"):
        return Against(f"{held.words('said')}: whether that may go is for a person to say")
    why = _not_to_be_touched(findings, target)
    state = findings.of("unit_state", target.unit.id)
    if not why and state.words("state") != UnitState.RUNNING:
        why = f"{target.unit.name} is {state.words('state')}"
    return Against(why) if why else held


def rights_were_taken(findings: Findings, target: Target) -> Fit | Against:
    """What the service needs cannot be had any more since its owner or mode was changed, before the trouble began."""
    change = _rights(findings, target)
    if isinstance(change, Against):
        return change
    if not change.flag("denied"):
        return Against(f"{change.words('said')}: nothing is kept from {target.unit.name} by that")
    why = "" if change.flag("used") else _nobody_refused_it(findings, target)
    if why:
        return Against(f"{change.words('said')}, which it is not known to use; and {why}")
    return Fit(target=target, why=change.words("said"), args={"files": change.words("files")})


def _nobody_refused_it(findings: Findings, target: Target) -> str:
    """Return why its trouble is not that of who is refused a file: that one is told so at once, and goes on or ends."""
    unit, spec = target.unit, target.spec
    state = findings.of("unit_state", unit.id)
    if state.words("state") != UnitState.RUNNING:
        killed = state.has("last_exit") and int(state.number("last_exit")) in {-9, -15, 137, 143}
        return f"{unit.name} was killed from outside" if killed else ""
    if spec is None or spec.health is None:
        return ""
    health = findings.of("health_now", unit.id)
    silent = health.answered and not health.flag("ok") and health.words("reason") == "timeout"
    return f"{unit.name} does not answer at all ({health.words('said')})" if silent else ""


def rights_were_opened(findings: Findings, target: Target) -> Fit | Against:
    """A file of the service is open to more than when it was last well, and since then it dies at its start."""
    change = _rights(findings, target)
    if isinstance(change, Against):
        return change
    if not change.flag("opened"):
        return Against(change.words("said"))
    state = down.dies_at_start(findings, target)
    if isinstance(state, Against):
        return state
    began, changed_at = findings.case.incident.began_at.timestamp(), change.number("changed_at")
    if began - changed_at > _CHANGE_TO_TROUBLE_S:
        return Against(f"{change.words('said')}, long before the trouble began")
    for probe in ("config_changed", "release_changed"):
        other = findings.of(probe, target.unit.id)
        if not other.answered or other.flag("changed"):
            return Against(f"{change.words('said')}; but {other.words('said')}")
    return Fit(target=target, why=change.words("said"), args={"files": change.words("files")})


def _rights(findings: Findings, target: Target) -> Facts | Against:
    unit = target.unit
    change = findings.of("modes_changed", unit.id)
    if not change.answered or not change.flag("changed"):
        return Against(change.words("said") or f"owners and modes of {unit.name} are as they were")
    if not change.flag("restorable"):
        return Against(change.words("said"))
    if change.number("first_at") > findings.case.incident.began_at.timestamp() + _SLACK_S:
        return Against(f"{change.words('said')}, after the trouble began: somebody is at work on it")
    why = _not_to_be_touched(findings, target)
    return Against(why) if why else change


def unwell_though_it_may(findings: Findings, target: Target) -> Fit | Against:
    """Its rights are as they were, and the service, which lives, has not recovered from the time without."""
    if not findings.was_done("permissions/restore_mode", unit=target.unit.id):
        return Against("no rights were given back")
    change = findings.of("modes_changed", target.unit.id)
    if not change.answered or change.flag("denied"):
        return Against(change.words("said"))
    return _still_unwell(findings, target, "owners and modes are as they were")


def dies_of_one_item(findings: Findings, target: Target) -> Fit | Against:
    """The service dies again and again, each time right after it opened the same item of its spool."""
    unit = target.unit
    state = findings.of("unit_state", unit.id)
    why = _not_to_be_touched(findings, target) or down.taken_port(findings, unit)
    if why:
        return Against(why)
    if state.has("last_exit") and int(state.number("last_exit")) in {-9, -15, 137, 143}:
        return Against(f"{unit.name} was killed from outside ({down.how_it_ended(state)})")
    findings.want(*((probe, unit.id) for probe, _ in _EXPLAINS))
    for probe, flag in _EXPLAINS:
        other = findings.of(probe, unit.id)
        if other.answered and other.flag(flag):
            return Against(f"{other.words('said')}: that explains it")
    item = findings.of("poison_item", unit.id)
    names = ("path", "sha256", "uid")
    if not item.answered or not item.flag("found") or not all(item.has(name) for name in names):
        return Against(item.words("said") or "no item is known of which it dies")
    return Fit(target=target, why=item.words("said"), args={name: item.evidence.facts[name] for name in names})


_EXPLAINS = (
    ("disk", "full"),
    ("modes_changed", "denied"),
    ("config_changed", "changed"),
    ("release_changed", "changed"),
    ("stale_lock", "found"),
)
"""What explains deaths without any item, by probe and flag."""
