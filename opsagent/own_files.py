"""Which files and folders are a service's own: what it was given, and the logs that it writes. Looks only.

A folder is its own where a person named it (its `cwd`, a variable of its environment, a word of its command), unless it
is the agent's, the system's, or a person's whole home. A log is its own where a person or its supervisor names it, or
where a process of it holds it open and can only append, below its own folders, and it is named and reads like one
(`opsagent.log_shape`).
"""

# Plain os calls: every descriptor of a unit's processes is looked at.
# ruff: noqa: PTH115, PTH116, PTH123

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from opsagent.log_shape import named_like_a_log, reads_like_a_log
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit

_SYSTEM = frozenset(
    "/ /bin /boot /dev /etc /home /lib /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /var".split()
)
_SHARED = _SYSTEM | frozenset(
    "/dev/shm /run/lock /usr/local /usr/local/etc /usr/local/share /usr/share /var/cache /var/lib /var/local /var/log "  # noqa: S108
    "/var/mail /var/opt /var/spool /var/tmp /var/www".split()
)
_NOBODYS = (
    "/bin/",
    "/boot/",
    "/dev/",
    "/etc/",
    "/lib/",
    "/lib64/",
    "/proc/",
    "/sbin/",
    "/sys/",
    "/usr/bin/",
    "/usr/lib/",
)
_LONGEST = 4096
_MOST_DESCRIPTORS = 1024
_MOST_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """A regular file that a process has open."""

    pid: int
    number: int
    path: str
    """As the kernel says; of a deleted one without ` (deleted)`."""
    device: int
    inode: int
    size: int
    """Bytes on the disk (blocks)."""
    deleted: bool
    writes: bool
    reads: bool
    appends: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLog:
    """A log of a unit."""

    path: Path
    size: int
    """Bytes on the disk."""
    device: int
    declared: bool
    """A person, or its supervisor, says that it is one."""
    held: bool
    """Somebody has it open for writing."""


def own_folders(spec: ServiceSpec | None, home: Path | None = None) -> tuple[Path, ...]:
    """Return the folders that the service was given, without the agent's (`home`), the system's and people's homes."""
    if spec is None:
        return ()
    found: dict[Path, None] = {}
    for word in (str(spec.cwd), *spec.env.values(), *spec.command[1:]):
        value = word.rpartition("=")[2]
        if not value.startswith("/") or len(value) >= _LONGEST or ":" in value:
            continue
        try:
            path = Path(value).resolve()
            path = path if path.is_dir() else path.parent if path.is_file() and path.parent != Path("/") else path
            if path.is_dir() and not _is_apart(path, home):
                found[path] = None
        except OSError:
            continue
    return tuple(found)


def is_shared(folder: Path) -> bool:
    """Tell whether a folder is one of the system's, or a person's whole home: what lies there is of many."""
    return str(folder) in _SHARED or folder.parent == Path("/home")


def _is_apart(path: Path, home: Path | None) -> bool:
    if str(path) in _SYSTEM or f"{path}/".startswith(_NOBODYS) or len(path.parts) < 3 or path.parent == Path("/home"):
        return True
    if home is None:
        return False
    home = home.resolve()
    return path == home or home in path.parents or path in home.parents


def is_below(path: Path, folders: Iterable[Path]) -> bool:
    """Tell whether a path lies in one of these folders, by its resolved parent."""
    try:
        parent = path.parent.resolve()
    except OSError:
        return False
    return any(parent == folder or folder in parent.parents for folder in folders)


def open_files(pid: int) -> Iterator[OpenFile]:
    """Yield the regular files that a process has open; of a process that may not be looked at, none."""
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            numbers = [int(entry.name) for entry, _ in zip(entries, range(_MOST_DESCRIPTORS), strict=False)]
    except OSError:
        return
    for number in numbers:
        link = f"/proc/{pid}/fd/{number}"
        try:
            path, found = os.readlink(link), os.stat(link)
            if not stat.S_ISREG(found.st_mode):
                continue
            flags = _flags(pid, number)
        except (OSError, ValueError):
            continue
        mode = flags & os.O_ACCMODE
        yield OpenFile(
            pid=pid,
            number=number,
            path=path.removesuffix(" (deleted)"),
            device=found.st_dev,
            inode=found.st_ino,
            size=found.st_blocks * 512,
            deleted=found.st_nlink == 0,
            writes=mode != os.O_RDONLY,
            reads=mode != os.O_WRONLY,
            appends=bool(flags & os.O_APPEND),
        )


def _flags(pid: int, number: int) -> int:
    with open(f"/proc/{pid}/fdinfo/{number}", "rb") as file:
        return next((int(line.split()[1], 8) for line in file if line.startswith(b"flags:")), os.O_RDONLY)


def looks_like_a_log(file: OpenFile) -> bool:
    """Tell by how it is open, and by its name, whether an open file is a log: standard output, or only appended to."""
    if not file.writes or file.reads:
        return False
    if file.number in {1, 2}:
        return True
    return file.appends and named_like_a_log(file.path)


def own_logs(
    unit: Unit,
    spec: ServiceSpec | None,
    *,
    pids: Iterable[int],
    folders: Iterable[Path],
    remembered: Iterable[Path] = (),
) -> tuple[OwnLog, ...]:
    """Return the unit's logs. `remembered`: what its processes had open like logs when it was last well."""
    named = [*unit.logs, *(spec.logs if spec is not None else ())]
    found: dict[Path, OwnLog] = {}
    for path in dict.fromkeys(map(_in_truth, named)):
        log = _log(path, declared=True, held=False)
        if log is not None:
            found[path] = log
    own = tuple(folders)
    held = [file for pid in pids for file in open_files(pid) if not file.deleted and looks_like_a_log(file)]
    output = {Path(file.path) for file in held if file.number in {1, 2}}
    for path, is_held in [*((Path(file.path), True) for file in held), *((path, False) for path in remembered)]:
        known = found.get(path)
        if known is not None:
            found[path] = OwnLog(
                path=path, size=known.size, device=known.device, declared=known.declared, held=is_held or known.held
            )
        elif is_below(path, own) and _is_a_log(path, output):
            log = _log(path, declared=False, held=is_held)
            if log is not None:
                found[path] = log
    return tuple(found.values())


def caught_log(path: Path, folders: Iterable[Path]) -> OwnLog | None:
    """Return a log that nobody holds open (it is opened for each line); who writes to it is asked elsewhere."""
    if not (is_below(path, folders) and _is_a_log(path, ())):
        return None
    return _log(_in_truth(path), declared=False, held=False)


def _in_truth(path: Path) -> Path:
    """Return a path whose folder is reached without links; the file itself must be none."""
    try:
        return path.parent.resolve() / path.name
    except (OSError, RuntimeError):
        return path


def _is_a_log(path: Path, output: Iterable[Path]) -> bool:
    return named_like_a_log(str(path)) and (path in output or reads_like_a_log(path))


def _log(path: Path, *, declared: bool, held: bool) -> OwnLog | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        return None
    return OwnLog(path=path, size=status.st_blocks * 512, device=status.st_dev, declared=declared, held=held)


def largest_file(folder: str) -> tuple[str, int] | None:
    """Return the largest file of a file system, from where it is mounted, and its bytes on the disk; bounded."""
    best: tuple[str, int] | None = None
    looked = 0
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not os.path.ismount(os.path.join(where, name))]  # noqa: PTH118
        for name in names:
            looked += 1
            if looked > _MOST_LOOKED_AT:
                return best
            path = os.path.join(where, name)  # noqa: PTH118
            try:
                size = os.lstat(path).st_blocks * 512
            except OSError:
                continue
            if best is None or size > best[1]:
                best = (path, size)
    return best
