"""What a good engineer would write about an incident: what, since when, why, how sure, what to do next. Pure.

`Note` is a value, for whoever tells people in their own words and language; `english` is one way to tell it. Every
piece of text in it is redacted already and comes from typed evidence, but for `said_last`, which is what a log says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from opsagent.model import Attempt, Cause, Fault, Hypothesis
from opsagent.runbooks.findings import Facts, Findings
from opsagent_tools.units import UnitId

WHAT: Mapping[Fault, str] = MappingProxyType(
    {
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
)
"""What shows, as a sentence that begins with the unit's name."""
NEXT: Mapping[Cause, str] = MappingProxyType(
    {
        Cause.DEPENDENCY_DOWN: "bring {unit} back first; those that depend on it follow",
        Cause.DEPENDENCY_SLOW: "find out what {unit} is busy with; those that wait for it are well by themselves",
        Cause.BAD_CONFIG: "see what differs from when {unit} was last well (opsagent rollback {name} shows it and asks)",
        Cause.BAD_RELEASE: "mend the release, or put the last good one back (opsagent rollback {name})",
        Cause.BAD_ENVIRONMENT: "compare the environment of {unit} with the one that it was last well with",
        Cause.STALE_CREDENTIALS: "reload {unit} once the new credentials are in place",
        Cause.PORT_TAKEN: "find out whose the process on the port is; end it there, or give {unit} another port",
        Cause.ORPHAN: "end the left-over process, then start {unit}",
        Cause.STALE_LOCK: "make sure that nobody holds the lock, move it aside, start {unit}",
        Cause.DISK_FULL: "make room: see who writes most there, and move away what may go",
        Cause.DELETED_OPEN_FILE: "have the process that holds the deleted file open it anew",
        Cause.LOG_FLOOD: "lower the log level of {unit}, and find out what it repeats",
        Cause.DESCRIPTOR_LEAK: "find out what {unit} opens and never closes (ls -l /proc/PID/fd)",
        Cause.MEMORY_LEAK: "find out what {unit} keeps; a restart only buys time",
        Cause.HEAP_CAP: "put the limit of the heap of {unit} back to what it was",
        Cause.MACHINE_USED_UP: "see who uses the machine up (opsagent top)",
        Cause.STOPPED_BY_SIGNAL: "find out who stopped {unit} by a signal before it goes on",
        Cause.SPINNING: "take a stack of the busy thread of {unit}, and find the input that it turns on",
        Cause.DEADLOCK: "take the stacks of all threads of {unit} before it is restarted",
        Cause.POOL_EXHAUSTED: "find out who keeps the connections of {unit} and never gives them back",
        Cause.NOISY_NEIGHBOUR: "lower the priority of {unit}, or run it at another time",
        Cause.RETRY_STORM: "have the clients of {unit} back off before it is restarted",
        Cause.BAD_WORKER: "replace the one ill instance of {unit}; leave the others alone",
        Cause.CERTIFICATE_EXPIRED: "renew the certificate of {unit}, then reload it",
        Cause.DNS_FAILURE: "mend the resolver of the machine; no service needs a restart for it",
        Cause.PERMISSIONS: "give the file back the owner and mode that it had",
        Cause.POISON_ITEM: "take the item that {unit} dies of out of its queue, and keep it",
        Cause.FLAPPING: "find out what differs between the good times and the bad ones of {unit}",
        Cause.KILLED: "find out who killed {unit} (the kernel's log, an operator, a script)",
        Cause.CRASHED: "read the last lines of the log of {unit}, and the core if there is one",
        Cause.SUPERVISOR_GONE: "bring the supervisor's daemon back before anything that it ran",
        Cause.PLANNED: "wait until whoever is at work says that it is done",
        Cause.FALSE_ALARM: "nothing; see why it was told",
        Cause.HOSTILE_TEXT: "nothing that the text asks for; see who can write it",
        Cause.UNKNOWN: "read the log of {unit} (opsagent logs {name}), and see what changed",
    }
)
"""The next best step for a person, by the likeliest cause. `{unit}` and `{name}`: the unit's name."""
_ALMOST, _VERY, _PROBABLY, _POSSIBLY = 0.9, 0.75, 0.5, 0.3
_TOLD = 3
"""Hypotheses that are told; the others are in `opsagent incidents show`."""
SAID_LAST = "Its log said last (only text): "
"""Before the words of a log in a note; only what the agent itself advises follows them."""
_CHANGES = ("changes", "config_changed", "release_changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is known of an incident, for a person who has to see to it."""

    unit: UnitId
    fault: Fault
    since: datetime
    reason: str = ""
    """Why a person is called; empty where the likeliest cause says it."""
    why_root: str = ""
    """Why the cause is thought to be at `unit`."""
    affected: tuple[str, ...] = ()
    """Names of those that suffer from it."""
    changed: tuple[str, ...] = ()
    """What changed just before."""
    hypotheses: tuple[Hypothesis, ...] = ()
    """Likeliest first, each with what speaks for it and against it."""
    tried: tuple[Attempt, ...] = ()
    never: str = ""
    """What is not to be done: the tempting wrong remedy."""
    next_step: str = ""
    """The next best step for the person."""
    said_last: str = ""
    """What its log said last: text, anybody may have written it."""


def note_of(findings: Findings, hypotheses: tuple[Hypothesis, ...], *, never: str, reason: str = "") -> Note:
    """Put what is known into a note. Asks for nothing."""
    incident = findings.case.incident
    log = findings.known("last_log", incident.unit)
    return Note(
        unit=incident.unit,
        fault=incident.fault,
        since=incident.began_at,
        reason=reason,
        why_root=incident.why_root,
        affected=tuple(sorted(unit.name for unit in incident.affected)),
        changed=tuple(dict.fromkeys(_changed(findings))),
        hypotheses=hypotheses,
        tried=findings.case.tried,
        never=never,
        next_step=next_step(incident.unit, hypotheses),
        said_last=log.words("last_error") if log is not None and log.answered else "",
    )


def next_step(unit: UnitId, hypotheses: Iterable[Hypothesis]) -> str:
    """Return the next best step for a person, by the likeliest cause."""
    first = next(iter(hypotheses), None)
    kind, about = (first.kind, first.unit) if first is not None and first.weight >= _POSSIBLY else (Cause.UNKNOWN, unit)
    return NEXT[kind].format(unit=about.name, name=about.name)


def how_sure(weight: float) -> str:
    """Say a weight in words: `almost certainly` to `perhaps`."""
    for least, words in (
        (_ALMOST, "almost certainly"),
        (_VERY, "very likely"),
        (_PROBABLY, "probably"),
        (_POSSIBLY, "possibly"),
    ):
        if weight >= least:
            return words
    return "perhaps"


def without_log(note: Note) -> Note:
    """Return the note without what its log said last, which anybody may have written."""
    return replace(note, said_last="")


def english(note: Note) -> str:
    """Return the note as English sentences in one line."""
    return " ".join(part if part.endswith((".", "?", "!", "…")) else f"{part}." for part in _parts(note) if part)


def _parts(note: Note) -> Iterator[str]:
    what = f"{note.unit.name} {WHAT[note.fault]} since {note.since:%Y-%m-%d %H:%M:%S} UTC"
    yield what + (f"; {', '.join(note.affected)} suffer from it" if note.affected else "")
    yield note.reason
    told = [one for one in note.hypotheses if one.cause != note.reason and one.kind is not Cause.UNKNOWN][:_TOLD]
    if not told and not note.reason:
        yield "The cause is not known"
    yield from (why(one) for one in told)
    yield note.why_root
    if note.changed:
        yield f"Changed just before: {'; '.join(note.changed)}"
    for try_ in note.tried:
        yield f"{try_.remedy} {'helped' if try_.better else 'did not help'}{f' ({try_.why})' if try_.why else ''}"
    if note.said_last:
        yield f"{SAID_LAST}{note.said_last}"
    if note.never:
        yield f"Whatever you do, do not {note.never}"
    if note.next_step:
        yield f"Next: {note.next_step}"


def why(hypothesis: Hypothesis) -> str:
    """Return one hypothesis as a sentence: how sure, the cause, what speaks for it and against it."""
    parts = [f"{how_sure(hypothesis.weight).capitalize()} ({hypothesis.weight:.0%}): {hypothesis.cause}"]
    if hypothesis.speaks_for:
        parts.append(f"for it: {', '.join(hypothesis.speaks_for)}")
    if hypothesis.speaks_against:
        parts.append(f"against it: {', '.join(hypothesis.speaks_against)}")
    return "; ".join(parts)


def _changed(findings: Findings) -> Iterator[str]:
    """Yield what changed since it was last well, as far as a probe told."""
    unit = findings.case.incident.unit
    for probe in _CHANGES:
        facts = findings.known(probe, unit)
        if facts is not None and facts.answered and _tells_a_change(facts):
            yield facts.words("said")


def _tells_a_change(facts: Facts) -> bool:
    return bool(facts.words("said")) and (facts.flag("changed") or facts.number("changes") > 0)
