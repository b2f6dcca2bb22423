"""Pack a home into one archive while it is in use.

A gzipped tar: the home's files under `home/`, and last a `manifest.json` with the SHA-256 of each of them. Databases
are copied through SQLite's backup interface, so that the copy is one moment of theirs. What belongs to this machine's
present moment (sockets, locks, pids) and what is made anew from the rest (the index of the memory) stays out.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import stat
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from opsagent import __version__
from opsagent.backup.errors import BackupError
from opsagent.home import Home

FORMAT = 1
MANIFEST = "manifest.json"
FOLDER = "home"
_MADE_ANEW = frozenset({"chroma", "claims"})
_OF_THE_MOMENT = frozenset(
    {"owner.lock", "opsagent.db.owner", "runtime", "circusd.pid", "circusd.lock", "start.lock", "processes.json"}
)
_BESIDE_A_DATABASE = ("-wal", "-shm", "-journal")
_SQLITE = b"SQLite format 3\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What went into a backup."""

    path: Path
    files: int
    bytes: int
    """Of the files, before compression."""
    skipped: tuple[str, ...] = ()
    """Files that could not be read, went away meanwhile, or are links, with the reason."""


def pack(home: Home, to: Path, *, logs: bool = True, replace: bool = False, tell: Callable[[str], None]) -> Packed:
    """Write the backup of `home` to the file `to` (0600, complete or not there). `tell` hears of each file.

    Raises BackupError, FileExistsError where `to` is there and `replace` is not set, OSError.
    """
    if to.exists() and not replace:
        raise BackupError(f"{to}: is there already: choose another name, or --force to replace it")
    if to.resolve().is_relative_to(home.path):
        raise BackupError(f"{to}: lies in the home itself: write it to somewhere else")
    partial = to.with_name(f".{to.name}.{os.getpid()}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
                packer = _Packer(home, archive, tell)
                packer.pack(logs=logs)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(to)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    total = sum(size for size, _ in packer.packed.values())
    return Packed(path=to, files=len(packer.packed), bytes=total, skipped=tuple(packer.skipped))


class _Packer:
    """Puts one file after the other into the archive, and notes what it put there."""

    def __init__(self, home: Home, archive: tarfile.TarFile, tell: Callable[[str], None]) -> None:
        self.packed: dict[str, tuple[int, str]] = {}
        """Name in the archive → size and SHA-256."""
        self.skipped: list[str] = []
        self._home = home
        self._archive = archive
        self._tell = tell

    def pack(self, *, logs: bool) -> None:
        for path in _files(self._home.path, logs=logs):
            name = str(path.relative_to(self._home.path))
            self._tell(name)
            if path.is_symlink():
                self.skipped.append(f"{name}: a link to {path.readlink()}: back that up as well")
                continue
            try:
                self._add(path, f"{FOLDER}/{name}")
            except FileNotFoundError:
                self.skipped.append(f"{name}: gone meanwhile")
            except PermissionError as error:
                self.skipped.append(f"{name}: {error.strerror}")
        self._add_manifest(logs=logs)

    def _add(self, path: Path, name: str) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if file.peek(len(_SQLITE))[: len(_SQLITE)] == _SQLITE:
                is_database = True
            else:
                is_database = False
                self._write(name, file, os.fstat(file.fileno()))
        if is_database:
            self._add_database(path, name)

    def _add_database(self, path: Path, name: str) -> None:
        from opsagent.store.database import copy_of

        with tempfile.TemporaryDirectory(prefix="opsagent-backup-") as folder:
            copy = Path(folder) / "copy.db"
            copy_of(path, copy)
            with copy.open("rb") as file:
                self._write(name, file, os.fstat(file.fileno()))

    def _write(self, name: str, file: IO[bytes], status: os.stat_result) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = status.st_size, int(status.st_mtime), 0o600
        measured = _Measured(file, status.st_size)
        self._archive.addfile(member, measured)
        self.packed[name] = (status.st_size, measured.sha256)

    def _add_manifest(self, *, logs: bool) -> None:
        manifest = {
            "format": FORMAT,
            "opsagent": __version__,
            "made_at": datetime.now(UTC).isoformat(),
            "host": platform.node(),
            "home": str(self._home.path),
            "logs": logs,
            "skipped": self.skipped,
            "files": {name: {"size": size, "sha256": digest} for name, (size, digest) in self.packed.items()},
        }
        raw = json.dumps(manifest, indent=1).encode()
        member = tarfile.TarInfo(MANIFEST)
        member.size, member.mode = len(raw), 0o600
        self._archive.addfile(member, io.BytesIO(raw))


class _Measured:
    """Reads exactly `size` bytes of a file that may grow or shrink meanwhile, and hashes them."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def read(self, wanted: int = -1) -> bytes:
        wanted = self._left if wanted < 0 else min(wanted, self._left)
        found = self._file.read(wanted)
        found += b"\0" * (wanted - len(found))  # cut short meanwhile: a log that was rotated
        self._left -= wanted
        self._hash.update(found)
        return found


def _files(root: Path, *, logs: bool) -> Iterator[Path]:
    """Yield the regular files and the links of a home that belong into a backup, in a stable order."""
    for folder, folders, names in os.walk(root, followlinks=False):
        here = Path(folder)
        top = here == root
        folders[:] = sorted(name for name in folders if not (top and name in _MADE_ANEW) and (logs or name != "logs"))
        for name in sorted([*names, *(name for name in folders if (here / name).is_symlink())]):
            path = here / name
            passing = name in _OF_THE_MOMENT or name.endswith(_BESIDE_A_DATABASE) or name.endswith((".new", ".part"))
            if not passing and _is_kept(path):
                yield path


def _is_kept(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)
