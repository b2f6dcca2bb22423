"""A lock that a dead process left behind: named in the unit's last words, or holding the pid of the process that died.

The text only says where to look. What is looked at must be a regular file with one link, of the unit's own user, in a
folder of the service's own, hold the pid of a process that is dead, and be locked by nobody; else nothing was
found.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from opsagent.model import EvidenceKind, Scalar, Signal
from opsagent.probes.files import state_folders
from opsagent.probes.room import Found, Room
from opsagent.probes.service import last_lines, log_paths
from opsagent_tools.files import UnsafeFile, read_owned, sha256_of
from opsagent_tools.processes.proc import key_of, read_stat
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

_LINES_READ = 60
_SIZE_LIMIT = 4096
_FILES_LOOKED_AT = 500
_NAMED = re.compile(r"(?:/|\b)[\w@%+=:,./~-]{1,400}")
_VALUE = re.compile(r"^[\w.-]{1,40}(?:=|:(?=/))")
"""`file=/srv/x.lock`: what stands before the value."""
_LOCK_NAME = re.compile(r"(?:^|[._-])(?:pid|lock|lck|lockfile|pidfile)(?:$|[._-])", re.IGNORECASE)
_PID = re.compile(r"\s*(\d{1,10})\s*(?:$|[\r\n,;:\s])")
_PID_FIELD = re.compile(r"""["']?pid["']?\s*[:=]\s*["']?(\d{1,10})\b""", re.IGNORECASE)
_NOBODYS = ("/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot", "/dev", "/proc", "/sys", "/run", "/var/run")
_SAME_MOMENT_S = 0.2
_REUSED_SLACK_S = 2.0
_MOMENT_S = 1.0


async def stale_lock(room: Room, unit_id: UnitId) -> Found:
    """Look for a lock that the unit's last lines name and whose holder is dead."""
    unit, spec = await room.unit(unit_id), room.spec(unit_id)
    paths = await log_paths(room, unit_id)
    deaths = tuple(map(_death_of, room.world.past(unit_id).deaths))
    facts = await asyncio.to_thread(_search, unit, spec, paths, deaths)
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


@dataclass(frozen=True, slots=True)
class _Death:
    """A process of the unit that is known to have died."""

    pid: int
    started: float
    at: float


def _death_of(signal: Signal) -> _Death:
    at = signal.at.timestamp()
    if signal.process is None:  # it came and went before anybody looked at it
        return _Death(0, at - _MOMENT_S, at)
    return _Death(signal.process.pid, signal.process.started, at)


def _search(
    unit: Unit, spec: ServiceSpec | None, logs: tuple[Path, ...], deaths: tuple[_Death, ...]
) -> dict[str, Scalar]:
    folders, death = tuple(state_folders(spec)), deaths[-1] if deaths else None
    said = f"no lock is named in the last lines of {unit.name}, and no process of it that died holds one"
    named = list(_named_locks(last_lines(logs)[-_LINES_READ:], folders))
    for path in dict.fromkeys([*named, *_held_by_the_dead(folders, deaths, unit.uid)]):
        if not _is_of_service(path, folders, unit.uid):
            said = f"{path} is named, but is not in a folder of {unit.name}'s own"
            continue
        try:
            content = read_owned(path, unit.uid)
        except (OSError, UnsafeFile):
            continue
        found = _judge(unit, path, content, death, _written_at(logs))
        if not found["found"] and not content.strip() and path in named:
            found = _judge_empty(unit, path, deaths, _written_at(logs))
        if found["found"]:
            return {**found, "named": path in named}
        said = str(found["said"])
    return {"found": False, "said": said}


def _named_locks(lines: Iterable[str], folders: tuple[Path, ...]) -> Iterator[Path]:
    """Yield files that exist, look like locks and are named in `lines`, last line first."""
    seen: set[Path] = set()
    for line in reversed(list(lines)):
        words = _NAMED.findall(line[:4096])
        for word in (*words, *(_VALUE.sub("", word) for word in words if _VALUE.match(word))):
            name = word.rstrip(".,:;")
            if not _LOCK_NAME.search(name.rpartition("/")[2]):
                continue
            places = [Path(name)] if name.startswith("/") else [folder / name for folder in folders]
            for path in places:
                if path not in seen and ".." not in path.parts and path.is_file() and not path.is_symlink():
                    seen.add(path)
                    yield path


def _held_by_the_dead(folders: Iterable[Path], deaths: Iterable[_Death], uid: int) -> Iterator[Path]:
    """Yield the locks in the service's folders that a process of its own wrote which died since: they hold its pid, and
    were written while it lived. Whoever is started after that one may not start beside its lock, whatever it says.
    """
    dead = {death.pid: death for death in deaths if death.pid}
    if not dead:
        return
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                files = [Path(entry.path) for entry in islice(entries, _FILES_LOOKED_AT) if _is_lock(entry)]
        except OSError:
            continue
        for path in files:
            try:
                death, written_at = dead.get(_pid_in(read_owned(path, uid)) or 0), path.lstat().st_mtime
            except (OSError, UnsafeFile):
                continue
            if death is not None and death.started - _REUSED_SLACK_S <= written_at <= death.at + _REUSED_SLACK_S:
                yield path


def _is_lock(entry: os.DirEntry[str]) -> bool:
    return bool(_LOCK_NAME.search(entry.name)) and entry.is_file(follow_symlinks=False)


def _is_of_service(path: Path, folders: Iterable[Path], uid: int) -> bool:
    """Tell whether the file is in a folder that the service was given, or in one that is its user's alone."""
    parent = path.parent.resolve()
    if any(
        parent == folder.resolve() or folder.resolve() in parent.parents for folder in folders if folder != Path("/")
    ):
        return True
    if any(parent == Path(root) or Path(root) in parent.parents for root in _NOBODYS) or parent == Path("/"):
        return False
    try:
        status = parent.stat()
    except OSError:
        return False
    return status.st_uid == uid and not status.st_mode & 0o022


def _judge(unit: Unit, path: Path, content: bytes, death: _Death | None, written_at: float) -> dict[str, Scalar]:
    """Tell whether the lock is stale, or why not."""
    status = path.lstat()
    pid = _pid_in(content)
    why = ""
    if pid is None:
        why = f"{path} does not say whose it is"
    elif _is_held(status):
        why = f"{path} is locked by a process that lives"
    elif not _is_gone(pid, status.st_mtime, unit):
        why = f"{path} belongs to process {pid}, which lives"
    if why:
        return {"found": False, "said": why}
    assert pid is not None
    return {
        "found": True,
        "path": str(path),
        "sha256": sha256_of(content),
        "holder": pid,
        "by_last_run": death is not None and _written_by_last_run(pid, status.st_mtime, death, written_at),
        "said": f"{path} was left behind by process {pid}, which is dead",
    }


def _judge_empty(unit: Unit, path: Path, deaths: Sequence[_Death], log_written_at: float) -> dict[str, Scalar]:
    """Tell whether a lock that says nothing was left behind: it came into being while a process of the unit lived that
    is dead, no process of the unit is left, and nobody on the machine has it open or locked.
    """
    status = path.lstat()
    writers = [one for one in deaths if one.pid and one.started - _MOMENT_S <= status.st_mtime <= one.at]
    if unit.processes or len(writers) != 1 or status.st_size or _is_held(status) or _is_open(path):
        return {"found": False, "said": f"{path} does not say whose it is"}
    writer = writers[0]
    return {
        "found": True,
        "path": str(path),
        "sha256": sha256_of(b""),
        "holder": writer.pid,
        "by_last_run": writer is deaths[-1] and log_written_at <= writer.at + _SAME_MOMENT_S,
        "said": f"{path} was left behind by process {writer.pid}, in whose time it was written and which is dead",
    }


def _is_open(path: Path) -> bool:
    """Tell whether any process that may be looked at has the file open: all of the service's user's may."""
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if fd.readlink() == path:
                return True
        except OSError:
            continue
    return False


def _pid_in(content: bytes) -> int | None:
    """Return the pid that a lock holds: alone on its first line, or as a field called pid."""
    if len(content) > _SIZE_LIMIT:
        return None
    text = content.decode("utf-8", "replace")
    found = _PID.match(text) or _PID_FIELD.search(text)
    pid = int(found.group(1)) if found is not None else 0
    return pid if pid > 1 else None


def _is_gone(pid: int, written_at: float, unit: Unit) -> bool:
    """Tell whether the process that wrote its pid is dead; a later process with its pid is another one."""
    stat, key = read_stat(pid), key_of(pid)
    if stat is None or key is None or stat.dead:
        return True
    if any(process.pid == pid for process in unit.processes):
        return False
    return key.started > written_at + _REUSED_SLACK_S


def _is_held(status: os.stat_result) -> bool:
    """Tell whether any process holds a kernel lock (flock, fcntl) on the file."""
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        return any(wanted in line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines())
    except OSError:
        return False


def _written_by_last_run(pid: int, written_at: float, death: _Death, log_written_at: float) -> bool:
    """Tell whether the run that ended last wrote the lock itself. Where every run dies at its start, it is no cause then."""
    if pid == death.pid:
        # A later run, whose death nobody saw, has complained since.
        return log_written_at <= death.at + _SAME_MOMENT_S
    return written_at >= death.started


def _written_at(logs: Iterable[Path]) -> float:
    times = [path.stat().st_mtime for path in logs if path.is_file()]
    return max(times, default=0.0)
