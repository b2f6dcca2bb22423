"""Put a home back from an archive: looked over as a whole first, then swapped in; what was there is kept beside it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from opsagent.backup.errors import BackupError
from opsagent.backup.pack import FOLDER, FORMAT, MANIFEST
from opsagent.home import Home

_CHUNK = 1024 * 1024
_MANIFEST_MAX = 64 * 1024 * 1024
_KEPT_OF_THE_MOMENT = ("owner.lock", "runtime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did."""

    files: int
    bytes: int
    made_at: str
    host: str
    kept: Path | None
    """Where what was in the home before is now; None where there was nothing."""


def restore(home: Home, archive: Path, *, tell: Callable[[str], None]) -> Restored:
    """Make the home what it was when `archive` was made. The caller holds the home's lock, and no engine runs.

    Everything is unpacked and checked beside the home before anything in it is touched. Raises BackupError, OSError.
    """
    strangers = home.strangers()
    if strangers:
        raise BackupError(
            f"{home.path}: holds what is not ours ({strangers[0]} …): move that away, or choose --home DIR"
        )
    if home.path.stat().st_dev != home.path.parent.stat().st_dev:
        raise BackupError(
            f"{home.path}: is a file system of its own, so that nothing can be swapped in at once: choose a folder in it,"
            " with --home DIR"
        )
    staging = home.path.with_name(f".{home.path.name}.restoring-{os.getpid()}")
    staging.mkdir(0o700)
    try:
        manifest = _unpack(archive, staging, tell)
        kept = _swap(home, staging / FOLDER)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    files: Mapping[str, Any] = manifest["files"]
    return Restored(
        files=len(files),
        bytes=sum(int(one["size"]) for one in files.values()),
        made_at=str(manifest.get("made_at", "")),
        host=str(manifest.get("host", "")),
        kept=kept,
    )


def _unpack(archive: Path, to: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    found: dict[str, tuple[int, str]] = {}
    manifest: dict[str, Any] | None = None
    (to / FOLDER).mkdir(0o700)
    try:
        with tarfile.open(archive, "r:gz") as source:
            for member in source:
                if member.name == MANIFEST:
                    manifest = _manifest(archive, source, member)
                    continue
                _refuse_strange(archive, member)
                _must_fit(archive, to, member.size)
                tell(member.name.removeprefix(f"{FOLDER}/"))
                found[member.name] = (member.size, _write(source, member, to / member.name))
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError, RecursionError) as error:
        full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
        if full or (isinstance(error, OSError) and error.filename and Path(str(error.filename)) == archive):
            raise
        raise BackupError(f"{archive}: cannot be read as a backup ({error}): is it whole?") from error
    if manifest is None:
        raise BackupError(f"{archive}: has no {MANIFEST}: it is no backup of opsagent, or it is cut short")
    try:
        listed = {name: (int(one["size"]), str(one["sha256"])) for name, one in manifest["files"].items()}
    except (TypeError, KeyError, ValueError) as error:
        raise BackupError(
            f"{archive}: its {MANIFEST} cannot be read: the backup is damaged; take an older one"
        ) from error
    if listed != found:
        wrong = min(set(listed.items()) ^ set(found.items()))[0]
        raise BackupError(f"{archive}: {wrong} is not what was packed: the backup is damaged; take an older one")
    return manifest


def _manifest(archive: Path, source: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any]:
    file = source.extractfile(member) if member.isreg() and member.size <= _MANIFEST_MAX else None
    manifest = json.load(file) if file is not None else None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise BackupError(f"{archive}: its {MANIFEST} says nothing: it is no backup of opsagent")
    if manifest.get("format") != FORMAT:
        raise BackupError(
            f"{archive}: made by opsagent {manifest.get('opsagent')} in a format that this one does not know:"
            " update opsagent"
        )
    return manifest


def _refuse_strange(archive: Path, member: tarfile.TarInfo) -> None:
    """Let nothing but plain files below `home/` through: no link, no device, no way out."""
    parts = PurePosixPath(member.name).parts
    plain = member.isreg() and len(parts) > 1 and parts[0] == FOLDER and ".." not in parts
    plain = plain and parts[1] not in _KEPT_OF_THE_MOMENT
    if not plain or member.name.startswith("/") or "\0" in member.name:
        raise BackupError(f"{archive}: holds {member.name!r}, which does not belong into a backup; nothing was changed")


def _must_fit(archive: Path, to: Path, size: int) -> None:
    free = shutil.disk_usage(to).free
    if size > free:
        raise BackupError(f"{archive}: does not fit: {free} bytes are free at {to.parent}: free some space there")


def _write(source: tarfile.TarFile, member: tarfile.TarInfo, to: Path) -> str:
    file = source.extractfile(member)
    assert file is not None
    to.parent.mkdir(0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        while part := file.read(_CHUNK):
            digest.update(part)
            target.write(part)
        target.flush()
        os.fsync(target.fileno())
    os.utime(to, (member.mtime, member.mtime))
    return digest.hexdigest()


def _swap(home: Home, fresh: Path) -> Path | None:
    """Move what is in the home aside and what was unpacked in; the home's own folder and its lock stay in place."""
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    aside = home.path.with_name(f"{home.path.name}.before-restore-{stamp}")
    old = [entry for entry in home.path.iterdir() if entry.name not in _KEPT_OF_THE_MOMENT]
    filled = [entry for entry in old if not entry.is_dir() or any(entry.iterdir())]
    moved: list[tuple[Path, Path]] = []
    if old:
        aside.mkdir(0o700)
    try:
        for entry in old:
            entry.rename(aside / entry.name)
            moved.append((aside / entry.name, entry))
        for entry in list(fresh.iterdir()):
            entry.rename(home.path / entry.name)
            moved.append((home.path / entry.name, entry))
    except OSError:
        for now, before in reversed(moved):
            now.rename(before)
        if old:
            aside.rmdir()
        raise
    if old and not filled:
        shutil.rmtree(aside)
    return aside if filled else None
