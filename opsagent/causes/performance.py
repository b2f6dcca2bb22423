"""Causes that show in what a service uses and waits for: spinning, leaks, a machine that is used up."""

from __future__ import annotations

from opsagent.causes.suspect import PROOF, SOME, STRONG, Suspect, weigh
from opsagent.model import Cause, Hypothesis
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
    if facts is None or not facts.answered or not facts.flag("waiting"):
        return None
    whom = findings.upstream(facts.words("on"))
    return weigh(
        Cause.DEPENDENCY_SLOW,
        whom.unit.id if whom is not None else unit,
        facts.words("said"),
        speaks_for=[("the kernel's connections", STRONG)],
    )


SUSPECTS: tuple[Suspect, ...] = (
    Suspect(Cause.SPINNING, ("process_state",), spinning),
    Suspect(Cause.MACHINE_USED_UP, ("process_state",), machine_used_up),
    Suspect(Cause.DESCRIPTOR_LEAK, ("process_state", "room_left"), descriptor_leak),
    Suspect(Cause.MEMORY_LEAK, ("memory",), memory_leak),
    Suspect(Cause.DEPENDENCY_SLOW, ("connections",), waits),
)
