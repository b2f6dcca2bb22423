"""Causes that the state of processes and of what they depend on shows: who ended, who is stopped, who holds what."""

from __future__ import annotations

from collections.abc import Iterator

from opsagent.causes.suspect import PROOF, SOME, STRONG, TEXT, WEAK, Reason, Suspect, weigh
from opsagent.model import Cause, Fault, Hypothesis
from opsagent.runbooks.findings import Facts, Findings
from opsagent_tools.units import UnitState

_OF_DAEMONS = frozenset({Fault.ENGINE_DOWN})
KILLED_FROM_OUTSIDE = frozenset({-9, -15, 137, 143})
"""SIGKILL and SIGTERM, as the kernel and as a shell tells them."""
_CRASHED_SIGNALS = frozenset({-4, -6, -7, -8, -11, 132, 134, 135, 136, 139})
"""A program's own doing: illegal instruction, abort, bus error, arithmetic, segmentation fault."""


def _known(findings: Findings, probe: str) -> Facts | None:
    facts = findings.known(probe, findings.case.incident.unit)
    return facts if facts is not None and facts.answered else None


def dependency_down(findings: Findings) -> Hypothesis | None:
    """Something upstream ended, hangs or fails its own probe."""
    facts = _known(findings, "dependencies")
    if facts is None or not facts.words("root") or facts.words("root_state") == UnitState.STOPPED:
        return None
    target = findings.upstream(facts.words("root"))
    unit = target.unit.id if target is not None else findings.case.incident.unit
    gone = facts.words("root_state") == UnitState.EXITED
    pro: list[Reason] = [(f"its supervisor and its probe: {facts.words('said')}", PROOF if gone else STRONG)]
    if findings.case.incident.affected:
        pro.append((f"{len(findings.case.incident.affected)} others suffer with it", WEAK))
    return weigh(Cause.DEPENDENCY_DOWN, unit, facts.words("said"), speaks_for=pro)


def stopped_on_purpose(findings: Findings) -> Hypothesis | None:
    """A person stopped what it depends on."""
    facts = _known(findings, "dependencies")
    if facts is None or facts.words("root_state") != UnitState.STOPPED:
        return None
    target = findings.upstream(facts.words("root"))
    unit = target.unit.id if target is not None else findings.case.incident.unit
    return weigh(Cause.PLANNED, unit, facts.words("said"), speaks_for=[("its supervisor", PROOF)])


def port_taken(findings: Findings) -> Hypothesis | None:
    """Somebody else listens on its port."""
    return _holder(findings, "stranger", Cause.PORT_TAKEN)


def orphan(findings: Findings) -> Hypothesis | None:
    """A process of its own earlier life listens on its port."""
    return _holder(findings, "orphan", Cause.ORPHAN)


def _holder(findings: Findings, relation: str, kind: Cause) -> Hypothesis | None:
    facts = _known(findings, "port_holder")
    if facts is None or facts.words("relation") != relation:
        return None
    unit = findings.case.incident.unit
    return weigh(kind, unit, facts.words("said"), speaks_for=[("the kernel's list of sockets", PROOF)])


def stopped_by_signal(findings: Findings) -> Hypothesis | None:
    """The kernel has processes of it in state T."""
    facts = _known(findings, "process_state")
    if facts is None or not facts.number("stopped"):
        return None
    unit = findings.case.incident.unit
    pids = facts.words("stopped_pids")
    against = [("a debugger is attached: somebody looks at it", STRONG)] if facts.flag("debugged") else []
    return weigh(
        Cause.STOPPED_BY_SIGNAL,
        unit,
        f"{unit.name} is stopped by a signal",
        speaks_for=[(f"the kernel: state T{f' ({pids})' if pids else ''}", PROOF)],
        speaks_against=against,
    )


def debugged(findings: Findings) -> Hypothesis | None:
    """Somebody looks at it with a debugger."""
    facts = _known(findings, "process_state")
    if facts is None or not facts.flag("debugged"):
        return None
    unit = findings.case.incident.unit
    return weigh(
        Cause.PLANNED, unit, f"a debugger is attached to {unit.name}", speaks_for=[("the kernel: a tracer", PROOF)]
    )


def killed(findings: Findings) -> Hypothesis | None:
    """A signal from outside ended it; nothing is known to be wrong with it."""
    facts = _known(findings, "unit_state")
    if facts is None or not facts.has("last_exit") or int(facts.number("last_exit")) not in KILLED_FROM_OUTSIDE:
        return None
    unit = findings.case.incident.unit
    code = int(facts.number("last_exit"))
    signal = -code if code < 0 else code - 128
    return weigh(
        Cause.KILLED,
        unit,
        f"{unit.name} was killed by signal {signal} from outside",
        speaks_for=[(f"its supervisor: {facts.words('said')}", STRONG), *_nothing_else(findings)],
        speaks_against=list(_other_reasons(findings)),
    )


def _nothing_else(findings: Findings) -> Iterator[Reason]:
    """Yield that what would keep it from running was looked at, and is well; one death alone says that much."""
    unit = findings.case.incident.unit
    disk, holder, config = (_known(findings, probe) for probe in ("disk", "port_holder", "config_changed"))
    if disk is None or disk.flag("full") or len(findings.lives(unit)) > _SEVERAL:
        return
    taken = holder is not None and holder.words("relation") not in {"free", "own", "engine"}
    if not taken and (config is None or not config.flag("changed")):
        yield "its port, its disks and its configuration are as they should be", SOME


_SEVERAL = 2


def crashed(findings: Findings) -> Hypothesis | None:
    """It ended by itself, and why is not known: what remains where nothing else explains it."""
    facts = _known(findings, "unit_state")
    if facts is None or (facts.words("state") != UnitState.EXITED and not findings.lives(findings.case.incident.unit)):
        return None
    code = int(facts.number("last_exit")) if facts.has("last_exit") else 0
    if code in KILLED_FROM_OUTSIDE:
        return None
    unit = findings.case.incident.unit
    how = f"exited with code {code}" if facts.has("last_exit") and code >= 0 else "ended"
    if code < 0:
        how = f"was killed by signal {-code}"
    strength = SOME if code in _CRASHED_SIGNALS else WEAK
    return weigh(
        Cause.CRASHED,
        unit,
        f"{unit.name} {how}; why is not known",
        speaks_for=[("its supervisor", strength)],
        speaks_against=list(_other_reasons(findings)),
    )


def _other_reasons(findings: Findings) -> Iterator[Reason]:
    """Yield what explains better that it ended or does not run."""
    for probe, flags in (("port_holder", ()), ("disk", ("full",))):
        facts = _known(findings, probe)
        if facts is None:
            continue
        taken = probe == "port_holder" and facts.words("relation") in {"stranger", "orphan"}
        if taken or any(facts.flag(flag) for flag in flags):
            yield facts.words("said"), STRONG


def said_last(findings: Findings) -> Hypothesis | None:
    """Return what its log said last: for a person's eyes."""
    facts = findings.known("last_log", findings.case.incident.unit)
    if facts is None or not facts.answered or not facts.words("last_error"):
        return None
    unit = findings.case.incident.unit
    return weigh(
        Cause.UNKNOWN,
        unit,
        f"{unit.name} said last: {facts.words('last_error')}",
        speaks_for=[("its log", TEXT)],
        speaks_against=[("it is only text; anybody may have written it", TEXT)],
    )


def supervisor_gone(findings: Findings) -> Hypothesis | None:
    """The supervisor's own daemon does not answer."""
    facts = _known(findings, "supervisor_state")
    if facts is None or (facts.flag("reachable") and not facts.words("trouble")):
        return None
    unit = findings.case.incident.unit
    return weigh(Cause.SUPERVISOR_GONE, unit, facts.words("said"), speaks_for=[("asking its daemon", PROOF)])


def somebody_at_work(findings: Findings) -> Hypothesis | None:
    """People have it on hold, or deploy it."""
    facts = _known(findings, "who_is_at_work")
    if facts is None or not (facts.words("hold") or facts.words("deploy")):
        return None
    unit = findings.case.incident.unit
    return weigh(Cause.PLANNED, unit, facts.words("said"), speaks_for=[("what people told the agent", PROOF)])


def near_a_limit(findings: Findings) -> Hypothesis | None:
    """Its processes are at a limit of memory that the kernel holds them to."""
    facts = _known(findings, "limits")
    if facts is None or facts.number("share") < _NEARLY_ALL or facts.words("resource") not in _OF_MEMORY:
        return None
    unit = findings.case.incident.unit
    return weigh(Cause.MEMORY_LEAK, unit, facts.words("said"), speaks_for=[("the kernel's limits", SOME)])


_NEARLY_ALL = 0.95
_OF_MEMORY = frozenset({"address_space", "data", "cgroup_memory"})


def no_more_processes(findings: Findings) -> Hypothesis | None:
    """Its cgroup may have no more processes."""
    facts = _known(findings, "limits")
    if facts is None or facts.number("share") < _NEARLY_ALL or facts.words("resource") != "cgroup_processes":
        return None
    unit = findings.case.incident.unit
    return weigh(Cause.MACHINE_USED_UP, unit, facts.words("said"), speaks_for=[("the kernel's limits", STRONG)])


def clock_set(findings: Findings) -> Hypothesis | None:
    """The machine's clock was set: what times out, expires or is signed by time goes wrong."""
    facts = _known(findings, "clock")
    if facts is None or not facts.flag("jumped"):
        return None
    unit = findings.case.incident.unit
    return weigh(Cause.UNKNOWN, unit, facts.words("said"), speaks_for=[("the kernel's clocks", WEAK)])


SUSPECTS: tuple[Suspect, ...] = (
    Suspect(Cause.DEPENDENCY_DOWN, ("dependencies",), dependency_down),
    Suspect(Cause.PLANNED, ("dependencies",), stopped_on_purpose),
    Suspect(Cause.PORT_TAKEN, ("port_holder",), port_taken),
    Suspect(Cause.ORPHAN, ("port_holder",), orphan),
    Suspect(Cause.STOPPED_BY_SIGNAL, ("process_state",), stopped_by_signal),
    Suspect(Cause.PLANNED, ("process_state",), debugged),
    Suspect(Cause.KILLED, ("unit_state",), killed),
    Suspect(Cause.CRASHED, ("unit_state",), crashed),
    Suspect(Cause.UNKNOWN, ("last_log",), said_last),
    Suspect(Cause.UNKNOWN, ("clock",), clock_set),
    Suspect(Cause.PLANNED, ("who_is_at_work",), somebody_at_work),
    Suspect(Cause.MEMORY_LEAK, ("limits",), near_a_limit),
    Suspect(Cause.MACHINE_USED_UP, ("limits",), no_more_processes),
    Suspect(Cause.SUPERVISOR_GONE, ("supervisor_state",), supervisor_gone, _OF_DAEMONS),
)
