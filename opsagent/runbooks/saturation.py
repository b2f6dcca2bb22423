"""Something is nearly used up: a file system, its inodes, memory of the machine, a process's descriptors.

What fills a disk is never deleted by an agent: who writes most there is named, and a person decides what may go. A
process that runs out of descriptors gets new ones by being replaced; why it keeps them is for a person to find.
"""

from __future__ import annotations

from opsagent import planning
from opsagent.model import Fault, LeaveAlone
from opsagent.naming import is_host
from opsagent.runbooks.case import Target
from opsagent.runbooks.down import not_ours
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.remedy import Against, Fit, Remedy, Runbook, at_root
from opsagent_tools.units import UnitState

_OWN = "fds"
_ROOM_AGAIN = 0.7
"""Below this share there is room again."""
_WORTH_A_RELOAD = 0.8
_NEARLY_THERE = 0.95
"""Restarting interrupts the service: only right before nothing is left."""
_LOOK_AGAIN_S, _LOOK_AGAIN_LEAST_S, _LOOK_AGAIN_MOST_S = 5.0, 1.0, 60.0
_LOOKS = 20
"""So often it is looked at in the time that is left, as far as that is known: never less often than once a minute."""


def recovered(findings: Findings) -> str | None:
    """Return that there is room again."""
    room = findings.of("room_left", findings.case.incident.unit)
    if room.words("resource") == _OWN and not _of_descriptors(findings):
        return None  # that it has descriptors says nothing of the disk that it fills
    if room.answered and room.has("share") and room.number("share") < _ROOM_AGAIN:
        return f"there is room again: {room.words('said')}"
    return None


def _of_descriptors(findings: Findings) -> bool:
    """Tell whether it may be descriptors that it was opened for."""
    told = {symptom.data["resource"] for symptom in findings.case.incident.symptoms if "resource" in symptom.data}
    return not told or _OWN in told


def a_disk_is_filled(findings: Findings) -> str | None:
    """Return how full it is, and who writes most there: what may go is for a person to say."""
    room = findings.of("room_left", findings.case.incident.unit)
    if room.answered and room.words("resource") in {"disk", "inodes"}:
        return f"{room.words('said')}; what of it may go is for a person to say"
    return None


def the_machine_is_used_up(findings: Findings) -> str | None:
    """Return what of the machine is nearly used up."""
    unit = findings.case.incident.unit
    room = findings.of("room_left", unit)
    if not is_host(unit):
        return None
    return room.words("said") if room.answered else "the machine does not tell how much is left"


def reloadable(findings: Findings, target: Target) -> Fit | Against:
    """Most of its descriptors are used, and its instances can stand side by side."""
    room = _descriptors(findings, target)
    if isinstance(room, Against):
        return room
    if not planning.can_surge(target.unit):
        return Against(f"the instances of {target.unit.name} cannot stand side by side")
    if room.number("share") < _WORTH_A_RELOAD:
        return Against(f"{target.unit.name}: {room.words('said')}")
    return Fit(target=target, why=room.words("said"), args={"worst_pid": int(room.number("worst_pid"))})


def restartable(findings: Findings, target: Target) -> Fit | Against:
    """Nearly all of its descriptors are used, and it has but one instance: a restart comes as late as it may."""
    room = _descriptors(findings, target)
    if isinstance(room, Against):
        return room
    if planning.can_surge(target.unit):
        return Against(f"the instances of {target.unit.name} can be replaced one at a time")
    if room.number("share") < _NEARLY_THERE:
        return Against(f"{room.words('said')}: a restart would interrupt it earlier than need be")
    return Fit(target=target, why=room.words("said"))


def _descriptors(findings: Findings, target: Target) -> Facts | Against:
    unit = target.unit
    findings.want(("unit_state", unit.id), ("room_left", unit.id))
    state, room = findings.of("unit_state", unit.id), findings.of("room_left", unit.id)
    why = not_ours(state, unit)
    if why:
        return Against(why)
    if state.words("state") != UnitState.RUNNING:
        return Against(f"{unit.name} is {state.words('state')}")
    if not room.answered or room.words("resource") != _OWN or not _of_descriptors(findings):
        return Against(f"it is not the descriptors of {unit.name} that run out")
    return room


def _there_is_time(findings: Findings) -> LeaveAlone | None:
    """Where only a restart is possible it comes as late as it may."""
    root = findings.root
    if root is None or planning.can_surge(root.unit) or findings.tried("saturation/restart", root.unit.id):
        return None
    room = _descriptors(findings, root)
    if isinstance(room, Against) or room.number("share") >= _NEARLY_THERE:
        return None
    why = f"{room.words('said')}: a restart would interrupt {root.unit.name}, and there is time yet"
    return LeaveAlone(why=why, look_again_s=_look_again_s(findings))


def _look_again_s(findings: Findings) -> float:
    """Return after how many seconds to look again: the nearer the end is, the sooner."""
    for symptom in reversed(findings.case.incident.symptoms):
        soonest = symptom.data.get("soonest_s")
        if isinstance(soonest, int | float):
            left = soonest - (findings.case.now - symptom.at).total_seconds()
            overdue = left <= -_LOOK_AGAIN_S  # it was not as quick as foreseen
            least_s = _LOOK_AGAIN_S if overdue else _LOOK_AGAIN_LEAST_S
            return min(_LOOK_AGAIN_MOST_S, max(least_s, left / _LOOKS))
    return _LOOK_AGAIN_S


RUNBOOK = Runbook(
    fault=Fault.SATURATION,
    looks_for="how much is left now, and who uses it",
    recovered=recovered,
    first=("room_left",),
    person=(the_machine_is_used_up, a_disk_is_filled),
    remedies=(
        Remedy(
            name="saturation/rolling_reload",
            does="replace its instances one at a time; the new ones begin with all their descriptors",
            aim=at_root,
            condition=reloadable,
            steps=lambda fit: planning.rolling_reload_steps(
                fit.target.unit, fit.target.spec, first=int(fit.args["worst_pid"])
            ),
        ),
        Remedy(
            name="saturation/restart",
            does="restart it, right before its last descriptor is used",
            aim=at_root,
            condition=restartable,
            steps=lambda fit: planning.restart_steps(fit.target.unit, fit.target.spec),
        ),
    ),
    patience=_there_is_time,
    never="delete data, or raise the limit and leave it at that",
)
