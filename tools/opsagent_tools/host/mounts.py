"""How full the machine's file systems are, each once, and asked so that one that hangs does not hang who asks.

Counted are file systems that keep something: no tmpfs, no overlay beside the disk that it lies on, nothing read-only.
statvfs(2) of a network file system whose server is gone does not return and cannot be interrupted: it is asked in a
thread of its own, which is given up on, and nobody asks that file system again before the thread came back.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from opsagent_tools.processes.proc import HAS_PROC

_PASSING = frozenset({"tmpfs", "ramfs"})
"""Memory, not a disk: counted only where somebody names a folder of it."""
_KEEPS_NOTHING = frozenset(
    "autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs erofs fusectl hugetlbfs "
    "iso9660 mqueue nsfs proc pstore rpc_pipefs securityfs selinuxfs squashfs sysfs tracefs udf".split()
)
_ANSWERED_BY_OTHERS = ("9p", "afs", "ceph", "cifs", "davfs", "fuse", "gluster", "lustre", "nfs", "smb", "virtiofs")
_ESCAPED = re.compile(rb"\\([0-7]{3})")
_MOST = 4 * 1024 * 1024
_MOST_LINKS = 40
_OWN_FOLDER = 3
"""Parts of the path of a folder that belongs to one service: `/srv/shop` has three."""
TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One file system."""

    path: str
    """Where it is mounted."""
    kind: str
    """Its type: ext4, xfs, nfs4 …"""
    device: str
    """major:minor, which tells that two mounts are the same file system."""

    @property
    def remote(self) -> bool:
        """Tell whether somebody else answers for it, who may not: its files are not looked at unasked."""
        return self.kind.startswith(_ANSWERED_BY_OTHERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class MountUse:
    """How full one file system is. `size` 0: it did not answer in time."""

    mount: Mount
    size: int = 0
    """Bytes that may be used by those who are not root."""
    used: int = 0
    free: int = 0
    """Bytes left to those who are not root."""
    inodes: int = 0
    """0: it does not count them."""
    inodes_used: int = 0

    @property
    def hangs(self) -> bool:
        """Tell whether it did not answer in time."""
        return not self.size


def mounts(also: Iterable[Path] = (), *, mountinfo: str = "/proc/self/mountinfo") -> tuple[Mount, ...]:
    """Return the file systems that keep something, each once. `also`: folders whose file system counts in any case."""
    if not HAS_PROC:
        return ()
    listed = list(_read(mountinfo))
    wanted = {below.path for folder in also if (below := _of(os.path.abspath(folder), listed)) is not None}  # noqa: PTH100
    found: dict[str, Mount] = {}
    on_top = {mount.path: (mount, writable) for mount, writable in listed}  # what is mounted over cannot be reached
    for mount, writable in sorted(on_top.values(), key=lambda one: len(one[0].path)):
        counts = mount.kind not in _KEEPS_NOTHING and (mount.kind != "overlay" or mount.path == "/")
        if writable and counts and (mount.kind not in _PASSING or mount.path in wanted):
            found.setdefault(mount.device, mount)
    return tuple(found.values())


def of(path: str, among: Iterable[str]) -> str | None:
    """Return which of these mount points a path lies under: the longest. By its name alone, nothing is looked at."""
    fitting = [mount for mount in among if path == mount or path.startswith(mount.rstrip("/") + "/")]
    return max(fitting, key=len, default=None)


def below(folder: Path, *, mountinfo: str = "/proc/self/mountinfo") -> tuple[str, ...]:
    """Return the file systems under a folder that can be written, memory among them, but for those of others.

    Of `/` and the folders in it: none, for nobody can say that they are somebody's own.
    """
    if not HAS_PROC or len(folder.parts) < _OWN_FOLDER:
        return ()
    inside = f"{folder}/"
    return tuple(
        mount.path
        for mount, writable in _read(mountinfo)
        if writable and mount.path.startswith(inside) and not mount.remote and mount.kind not in _KEEPS_NOTHING
    )


def real(path: str, *, mountinfo: str = "/proc/self/mountinfo", readlink: Callable[[str], str] = os.readlink) -> str:
    """Return a path without the links in it. Nothing is looked at where somebody else answers, who may not."""
    others = {mount.path for mount, _ in _read(mountinfo) if mount.remote or mount.kind == "autofs"}
    known, left, followed = "/", [part for part in reversed(path.split("/")) if part], 0
    while left:
        part = left.pop()
        here = os.path.normpath(os.path.join(known, part))  # noqa: PTH118  # text only, `..` of what has no links
        if of(here, others) is not None:
            return os.path.normpath(os.path.join(here, *reversed(left)))  # noqa: PTH118
        try:
            target = readlink(here)
        except OSError:  # no link, or not there
            known = here
            continue
        followed += 1
        if followed > _MOST_LINKS:
            return path
        left += [piece for piece in reversed(target.split("/")) if piece]
        known = "/" if target.startswith("/") else known
    return known


def _of(path: str, listed: list[tuple[Mount, bool]]) -> Mount | None:
    point = of(path, [mount.path for mount, _ in listed])
    return next((mount for mount, _ in reversed(listed) if mount.path == point), None)


def _read(mountinfo: str) -> Iterable[tuple[Mount, bool]]:
    """Yield what proc(5) says of each mount, and whether it may be written."""
    try:
        raw = Path(mountinfo).read_bytes()[:_MOST]
    except OSError:
        return
    for line in raw.splitlines():
        left, _, right = line.partition(b" - ")
        fields, rest = left.split(), right.split()
        if len(fields) < 6 or len(rest) < 3:
            continue
        path = os.fsdecode(_ESCAPED.sub(lambda code: bytes([int(code[1], 8)]), fields[4]))
        options = {*fields[5].split(b","), *rest[2].split(b",")}
        yield Mount(path=path, kind=rest[0].decode("ascii", "replace"), device=fields[2].decode()), b"ro" not in options


@dataclass(slots=True)
class _Asked:
    """One statvfs under way."""

    mount: Mount
    done: threading.Event = field(default_factory=threading.Event)
    use: MountUse | None = None


class MountWatch:
    """Asks all file systems at once, and remembers those that have not answered yet."""

    def __init__(self, ask: Callable[[str], os.statvfs_result] = os.statvfs, timeout_s: float = TIMEOUT_S) -> None:
        self._ask = ask
        self._timeout_s = timeout_s
        self._pending: dict[str, _Asked] = {}

    def take(self, among: Iterable[Mount]) -> tuple[MountUse, ...]:
        """Return how full each is. Blocks for `timeout_s` at most, and that only where one hangs."""
        until = time.monotonic() + self._timeout_s
        asked = [self._begin(mount) for mount in among]
        found: list[MountUse] = []
        for one in asked:
            left_s = 0.0 if one.mount.device in self._pending else max(0.0, until - time.monotonic())
            if one.done.wait(left_s):
                self._pending.pop(one.mount.device, None)
                found += [one.use] if one.use is not None else []
            else:
                self._pending[one.mount.device] = one
                found.append(MountUse(mount=one.mount))
        return tuple(found)

    def _begin(self, mount: Mount) -> _Asked:
        pending = self._pending.get(mount.device)
        if pending is not None:
            return pending
        asked = _Asked(mount)
        if mount.device.startswith("0:"):  # no block device under it: a network, a program, or memory answers
            threading.Thread(target=self._answer, args=(asked,), name=f"statvfs {mount.path}", daemon=True).start()
        else:
            self._answer(asked)
        return asked

    def _answer(self, asked: _Asked) -> None:
        try:
            asked.use = _use(asked.mount, self._ask(asked.mount.path))
        except OSError:
            asked.use = None  # unmounted, or not for us to know
        finally:
            asked.done.set()


def _use(mount: Mount, told: os.statvfs_result) -> MountUse | None:
    used = (told.f_blocks - told.f_bfree) * told.f_frsize
    free = told.f_bavail * told.f_frsize
    if used + free <= 0:
        return None
    return MountUse(
        mount=mount,
        size=used + free,
        used=used,
        free=free,
        inodes=told.f_files,
        inodes_used=told.f_files - told.f_favail if told.f_files else 0,
    )
