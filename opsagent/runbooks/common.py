"""Questions that most runbooks ask in the same way."""

from __future__ import annotations

from opsagent.model import LeaveAlone
from opsagent.runbooks import stuck, upstream
from opsagent.runbooks.case import Target
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import not_ours_now
from opsagent_tools.units import UnitState

_ALIVE_S = 2.0
"""A unit without a probe that has lived this long is taken to be well."""


def healthy_now(findings: Findings, target: Target) -> str | None:
    """Return that the unit runs, is its own master and answers its probe now; None where that is not so.

    An answer on the unit's port proves nothing where somebody else holds it; nor does its own probe prove that all is
    well where others, who are in trouble because of it, still fail theirs.
    """
    unit, spec = target.unit, target.spec
    if others_suffer(findings, target):
        return None
    state = findings.of("unit_state", unit.id)
    if not state.answered or state.words("state") != UnitState.RUNNING or state.flag("short"):
        return None
    if spec is None or spec.health is None:
        return f"{unit.name} runs again" if state.number("age_s") >= _ALIVE_S else None
    health = findings.of("health_now", unit.id)
    if not (health.answered and health.flag("ok")):
        return None
    if unit.ports and findings.of("port_holder", unit.id).words("relation") not in {"own", "engine"}:
        return None
    return f"{unit.name} runs and answers its probe"


def others_suffer(findings: Findings, target: Target) -> str:
    """Return which of those that the incident affects fail their own probes now, or nothing. Raises NotAsked."""
    incident = findings.case.incident
    if target.unit.id != incident.unit:
        return ""
    asked = [
        other
        for unit in sorted(incident.affected)
        if (other := findings.named(str(unit))) is not None and other.spec is not None and other.spec.health is not None
    ]
    findings.want(*(("health_now", other.unit.id) for other in asked))
    answers = ((other.unit.name, findings.of("health_now", other.unit.id)) for other in asked)
    return ", ".join(name for name, health in answers if health.answered and not health.flag("ok"))


def wanted_at_first(findings: Findings, *probes: str) -> None:
    """Ask about the root, side by side, for those of `probes` that can tell something here."""
    root = findings.root
    if root is None:
        findings.want(*((probe, findings.case.incident.unit) for probe in probes))
        return
    unit, spec = root.unit, root.spec
    lives = not has_no_process(findings, root)
    tells = {
        "workers": len(unit.processes) > 1,
        "port_holder": bool(unit.ports),
        "dependencies": bool(findings.case.upstream),
        "dependency_probe": bool(findings.case.upstream),
        "callers": bool(findings.case.downstream or findings.case.upstream),
        "health_now": spec is not None and spec.health is not None,
        "executable": spec is not None and bool(spec.command),
        **dict.fromkeys(_OF_PROCESSES, lives),
    }
    findings.want(*((probe, unit.id) for probe in probes if tells.get(probe, True)))


_OF_PROCESSES = ("process_state", "connections", "memory", "room_left", "limits")
"""Probes that look at the processes of a unit: of one that ended they tell nothing."""


def has_no_process(findings: Findings, target: Target) -> bool:
    """Tell whether it is known that no process of the unit is left."""
    state = findings.known("unit_state", target.unit.id)
    if state is None or not state.answered:
        return False
    return state.words("state") in {UnitState.EXITED, UnitState.STOPPED} and not state.number("processes")


def port_is_taken(findings: Findings) -> str | None:
    """Return who holds the root's port, where that is nobody whom we may end."""
    root = findings.root
    if root is None or not root.unit.ports:
        return None
    holder = findings.of("port_holder", root.unit.id)
    if holder.words("relation") != "stranger":
        return None
    return f"{holder.words('said')}; whether that may be ended is for a person to say"


def machine_is_in_the_way(findings: Findings) -> str | None:
    """Return what on the machine keeps the root from running."""
    root = findings.root
    if root is None:
        return None
    if root.spec is not None and root.spec.command:
        executable = findings.of("executable", root.unit.id)
        if executable.answered and not executable.flag("ok"):
            return executable.words("said")
    return disk_is_full(findings)


def disk_is_full(findings: Findings) -> str | None:
    """Return which file system of the root's is full."""
    root = findings.root
    if root is None:
        return None
    disk = findings.of("disk", root.unit.id)
    return disk.words("said") if disk.answered and disk.flag("full") else None


def it_is_starting(findings: Findings) -> LeaveAlone | None:
    """Return that the root, or what it depends on, is only just starting: supervisors go first."""
    root, incident = findings.root, findings.case.incident
    if root is None or (findings.case.now - incident.began_at).total_seconds() > _PATIENCE_S:
        return None
    above = upstream.troubled(findings)
    if above is not None and above.words("root_state") in _COMING:
        return LeaveAlone(why=f"{above.words('said')}: its supervisor is at it", look_again_s=_LOOK_AGAIN_S)
    state = findings.of("unit_state", root.unit.id)
    health = root.spec.health if root.spec is not None else None
    if health is None or state.words("state") != UnitState.RUNNING:
        return None
    # Nothing can be done for it now anyway: a person is called when it is slow beyond reason.
    slow_s = max(health.grace_s, stuck.SLOW_START_S) if stuck.never_well(findings, root) else health.grace_s
    left_s = slow_s - state.number("age_s")
    if left_s <= 0:
        return _door_is_shut(findings)
    look_again_s = min(left_s + _MOMENT_S, _LOOK_AGAIN_S)
    return LeaveAlone(why=f"{root.unit.name} has only just started", look_again_s=look_again_s)


def _door_is_shut(findings: Findings) -> LeaveAlone | None:
    """Return that the root, or what is in trouble above it, listens no more for a short while, and lives on."""
    above = upstream.troubled(findings)
    culprit = findings.upstream(above.words("root")) if above is not None else findings.root
    if culprit is None or findings.case.tried or culprit.spec is None or culprit.spec.health is None:
        return None
    if findings.of("unit_state", culprit.unit.id).words("state") != UnitState.RUNNING:
        return None
    left_s = stuck.shut_s(findings, culprit)
    if left_s <= 0:
        return None
    why = f"{culprit.unit.name} lives and listens no more: it may have shut its door on purpose"
    return LeaveAlone(why=why, look_again_s=min(left_s + _MOMENT_S, _LOOK_AGAIN_S))


_COMING = frozenset({UnitState.STARTING, UnitState.STOPPING})
_PATIENCE_S = 120.0
"""What is still starting this long after the trouble began does not come up."""
_LOOK_AGAIN_S, _MOMENT_S = 3.0, 0.5


def is_somebody_elses(findings: Findings) -> str | None:
    """Return that the root is another user's, or that somebody looks at it: what is known is told, nothing is touched."""
    root = findings.root
    return (not_ours_now(findings, root) or None) if root is not None else None


def somebody_is_at_work(findings: Findings) -> LeaveAlone | None:
    """Return that a person works on the root at this moment: whoever is at it goes first, and is waited for."""
    root, case = findings.root, findings.case
    if root is None or case.tried:  # what changed since is the agent's own doing, or was waited for
        return None
    work = findings.known("who_is_at_work", root.unit.id)
    if work is None or not work.answered:
        return None
    if work.words("hold"):  # its end is news, and is looked at then
        return LeaveAlone(why=work.words("said"))
    if work.words("deploy"):
        return LeaveAlone(why=work.words("said"), look_again_s=_DEPLOY_LOOK_S)
    edited_at, began = work.number("edited_at"), case.incident.began_at.timestamp()
    if not edited_at or (case.now - case.incident.began_at).total_seconds() > _PATIENCE_S:
        return None
    quiet_s = case.now.timestamp() - edited_at
    waits_s = _QUIET_S if edited_at > began + _AFTER_S else _AT_FIRST_QUIET_S
    if quiet_s >= waits_s:
        return None
    return LeaveAlone(why=work.words("said"), look_again_s=min(_LOOK_AGAIN_S, waits_s - quiet_s + _MOMENT_S))


_DEPLOY_LOOK_S = 10.0
_AFTER_S, _QUIET_S, _AT_FIRST_QUIET_S = 1.0, 6.0, 1.5
"""Files that are edited after the trouble began are somebody's at work until nobody has edited them for a while. An edit that
may have caused it is given a moment, too: whoever saw it go wrong is about to make the next one."""
