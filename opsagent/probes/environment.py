"""Whether a unit is given another command or environment than it was last well with. Values are never shown."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from opsagent import environment_memory
from opsagent.environment_memory import Given, Remembered
from opsagent.kept_contents import content_path
from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room
from opsagent.releases.environment import environment_of_process, signer
from opsagent_tools.files import sha256_of
from opsagent_tools.processes.proc import started_at
from opsagent_tools.services.variables import OF_THE_SUPERVISOR
from opsagent_tools.supervisors.port import Redefines
from opsagent_tools.units import Unit, UnitId

_CAP = re.compile(
    r"(--max[-_]old[-_]space[-_]size|--max[-_]semi[-_]space[-_]size|--stack[-_]size|-Xm[xns]|-Xss|-XX:MaxRAMPercentage"
    r"|-XX:MaxMetaspaceSize|-XX:MaxDirectMemorySize|GOMEMLIMIT|ulimit\s+-[a-zA-Z]|--memory-limit|memory_limit)[=\s:]*([\w.%-]+)"
)
_SHOWN = 6
Sign = Callable[[bytes], str]


async def environment_changed(room: Room, unit_id: UnitId) -> Found:
    """Compare what the unit is given to run with by its supervisor with what it was last well with."""
    unit, folder = await room.unit(unit_id), room.last_good_dir
    known = await asyncio.to_thread(environment_memory.remembered, unit_id, folder) if folder is not None else None
    if folder is None or known is None:
        return _found({"changed": False, "known": False, "said": "what it was last well with is not known"})
    given = await given_to(unit, room.supervisor(unit_id), folder)
    if given is None:
        return _found({"changed": False, "known": True, "said": f"what {unit.name} is given now is not known"})
    good = known.good
    if given.definition and not good.definition:  # noted when its supervisor could not tell yet
        return _found({"changed": False, "known": False, "said": "what it was last well with is not known"})
    if given.command == good.command and given.env == good.env:
        said = "command and environment are those that it was last well with"
        return _found({"changed": False, "known": True, "said": said})
    names, caps = _differing(given.env, good.env), _differing(given.caps, good.caps)
    on_trial = known.trial is not None and (known.trial.command, known.trial.env) == (given.command, given.env)
    kept = bool(good.definition and given.definition) and content_path(folder, good.definition).is_file()
    facts: dict[str, Scalar] = {
        "changed": True,
        "known": True,
        "names": ", ".join(names),
        "command": given.command != good.command,
        "caps": bool(caps),
        "started_at": _since(unit, known, given, room.now.timestamp()),
        "restorable": kept,
        "good": good.definition,
        "current": given.definition,
        "on_trial": on_trial,
        "trial_s": known.trial_until - known.trial_since if on_trial else 0.0,
        "said": _said(unit, names, good, given, caps),
    }
    return _found(facts)


def _found(facts: dict[str, Scalar]) -> Found:
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


def _said(unit: Unit, names: Sequence[str], good: Given, given: Given, caps: Sequence[str]) -> str:
    parts = [f"{name} {good.caps.get(name, 'not set')} → {given.caps.get(name, 'not set')}" for name in caps]
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        parts.append(f"variables {', '.join(names[:_SHOWN])}{more} differ")
    if given.command != good.command and not caps:
        parts.append("its command differs")
    return f"{unit.name} is not given what it was last well with: {'; '.join(parts)}"


def _since(unit: Unit, known: Remembered, given: Given, now: float) -> float:
    """Return since when it is given that, seconds since the epoch."""
    if given.definition:
        return known.seen_at if known.seen == given.definition else now
    return started_at(unit.processes[0].key) if unit.processes else now


async def given_to(unit: Unit, supervisor: object, folder: Path) -> Given | None:
    """Return what the unit is given to run with; None where nobody tells. Raises SupervisorError.

    Of our own engine's services that is what it was told; of others what the kernel has of the first process.
    """
    if isinstance(supervisor, Redefines):
        return await asyncio.to_thread(_of_definition, await supervisor.definition(unit.id), folder)
    return await asyncio.to_thread(_of_process, unit, folder) if unit.processes else None


def _of_definition(definition: bytes, folder: Path) -> Given:
    told, sign = json.loads(definition), signer(folder)
    words, env = [str(word) for word in told["command"]], {str(key): str(value) for key, value in told["env"].items()}
    return Given(
        command=sign(json.dumps([words, str(told["cwd"])]).encode()),
        env={name: sign(value.encode("utf-8", "surrogateescape")) for name, value in env.items()},
        caps=dict(_caps((*words, *(f"{name}={value}" for name, value in env.items())))),
        definition=sha256_of(definition),
    )


def _of_process(unit: Unit, folder: Path) -> Given | None:
    pid, sign = unit.processes[0].pid, signer(folder)
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    real = environment_of_process(pid, unit.uid)
    env = {name: value for name, value in real.items() if _counts(name)}
    texts = [word.decode("utf-8", "replace") for word in words]
    texts += [f"{name}={value.decode('utf-8', 'replace')}" for name, value in env.items()]
    return Given(
        command=sign(b"\0".join(words)),
        env={name: sign(value) for name, value in env.items()},
        caps=dict(_caps(texts)),
    )


def _counts(name: str) -> bool:
    return name not in OF_THE_SUPERVISOR and not name.startswith("OPSAGENT_")


def _differing(given: Mapping[str, str], good: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*given, *good} if given.get(name) != good.get(name))


def _caps(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the limits of a runtime that command or environment set: they are no secrets, and are shown."""
    for word in words:
        for name, value in _CAP.findall(word[:4096]):
            yield " ".join(name.split()), value[:20]
