"""Owner and mode of what a service needs, as they were when it was last well; and which logs its processes had open.

Kept beside the last known good configuration, in a private file for each unit: of the configuration, the command, the
folders that the service was given and what is in them (bounded), and the files that its processes have open, with the
folders of those. A file counts as the same one only by its inode: what was replaced since is a deploy's, not a chmod's.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opsagent.kept_contents import write_private
from opsagent.own_files import is_shared, looks_like_a_log, open_files, own_folders
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.proc import started_at
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

_MOST = 2000
_DEEPEST = 5
_WELL_BESIDE_S = 900.0
"""As for configuration: what changed this long ago under a unit that has been well ever since counts."""
_LEFT_OUT = frozenset({"node_modules", ".git", "__pycache__", ".venv", "venv", ".hg", ".svn", ".cache"})
_FOLDER = "last_good"
_DAC_OVERRIDE = 1 << 1
"""capabilities(7): CAP_DAC_OVERRIDE is bit 1."""
_AGAIN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """Owner and mode of one file or folder."""

    path: Path
    device: int
    inode: int
    mode: int
    """Permission bits, with set-id and sticky."""
    uid: int
    gid: int
    changed_at: float
    """Seconds since the epoch: of the last change of the inode (ctime)."""
    folder: bool
    used: bool = True
    """It is known to be needed (named, open, a folder of its own); False: it only lies in such a folder."""

    @classmethod
    def of(cls, path: Path, status: os.stat_result, *, used: bool = True) -> Mode:
        """Return what stat(2) says of it."""
        return cls(
            path=path,
            device=status.st_dev,
            inode=status.st_ino,
            mode=stat.S_IMODE(status.st_mode),
            uid=status.st_uid,
            gid=status.st_gid,
            changed_at=status.st_ctime,
            folder=stat.S_ISDIR(status.st_mode),
            used=used,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """As whom a unit's processes ran when it was well."""

    uid: int
    groups: frozenset[int]
    overrides: bool
    """The kernel lets it read and write whatever its mode (CAP_DAC_OVERRIDE, which root mostly has)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChange:
    """Something whose owner or mode is another than when its service was last well."""

    was: Mode
    now: Mode

    @property
    def wider(self) -> bool:
        """Tell whether somebody may do more now than then."""
        return bool(self.now.mode & ~self.was.mode & 0o777)


class Keeping:
    """Notes units that are well: once in a while, and whenever they run with other processes, for it costs some thousand looks."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._noted: dict[UnitId, tuple[float, float]] = {}

    async def note(self, unit: Unit, spec: ServiceSpec | None) -> None:
        """Note a unit that is well now, unless that was done a moment ago."""
        started, at = max(process.key.started for process in unit.processes), time.monotonic()
        before = self._noted.get(unit.id)
        if before is not None and before[0] == started and at - before[1] < _AGAIN_S:
            return
        self._noted[unit.id] = (started, at)
        await asyncio.to_thread(note, unit, spec, self._home)


def note(unit: Unit, spec: ServiceSpec | None, home: Path) -> bool:
    """Keep owners and modes of a unit that is well now. Return whether anything was different from what was kept."""
    tree = parents()
    pids = with_descendants([process.pid for process in unit.processes], tree)
    held = [file for pid in pids for file in open_files(pid) if not file.deleted]
    known = _read(home, unit.id).get("files", {})
    oldest_start = min((started_at(process.key) for process in unit.processes), default=0.0)
    found = {
        str(one.path): _proven(one, known.get(str(one.path)), oldest_start)
        for one in _needed(spec, home, [Path(file.path) for file in held])
    }
    logs = sorted({file.path for file in held if looks_like_a_log(file)})
    who = [_who(pid) for pid in pids]
    record = {
        "files": {
            path: [one.device, one.inode, one.mode, one.uid, one.gid, one.folder, one.used]
            for path, one in found.items()
        },
        "logs": logs,
        "who": sorted(
            [one.uid, sorted(one.groups), one.overrides] for one in {each for each in who if each is not None}
        ),
    }
    target = _path(home, unit.id)
    raw = json.dumps(record, sort_keys=True).encode()
    try:
        if target.read_bytes() == raw:
            return False
    except OSError:
        pass
    write_private(target, raw, replace=True)
    return True


def _proven(now: Mode, known: list[int] | None, oldest_start: float) -> Mode:
    """Return what counts: a mode that changed under processes that run proves nothing yet, and the former one stays."""
    if known is None or (known[0], known[1]) != (now.device, now.inode):
        return now
    if now.changed_at < oldest_start or time.time() - now.changed_at >= _WELL_BESIDE_S:
        return now
    return replace(now, mode=known[2], uid=known[3], gid=known[4])


def logs_of(home: Path, unit: UnitId) -> tuple[Path, ...]:
    """Return the files that the unit's processes had open like logs when it was last well."""
    return tuple(Path(path) for path in _read(home, unit).get("logs", []) if isinstance(path, str))


def known_files(home: Path, unit: UnitId) -> dict[str, int]:
    """Return the inodes of the files (no folders) that were in the unit's folders when it was last well, by path."""
    return {path: row[1] for path, row in _read(home, unit).get("files", {}).items() if not row[5]}


def who_ran(home: Path, unit: UnitId) -> tuple[Who, ...]:
    """Return as whom the unit's processes ran when it was last well."""
    return tuple(
        Who(uid=row[0], groups=frozenset(row[1]), overrides=bool(row[2])) for row in _read(home, unit).get("who", [])
    )


def is_known(home: Path, unit: UnitId) -> bool:
    """Tell whether anything was kept of the unit."""
    return bool(_read(home, unit).get("files"))


def changed(home: Path, unit: UnitId) -> tuple[ModeChange, ...]:
    """Return what has another owner or mode than when the unit was last well, and is still the same inode."""
    found = []
    for path, row in _read(home, unit).get("files", {}).items():
        try:
            now = Mode.of(Path(path), os.lstat(path))
        except OSError:
            continue
        was = Mode(
            path=Path(path), device=row[0], inode=row[1], mode=row[2], uid=row[3], gid=row[4],
            changed_at=now.changed_at, folder=row[5], used=row[6],
        )  # fmt: skip
        same = (now.device, now.inode, now.folder) == (was.device, was.inode, was.folder)
        if same and (now.mode, now.uid, now.gid) != (was.mode, was.uid, was.gid):
            found.append(ModeChange(was=was, now=now))
    return tuple(found)


def may(who: Who, what: Mode, wanted: int) -> bool:
    """Tell whether a process may do this (4 read, 2 write, 1 execute or search) by owner and mode alone.

    Who may override them reads and writes everything; but executes only what somebody may.
    """
    if who.overrides:
        return not (wanted & 1) or what.folder or bool(what.mode & 0o111)
    if who.uid == what.uid:
        bits = what.mode >> 6
    elif what.gid in who.groups:
        bits = what.mode >> 3
    else:
        bits = what.mode
    return (bits & wanted) == wanted


def denied(who: Iterable[Who], change: ModeChange) -> str:
    """Return what the unit's processes could do before the change and cannot do now; empty: nothing."""
    for one in who:
        for wanted, word in ((4, "read"), (2, "write"), (1, "search" if change.was.folder else "run")):
            if may(one, change.was, wanted) and not may(one, change.now, wanted):
                return word
    return ""


def _needed(spec: ServiceSpec | None, home: Path, held: Iterable[Path]) -> Iterator[Mode]:
    seen: set[str] = set()
    for path, used in _paths(spec, home, held):
        name = str(path)
        if name in seen:
            continue
        seen.add(name)
        if len(seen) > _MOST:
            return
        try:
            status = path.lstat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
            yield Mode.of(path, status, used=used)


def _paths(spec: ServiceSpec | None, home: Path, held: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield what may be needed, and whether it is known to be."""
    folders = [folder for folder in own_folders(spec, home) if not is_shared(folder)]
    for path in (*_named(spec), *_held(held, home), *folders):
        yield path, True
    for folder in folders:
        for path in _below(folder):
            yield path, path.parent == folder and path.is_dir()


def _named(spec: ServiceSpec | None) -> Iterator[Path]:
    if spec is not None:
        yield from spec.config_files
        for path in (*spec.logs, *(path for path in (spec.out_file, spec.error_file, spec.pid_file) if path)):
            yield path
            yield path.parent
        for word in spec.command:
            path = Path(word) if word.startswith("/") else spec.cwd / word
            if len(word) < 256 and path.is_file():
                yield path


def _held(held: Iterable[Path], home: Path) -> Iterator[Path]:
    for path in held:
        if _is_somebodys(path, home):
            yield path
            yield path.parent


def _is_somebodys(path: Path, home: Path) -> bool:
    text = str(path)
    return (
        not text.startswith(("/usr/", "/lib", "/etc/", "/proc/", "/sys/", "/dev/", "/bin/"))
        and home not in path.parents
    )


def _below(folder: Path) -> Iterator[Path]:
    depth = len(folder.parts)
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        here = Path(where)
        if len(here.parts) - depth >= _DEEPEST:
            folders.clear()
        yield here
        for name in sorted(names):
            yield here / name


def _who(pid: int) -> Who | None:
    try:
        raw = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return None
    told = dict(line.split(b":", 1) for line in raw.splitlines() if b":" in line)
    try:
        uid, gid = int(told[b"Uid"].split()[1]), int(told[b"Gid"].split()[1])
        groups = frozenset({gid, *map(int, told[b"Groups"].split())})
        overrides = bool(int(told[b"CapEff"], 16) & _DAC_OVERRIDE)
    except (KeyError, ValueError, IndexError):
        return None
    return Who(uid=uid, groups=groups, overrides=overrides)


def _path(home: Path, unit: UnitId) -> Path:
    return home / _FOLDER / f"{hashlib.sha256(str(unit).encode()).hexdigest()[:16]}.modes.json"


def _read(home: Path, unit: UnitId) -> dict[str, Any]:
    try:
        record = json.loads(_path(home, unit).read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) and isinstance(record.get("files"), dict) else {}
