"""Puts what is known about an incident into words for a person: possible causes, for and against, and a note."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from opsagent.model import Fault, Hypothesis
from opsagent.runbooks.down import how_it_ended
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.remedy import Runbook
from opsagent_tools.units import UnitId, UnitState

_WORDS = {
    Fault.CRASH: "ended by itself",
    Fault.CRASH_LOOP: "dies whenever it is started",
    Fault.HANG: "does not answer its health probe",
    Fault.ERROR_BURST: "logs many errors",
    Fault.MEMORY_GROWTH: "uses more and more memory",
    Fault.DEPENDENCY_DOWN: "is down, and others depend on it",
    Fault.ENGINE_DOWN: "does not answer",
    Fault.BAD_RELEASE: "was given a release that does not hold",
    Fault.SATURATION: "has something nearly used up",
    Fault.FLAPPING: "is well and not well in turn",
    Fault.DEGRADED: "answers slowly, or only part of the time",
}


def hypotheses(findings: Findings) -> tuple[Hypothesis, ...]:
    """Return the possible causes, likeliest first. Uses what is known and asks for nothing."""
    return tuple(sorted(_causes(findings), key=lambda hypothesis: -hypothesis.weight))


def note(findings: Findings, runbook: Runbook, reason: str) -> str:
    """Return the note that a person finds: what, since when, why, what was tried, what not to do."""
    incident = findings.case.incident
    likely = hypotheses(findings)
    cause = reason or (likely[0].cause if likely else "the cause is not known")
    parts = [
        f"{incident.unit.name} {_WORDS[incident.fault]} since {incident.began_at:%Y-%m-%d %H:%M:%S} UTC",
        cause,
        *((incident.why_root,) if incident.why_root else ()),
        *(f"{try_.remedy} did not help{f' ({try_.why})' if try_.why else ''}" for try_ in findings.case.tried),
        f"do not {runbook.never}",
    ]
    return "; ".join(parts) + "."


def _causes(findings: Findings) -> Iterator[Hypothesis]:
    unit = findings.case.incident.unit
    for probe, cause in _BY_PROBE.items():
        facts = findings.known(probe, unit)
        if facts is not None and facts.answered:
            yield from cause(unit, facts)


_Cause = Callable[[UnitId, Facts], Iterator[Hypothesis]]


def _shown_by(*flags: str, weight: float, source: str, against: str = "") -> _Cause:
    """Return a cause that a probe shows with one of these flags; its own sentence says which."""

    def cause(unit: UnitId, facts: Facts) -> Iterator[Hypothesis]:
        if any(facts.flag(flag) for flag in flags):
            yield Hypothesis(
                cause=facts.words("said"),
                unit=unit,
                weight=weight,
                speaks_for=(source,),
                speaks_against=(against,) if against else (),
            )

    return cause


def _room(unit: UnitId, facts: Facts) -> Iterator[Hypothesis]:
    if facts.number("share") >= _SCARCE:
        source = "the file system" if facts.words("resource") in {"disk", "inodes"} else "/proc"
        yield Hypothesis(cause=facts.words("said"), unit=unit, weight=0.8, speaks_for=(source,))


def _upstream(unit: UnitId, facts: Facts) -> Iterator[Hypothesis]:
    if facts.words("root"):
        yield Hypothesis(cause=facts.words("said"), unit=unit, weight=0.9, speaks_for=("its supervisor and its probe",))


def _port(unit: UnitId, facts: Facts) -> Iterator[Hypothesis]:
    if facts.words("relation") in {"stranger", "orphan"}:
        yield Hypothesis(cause=facts.words("said"), unit=unit, weight=0.9, speaks_for=("the kernel's list of sockets",))


def _process(unit: UnitId, facts: Facts) -> Iterator[Hypothesis]:
    telling = {
        "stopped": f"{unit.name} is stopped by a signal",
        "debugged": f"a debugger is attached to {unit.name}",
        "uninterruptible": f"{unit.name} waits for a disk or a network file system",
        "starved": f"{unit.name} gets no processor: the machine is overloaded",
        "busy": f"{unit.name} has too much to do",
        "spinning": f"{unit.name} spins in one computation",
    }
    for fact, cause in telling.items():
        if facts.flag(fact) or facts.number(fact):
            yield Hypothesis(cause=cause, unit=unit, weight=0.7, speaks_for=(facts.words("said"),))
    if facts.number("fds_share") >= _NEARLY_ALL:
        yield Hypothesis(
            cause=f"{unit.name} runs out of file descriptors", unit=unit, weight=0.7, speaks_for=("/proc",)
        )


def _ended(unit: UnitId, facts: Facts) -> Iterator[Hypothesis]:
    if facts.words("state") == UnitState.EXITED:
        yield Hypothesis(
            cause=f"{unit.name} {how_it_ended(facts)}; why is not known",
            unit=unit,
            weight=0.3,
            speaks_for=("its supervisor",),
        )


def _log(unit: UnitId, facts: Facts) -> Iterator[Hypothesis]:
    if facts.words("last_error"):
        yield Hypothesis(
            cause=f"{unit.name} said last: {facts.words('last_error')}",
            unit=unit,
            weight=0.2,
            speaks_for=("its log",),
            speaks_against=("it is only text; anybody may have written it",),
        )


_NEARLY_ALL = 0.95
_SCARCE = 0.8
_BY_PROBE: Mapping[str, _Cause] = MappingProxyType(
    {
        "dependencies": _upstream,
        "port_holder": _port,
        "room_left": _room,
        "disk": _shown_by("full", weight=0.85, source="the file system"),
        "config_changed": _shown_by(
            "changed", weight=0.6, source="the content kept when it was last well", against="it may be a wanted change"
        ),
        "release_changed": _shown_by(
            "changed", weight=0.65, source="the release kept when it was last well", against="somebody wanted it"
        ),
        "stale_lock": _shown_by("found", weight=0.8, source="the file and the kernel's list of processes"),
        "connections": _shown_by("waiting", weight=0.8, source="the kernel's connections"),
        "process_state": _process,
        "unit_state": _ended,
        "last_log": _log,
    }
)
