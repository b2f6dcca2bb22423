"""What units share without depending on each other: the machine. Its trouble explains theirs where both say so."""

from __future__ import annotations

import re
from dataclasses import dataclass

from opsagent.detectors.book import Book
from opsagent.detectors.suspicion import Suspicion
from opsagent.model import Fault, Incident, SignalKind
from opsagent.naming import is_host

_DISK_FULL = re.compile(r"ENOSPC|no space left on device|disk full|EDQUOT|quota exceeded", re.IGNORECASE)
_NO_MEMORY = re.compile(r"ENOMEM|cannot allocate memory|out of memory|MemoryError|heap limit", re.IGNORECASE)
_KILLED = -9
_NEVER = frozenset({Fault.ENGINE_DOWN, Fault.BAD_RELEASE, Fault.MEMORY_GROWTH})


@dataclass(frozen=True, slots=True)
class SharedCause:
    """An open incident of the machine that explains a suspicion."""

    incident: Incident
    why: str


def shared_cause(suspicion: Suspicion, book: Book) -> SharedCause | None:
    """Return the machine's incident behind a suspicion: the kernel says what is used up, and the unit that it misses it.

    That the unit's own words count here is safe: they only keep a second incident from being opened.
    """
    if suspicion.fault in _NEVER or is_host(suspicion.unit):
        return None
    for incident in book:
        if is_host(incident.unit):
            missed = _missed(suspicion, incident)
            if missed:
                return SharedCause(incident, f"{suspicion.unit.name} {missed}")
    return None


def _missed(suspicion: Suspicion, incident: Incident) -> str:
    scarce = {str(symptom.data.get("resource", "")) for symptom in incident.symptoms}
    said = " ".join(f"{symptom.text} {symptom.data.get('signature', '')}" for symptom in suspicion.symptoms)
    of_memory = "memory" in scarce
    if scarce & {"disk", "inodes"} and _DISK_FULL.search(said):
        return "says that the disk is full, and it is"
    if of_memory and _NO_MEMORY.search(said):
        return "says that there is no memory, and there is not"
    killed = any(s.kind is SignalKind.DEATH and s.data.get("exit_code") == _KILLED for s in suspicion.symptoms)
    return "was killed while the machine has no memory left" if of_memory and killed else ""
