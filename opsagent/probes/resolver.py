"""Whether the names that a unit uses can be resolved where it runs: its own resolver configuration, asked as it would ask.

Only name servers that the machine is configured to ask are asked, and only for names that the unit's configuration,
command line or environment holds.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from opsagent import last_good
from opsagent.config_finding import MACHINE_FILES, words_of
from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.asking_names import ask, is_name
from opsagent.probes.room import Found, Room
from opsagent_tools.files import UnsafeFile, read_owned
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

_LIMIT = 64 * 1024
_MOST_NAMES, _MOST_SERVERS = 4, 3
_TIMEOUT_S = 0.6
_DOMAIN = 53
_URL_HOST = re.compile(r"[a-z][a-z0-9+.-]{1,15}://(?:[^\s/@\"']*@)?([A-Za-z0-9_.-]+)")
_HOST_FIELD = re.compile(
    r"(?:^|[\s{,;\"'])[\w.-]*(?:host|server|addr(?:ess)?|endpoint|upstream|domain|broker)s?[\"']?\s*[=:]\s*[\"']?([A-Za-z0-9_.-]+)",
    re.IGNORECASE,
)
_HOST_PORT = re.compile(r"(?:^|[\s=\"',@])([A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+):\d{2,5}\b")


@dataclass(frozen=True, slots=True)
class _Seen:
    """How names are resolved, as one process sees it."""

    servers: tuple[str, ...]
    search: tuple[str, ...]
    hosts: frozenset[str]
    missing: str = ""


async def resolver(room: Room, unit_id: UnitId) -> Found:
    """Resolve the names that the unit uses, as its own process would."""
    unit, spec = await room.unit(unit_id), room.spec(unit_id)
    names = await asyncio.to_thread(lambda: tuple(dict.fromkeys(_names(unit, spec)))[:_MOST_NAMES])
    if not names:
        return _found({"failing": False, "names": 0, "said": f"no names of hosts are known that {unit_id.name} uses"})
    pid = unit.processes[0].pid if unit.processes else 0
    if pid and not _same_network(pid):
        said = f"{unit_id.name} runs in a network of its own"
        return _found({"failed": said, "said": said})
    seen = await asyncio.to_thread(_seen, pid)
    facts = await asyncio.to_thread(_try, names, seen)
    if facts["silent"]:
        facts |= await asyncio.to_thread(_since_when, unit, spec, room.last_good_dir)
        facts["failing"] = bool(facts["changed"] or facts["waiting"])
        facts["said"] = "; ".join(str(facts[name]) for name in ("said", "how") if facts[name])
    return _found(facts)


def _since_when(unit: Unit, spec: ServiceSpec | None, folder: Path | None) -> dict[str, Scalar]:
    """Return whether silence is news: where nobody ever answered, it explains no trouble of today."""
    changed = _changed(unit, spec, folder)
    waiting = _waits_for_names(unit)
    how = changed or (f"{unit.name} waits for an answer of one" if waiting else "it is not known that this is new")
    return {"changed": bool(changed), "waiting": waiting, "how": how}


def _waits_for_names(unit: Unit) -> bool:
    """Tell whether a process of the unit has a question open to a name server now, as the kernel's sockets say."""
    for process in unit.processes:
        sockets = set()
        try:
            for entry in Path(f"/proc/{process.pid}/fd").iterdir():
                target = str(entry.readlink())
                if target.startswith("socket:["):
                    sockets.add(target[8:-1])
            lines = [
                line.split()
                for name in ("udp", "udp6")
                for line in Path(f"/proc/{process.pid}/net/{name}").read_text(encoding="ascii").splitlines()[1:]
            ]
        except OSError:
            continue
        if any(len(row) > 9 and row[2].endswith(f":{_DOMAIN:04X}") and row[9] in sockets for row in lines):
            return True
    return False


def _found(facts: dict[str, Scalar]) -> Found:
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


def _try(names: tuple[str, ...], seen: _Seen) -> dict[str, Scalar]:
    """Ask for each name until one is found: that a single name does not exist is no failure of the resolver."""
    facts: dict[str, Scalar] = {
        "names": len(names),
        "servers": ", ".join(seen.servers),
        "failing": False,
        "silent": False,
    }
    unknown = [name for name in names if name.lower() not in seen.hosts]
    if not unknown:
        return {**facts, "said": f"{', '.join(names)}: told by the hosts file"}
    if not seen.servers:
        said = seen.missing or "no name server is configured"
        return {
            **facts,
            "failing": True,
            "name": unknown[0],
            "said": f"{said}, so that {unknown[0]} cannot be resolved",
        }
    silent = [server for server in seen.servers if not _answers(server, unknown[0], facts)]
    if len(silent) < len(seen.servers):
        if facts.get("answer") == "found":
            return {**facts, "said": f"{unknown[0]} is resolved"}
        what = "does not know" if facts.get("answer") == "none" else "refuses to say where"
        return {**facts, "unknown": True, "name": unknown[0], "said": f"its name server {what} {unknown[0]} is"}
    said = f"no name server answers ({', '.join(silent)}): {unknown[0]} cannot be resolved"
    return {**facts, "silent": True, "name": unknown[0], "said": said}


def _answers(server: str, name: str, facts: dict[str, Scalar]) -> bool:
    answer = ask(server, name, _TIMEOUT_S)
    if answer != "silent":
        facts["answer"] = answer
    return answer != "silent"


def _seen(pid: int) -> _Seen:
    root = f"/proc/{pid}/root" if pid else ""
    text, missing = _text(Path(f"{root}/etc/resolv.conf")), ""
    if text is None:
        missing, text = "/etc/resolv.conf cannot be read", ""
    words = [line.split() for line in text.splitlines() if line[:1] not in {"#", ";"}]
    servers = [row[1].partition("%")[0] for row in words if len(row) > 1 and row[0] == "nameserver"]
    search = [word for row in words if row and row[0] in {"search", "domain"} for word in row[1:]]
    hosts = {
        name.lower()
        for line in (_text(Path(f"{root}/etc/hosts")) or "").splitlines()
        for name in line.partition("#")[0].split()[1:]
    }
    return _Seen(tuple(servers[:_MOST_SERVERS]), tuple(search), frozenset({*hosts, "localhost"}), missing)


def _text(path: Path) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_LIMIT).decode("utf-8", "replace")


def _same_network(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino == Path("/proc/self/ns/net").stat().st_ino
    except OSError:
        return True


def _names(unit: Unit, spec: ServiceSpec | None) -> Iterator[str]:
    """Yield host names in what the unit was given; the text only says what to ask for."""
    texts: list[str] = []
    if spec is not None:
        texts += [*spec.command, *(f"{name}={value}" for name, value in spec.env.items())]
    for process in unit.processes[:1]:
        texts += words_of(process.pid, named=True)[0]
    for path in (spec.config_files if spec is not None else ())[:8]:
        if path not in MACHINE_FILES:
            try:
                texts.append(read_owned(path, unit.uid)[:_LIMIT].decode("utf-8", "replace"))
            except (OSError, UnsafeFile):
                continue
    for text in texts:
        for pattern in (_URL_HOST, _HOST_FIELD, _HOST_PORT):
            yield from (name for name in pattern.findall(text[:_LIMIT]) if is_name(name) and _is_elsewhere(name))


def _is_elsewhere(name: str) -> bool:
    return name.lower() != "localhost" and not name.lower().startswith(("true", "false", "none", "null"))


def _changed(unit: Unit, spec: ServiceSpec | None, folder: Path | None) -> str:
    """Return how the resolver's configuration differs from when the unit was last well, or nothing."""
    changes = last_good.differing(unit, spec, folder) if folder is not None else ()
    one = next((change for change in changes if change.path in MACHINE_FILES), None)
    if one is None:
        return ""
    ago = max(0.0, time.time() - one.changed_at)
    return f"{one.path} was changed {ago:.0f} s ago ({datetime.fromtimestamp(one.changed_at, UTC):%H:%M:%S} UTC)"
