"""Causes that show in what a service uses and waits for: spinning, leaks, a machine that is used up."""

from __future__ import annotations

from opsagent.causes.suspect import PROOF, SOME, STRONG, Suspect, weigh
from opsagent.model import Cause, Fault, Hypothesis
from opsagent.runbooks.findings import Facts, Findings

_NEARLY_ALL = 0.95
_SCARCE = 0.8
_GROWN = 0.5


def _process(findings: Findings) -> Facts | None:
    facts = findings.known("process_state", findings.case.incident.unit)
    return facts if facts is not None and facts.answered else None


def spinning(findings: Findings) -> Hypothesis | None:
    """It uses up a core without a system call."""
    facts = _process(findings)
    if facts is None or not facts.flag("spinning"):
        return None
    unit = findings.case.incident.unit
    source = f"the kernel: {facts.words('said')}"
    return weigh(Cause.SPINNING, unit, f"{unit.name} spins in one computation", speaks_for=[(source, STRONG)])


def machine_used_up(findings: Findings) -> Hypothesis | None:
    """It wants to run and cannot: no processor, or a disk that does not answer."""
    facts, unit = _process(findings), findings.case.incident.unit
    if facts is None:
        return None
    said = f"the kernel: {facts.words('said')}"
    if facts.flag("starved"):
        cause = f"{unit.name} gets no processor: the machine is overloaded"
    elif facts.number("uninterruptible"):
        cause = f"{unit.name} waits for a disk or a network file system"
    else:
        return None
    return weigh(Cause.MACHINE_USED_UP, unit, cause, speaks_for=[(said, STRONG)])


def descriptor_leak(findings: Findings) -> Hypothesis | None:
    """It has nearly all descriptors open that it may have."""
    unit, facts = findings.case.incident.unit, _process(findings)
    if facts is not None and facts.number("fds_share") >= _NEARLY_ALL:
        used = f"{facts.number('fds'):.0f} of {facts.number('fds_limit'):.0f} descriptors are open"
        return weigh(
            Cause.DESCRIPTOR_LEAK, unit, f"{unit.name} runs out of descriptors", speaks_for=[(f"/proc: {used}", PROOF)]
        )
    room = findings.known("room_left", unit)
    if room is None or room.words("resource") != "fds" or room.number("share") < _SCARCE:
        return None
    return weigh(Cause.DESCRIPTOR_LEAK, unit, room.words("said"), speaks_for=[("/proc", STRONG)])


def memory_leak(findings: Findings) -> Hypothesis | None:
    """Its memory grows towards its limit."""
    unit = findings.case.incident.unit
    memory = findings.known("memory", unit)
    if memory is None or not memory.answered or memory.number("share") < _GROWN:
        return None
    strength = STRONG if memory.number("growth_bytes_s") > 0 else SOME
    return weigh(Cause.MEMORY_LEAK, unit, f"{unit.name} uses {memory.words('said')}", speaks_for=[("/proc", strength)])


def waits(findings: Findings) -> Hypothesis | None:
    """It waits for an answer of somebody else."""
    unit = findings.case.incident.unit
    facts = findings.known("connections", unit)
    if facts is None or not facts.answered or not facts.flag("waiting") or _flagging(findings, "wait_chain"):
        return None
    whom = findings.upstream(facts.words("on"))
    return weigh(
        Cause.DEPENDENCY_SLOW,
        whom.unit.id if whom is not None else unit,
        facts.words("said"),
        speaks_for=[("the kernel's connections", STRONG)],
    )


def _flagging(findings: Findings, probe: str) -> Facts | None:
    facts = findings.known(probe, findings.case.incident.unit)
    return facts if facts is not None and facts.answered else None


def bad_worker(findings: Findings) -> Hypothesis | None:
    """One of its instances answers badly, the others well."""
    unit, found = findings.case.incident.unit, _flagging(findings, "workers")
    if found is None or not found.number("bad"):
        return None
    who, cause = int(found.number("ill_pid") or found.number("odd_pid")), f"one instance of {unit.name} is ill"
    if found.number("ill_pid"):
        reasons = [(f"its own answers: {found.words('said')}", PROOF)]
    elif who and found.words("odd") == "spinning":
        reasons = [(f"the kernel: {found.words('said')}", STRONG)]
    elif found.number("nobody_bad") >= found.number("bad") and found.number("bad") < found.number("asked") / 2:
        reasons = [(f"some answers are bad: {found.words('said')}", SOME)]
    else:
        return None
    return weigh(Cause.BAD_WORKER, unit, f"{cause} ({who})" if who else cause, speaks_for=reasons)


def slow_dependency(findings: Findings) -> Hypothesis | None:
    """It waits, perhaps by way of others, for one that waits for nobody and does not answer."""
    unit, found = findings.case.incident.unit, _flagging(findings, "wait_chain")
    if found is None or not found.flag("waiting"):
        return None
    end = findings.named(found.words("end"))
    if end is None:
        return weigh(Cause.DEPENDENCY_SLOW, unit, found.words("said"), speaks_for=[("the kernel's connections", SOME)])
    strength = STRONG if found.flag("idle") or found.flag("spinning") else SOME
    return weigh(
        Cause.DEPENDENCY_SLOW, end.unit.id, found.words("said"), speaks_for=[("the kernel's connections", strength)]
    )


def slow_itself(findings: Findings) -> Hypothesis | None:
    """It answers slowly, others need it, and it waits for nobody."""
    unit, found, process = findings.case.incident.unit, _flagging(findings, "wait_chain"), _process(findings)
    needed = findings.case.incident.affected or findings.case.downstream
    if found is None or process is None or found.flag("waiting") or not needed:
        return None
    if process.number("cpu") > _IDLE_CPU or process.number("delayed") > _STARVES:
        return None
    reasons = [(f"the kernel: {found.words('said')}, and {process.words('said')}", SOME)]
    return weigh(Cause.DEPENDENCY_SLOW, unit, f"{unit.name} is slow by itself", speaks_for=reasons)


def hoarded_connections(findings: Findings) -> Hypothesis | None:
    """Somebody holds the connections of what it needs, and uses none of them."""
    found, own = _flagging(findings, "clients"), _flagging(findings, "held_open")
    if found is not None and found.number("holder_held") >= _HOARD and found.number("holder_grown") >= 2:
        holder = findings.named(found.words("holder"))
        if holder is not None and found.number("holder_held") >= 2 * found.number("others_hold"):
            cause = f"{holder.unit.name} holds connections of {found.words('server_name')} and uses none of them"
            reasons = [(f"the kernel's connections: {found.words('said')}", STRONG)]
            return weigh(Cause.POOL_EXHAUSTED, holder.unit.id, cause, speaks_for=reasons)
    if own is None or own.number("count") < _HOARD or not own.number("asked"):
        return None
    reasons = [(f"the kernel's connections: {own.words('said')}", SOME)]
    unit = findings.case.incident.unit
    return weigh(
        Cause.POOL_EXHAUSTED, unit, f"{unit.name} uses none of the connections that it holds", speaks_for=reasons
    )


def retry_storm(findings: Findings) -> Hypothesis | None:
    """One client asks again and again, and gives each question up."""
    found = _flagging(findings, "clients")
    if found is None or found.number("flooder_s") < _FLOOD_S:
        return None
    flooder = findings.named(found.words("flooder"))
    given_up = found.number("given_up") >= _GIVEN_UP or found.flag("queue_full")
    if flooder is None or not given_up or found.flag("jammed"):
        return None
    cause = f"{flooder.unit.name} asks {found.words('server_name')} again faster than that can answer"
    reasons = [(f"the kernel's connections: {found.words('said')}", STRONG)]
    return weigh(Cause.RETRY_STORM, flooder.unit.id, cause, speaks_for=reasons)


def noisy_neighbour(findings: Findings) -> Hypothesis | None:
    """Somebody else takes the processor that it waits for."""
    found, process = _flagging(findings, "cpu_hogs"), _process(findings)
    own_trouble = process is not None and (process.flag("spinning") or process.number("stopped"))
    if found is not None and found.flag("stranger_takes") and not own_trouble:
        unit = findings.case.incident.unit
        cause = f"{found.words('stranger')}, which no supervisor runs, takes the processor that {unit.name} waits for"
        return weigh(Cause.NOISY_NEIGHBOUR, unit, cause, speaks_for=[(f"the kernel: {found.words('said')}", STRONG)])
    if found is None or found.number("hog_cpu") < _TAKES * found.number("cores"):
        return None
    hog = findings.named(found.words("hog"))
    waits = max(found.number("waits"), process.number("delayed") if process is not None else 0.0)
    if hog is None or waits < _STARVES or found.number("hog_cpu") <= found.number("own_cpu"):
        return None
    cause = f"{hog.unit.name} takes the processor that {findings.case.incident.unit.name} waits for"
    return weigh(Cause.NOISY_NEIGHBOUR, hog.unit.id, cause, speaks_for=[(f"the kernel: {found.words('said')}", STRONG)])


_HOARD, _FLOOD_S, _GIVEN_UP, _TAKES, _STARVES, _IDLE_CPU = 3, 8.0, 5, 0.3, 0.1, 0.3
_LIVES_BADLY = frozenset({Fault.HANG, Fault.DEGRADED, Fault.ERROR_BURST})

SUSPECTS: tuple[Suspect, ...] = (
    Suspect(Cause.BAD_WORKER, ("workers",), bad_worker, _LIVES_BADLY | {Fault.FLAPPING}),
    Suspect(Cause.DEPENDENCY_SLOW, ("wait_chain",), slow_dependency, _LIVES_BADLY),
    Suspect(Cause.DEPENDENCY_SLOW, ("wait_chain", "process_state"), slow_itself, frozenset({Fault.DEGRADED})),
    Suspect(
        Cause.POOL_EXHAUSTED, ("held_open", "clients"), hoarded_connections, _LIVES_BADLY | {Fault.DEPENDENCY_DOWN}
    ),
    Suspect(Cause.RETRY_STORM, ("clients",), retry_storm, _LIVES_BADLY | {Fault.DEPENDENCY_DOWN}),
    Suspect(Cause.NOISY_NEIGHBOUR, ("cpu_hogs", "process_state"), noisy_neighbour, _LIVES_BADLY),
    Suspect(Cause.SPINNING, ("process_state",), spinning),
    Suspect(Cause.MACHINE_USED_UP, ("process_state",), machine_used_up),
    Suspect(Cause.DESCRIPTOR_LEAK, ("process_state", "room_left"), descriptor_leak),
    Suspect(Cause.MEMORY_LEAK, ("memory",), memory_leak),
    Suspect(Cause.DEPENDENCY_SLOW, ("connections",), waits),
)
