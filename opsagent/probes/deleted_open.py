"""Files that were deleted and are still open: the room that df counts and du does not find, and who keeps it.

Only what was a log is anybody's to let go by a restart: a program may keep a deleted file on purpose (a temporary one).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from opsagent.log_shape import named_like_a_log
from opsagent.model import EvidenceKind, Scalar
from opsagent.naming import is_host
from opsagent.own_files import OpenFile, looks_like_a_log, open_files
from opsagent.probes.own_logs import Crowded, Seen, fullest, seen
from opsagent.probes.room import Found, Room, name_of
from opsagent.world import World
from opsagent_tools.processes.handling import handling, runtime_of
from opsagent_tools.processes.proc import key_of, read_stat
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import UnitId

_FILLS = 0.3
"""A deleted file that is this share of what is used fills a file system."""
_KNOWN_TO_REOPEN: Mapping[str, str] = {
    "nginx": "USR1",
    "rsyslogd": "HUP",
    "syslog-ng": "HUP",
    "haproxy": "USR1",
    "varnishncsa": "HUP",
    "lighttpd": "HUP",
    "mongod": "USR1",
}
"""What the manuals of these programs say that makes them open their logs anew."""


async def probe(room: Room, unit_id: UnitId) -> Found:
    """Tell whether deleted files that are still open fill the fullest file system that the unit writes to."""
    unit = None if is_host(unit_id) else await room.unit(unit_id)
    home = room.last_good_dir.parent if room.last_good_dir is not None else None
    daemons: dict[int, str] = {}
    for kind, supervisor in room.supervisors.items():
        pid = (await supervisor.daemon()).pid
        if pid:
            daemons[pid] = kind
    crowded = await asyncio.to_thread(fullest, room.world, unit, home)
    if crowded is None:
        facts: dict[str, Scalar] = {"found": False, "fills": False, "said": "no file system that it writes to is full"}
    else:
        facts = await asyncio.to_thread(_look, room.world, crowded, daemons)
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


def _look(world: World, crowded: Crowded, daemons: Mapping[int, str]) -> dict[str, Scalar]:
    units = seen(world)
    owner = {pid: one for one in units for pid in one.pids}
    found: dict[tuple[int, int], OpenFile] = {}
    for pid in _everybody(owner, daemons):
        for file in open_files(pid):
            if file.deleted and file.device == crowded.device:
                known = found.get((file.inode, file.device))
                if known is None or (known.pid not in owner and pid in owner):
                    found[file.inode, file.device] = file
    if not found:
        return {"found": False, "fills": False, "said": f"no deleted file on {crowded.mount} is open"}
    worst = max(found.values(), key=lambda file: file.size)
    holders = {one.unit.id: one for file in found.values() if (one := owner.get(file.pid)) is not None}
    total = sum(file.size for file in found.values())
    share = worst.size / max(1, crowded.used)
    facts: dict[str, Scalar] = {
        "found": True,
        "full": crowded.full,
        "fills": share >= _FILLS,
        "share": round(share, 4),
        "bytes": worst.size,
        "total": total,
        "holders": len(holders),
        "mount": str(crowded.mount),
        "path": worst.path,
        "pid": worst.pid,
    }
    return {**facts, **_whose(world, worst, owner, daemons, crowded.said)}


def _everybody(owner: Iterable[int], daemons: Iterable[int]) -> Iterable[int]:
    """Yield units' processes first, then supervisors' daemons, then all others that may be looked at."""
    first = dict.fromkeys([*owner, *daemons])
    yield from first
    try:
        names = os.listdir("/proc")  # noqa: PTH208
    except OSError:
        return
    yield from (int(name) for name in names if name.isdecimal() and int(name) not in first)


def _whose(
    world: World, file: OpenFile, owner: Mapping[int, Seen], daemons: Mapping[int, str], full: str
) -> dict[str, Scalar]:
    size = f"{file.size / 1e6:.1f} MB"
    if file.pid in daemons:
        kind = daemons[file.pid]
        said = f"{full}; the daemon of {kind} keeps {size} of a deleted file open ({file.path})"
        return {"holder": "", "by": "supervisor", "was_log": True, "supervisor": kind, "said": said}
    one = owner.get(file.pid)
    if one is None:
        who = name_of(runtime_of(file.pid)) or "a process"
        said = f"{full}; {who} ({file.pid}), which is no service here, keeps {size} of a deleted file open"
        return {"holder": "", "by": "stranger", "was_log": False, "said": said}
    was_log = _was_log(file, one, world)
    how = how_to_reopen(one.spec, file.pid)
    key = key_of(how[1]) if how[0] else None
    what = "a deleted log" if was_log else "a deleted file that is none of its logs"
    return {
        "holder": str(one.unit.id),
        "holder_name": one.unit.name,
        "by": "unit",
        "was_log": was_log,
        "signal": how[0],
        "signal_pid": how[1],
        "surges": one.unit.surges,
        "started": key.started if key is not None else 0.0,
        "said": f"{full}; {one.unit.name} keeps {size} of {what} open ({file.path})",
    }


def _was_log(file: OpenFile, one: Seen, world: World) -> bool:
    spec = world.spec(one.unit.id)
    named = {str(path) for path in (*one.unit.logs, *(spec.logs if spec is not None else ()))}
    if file.path in named or looks_like_a_log(file):
        return True
    return file.writes and not file.reads and named_like_a_log(file.path) and Path(file.path).suffix == ".log"


def how_to_reopen(spec: ServiceSpec | None, holder: int) -> tuple[str, int]:
    """Return the signal that has a process open its logs anew, and the process; no signal where none is known.

    A person says it (`reopen_signal`), or the manual of the program does; and the process must catch it: whoever does not
    would be ended by it.
    """
    stat = read_stat(holder)
    if stat is None:
        return "", 0
    told = spec.reopen_signal.removeprefix("SIG") if spec is not None and spec.reopen_signal else ""
    for pid in (holder, stat.parent):
        name = told or (_KNOWN_TO_REOPEN.get(runtime_of(pid), "") if pid > 1 else "")
        if name and _catches(pid, name):
            return name, pid
    return "", 0


def _catches(pid: int, name: str) -> bool:
    import signal

    found = handling(pid)
    return found is not None and int(getattr(signal, f"SIG{name}")) in found.caught
