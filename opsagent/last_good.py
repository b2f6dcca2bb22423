"""The last known good content of a service's configuration files: noted while it is well, asked when it is not.

A content is good once a process that was started with it has been well; a file that changed under a running process
proves nothing until the process is started anew, or has been well beside it for long. Contents are kept by their
SHA-256, records by unit. Configuration holds secrets: copies stay in 0600 files under the home and go nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsagent_tools.files import UnsafeFile, read_owned, sha256_of
from opsagent_tools.processes.proc import started_at
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

_LOG = logging.getLogger(__name__)
_SIZE_LIMIT = 1024 * 1024
"""A larger file is no configuration; it is neither kept nor rolled back."""
_WELL_BESIDE_S = 900.0
"""A file that changed this long ago under a process that has been well ever since counts as good (it may reload)."""
_PRIVATE = 0o600
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A configuration file that is not what it was when its service was last well."""

    path: Path
    good: str
    """SHA-256 of the last known good content."""
    current: str
    """SHA-256 of what stands there now; empty where it is missing or cannot be read."""
    mode: int
    """Permissions that the good content had."""
    changed_at: float
    """Seconds since the epoch; of the last change to content, name or mode. Of a missing file: no later than this."""
    restorable: bool
    """Whether the good content is kept and the file may be given it."""
    why: str = ""
    """Why it is not restorable."""


def content_path(folder: Path, sha256: str) -> Path:
    """Return where a kept content is. Raises ValueError for what is no SHA-256."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"not a SHA-256: {sha256!r}")
    return folder / sha256


def keep(folder: Path, content: bytes) -> str:
    """Keep a content (0600) and return its SHA-256."""
    digest = sha256_of(content)
    write_private(content_path(folder, digest), content, replace=False)
    return digest


def note(unit: Unit, spec: ServiceSpec, folder: Path) -> None:
    """Take the configuration files of a unit that is well now for good, as far as that is proven. Cheap if unchanged."""
    if not spec.config_files or not unit.processes:
        return
    record = _read_record(folder, unit.id)
    before = json.dumps(record, sort_keys=True)
    oldest_start = min(started_at(process.key) for process in unit.processes)
    for path in spec.config_files:
        _note_file(path, unit, folder, record, oldest_start)
    if json.dumps(record, sort_keys=True) != before:
        write_private(_record_path(folder, unit.id), json.dumps(record).encode(), replace=True)


def changed(unit: Unit, spec: ServiceSpec, folder: Path) -> tuple[Change, ...]:
    """Return which configuration files differ from the last known good, in the order of the specification."""
    record = _read_record(folder, unit.id)
    found = (_change_of(path, unit, folder, record) for path in spec.config_files)
    return tuple(change for change in found if change is not None)


@dataclass(frozen=True, slots=True)
class Good:
    """What is noted of one configuration file."""

    sha256: str
    mode: int


def good_files(unit: UnitId, folder: Path) -> dict[str, Good]:
    """Return the last known good content of every configuration file that was noted, by path."""
    record = _read_record(folder, unit)
    return {path: Good(str(entry["sha256"]), _mode_of(entry)) for path, entry in record.items()}


def is_known(unit: Unit, spec: ServiceSpec, folder: Path) -> bool:
    """Tell whether a last known good is there for every configuration file."""
    record = _read_record(folder, unit.id)
    return bool(spec.config_files) and all(str(path) in record for path in spec.config_files)


def _note_file(path: Path, unit: Unit, folder: Path, record: dict[str, Any], oldest_start: float) -> None:
    try:
        status = path.lstat()
        seen = [status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino]
        known = record.get(str(path))
        if known is not None and known["seen"] == seen:
            return
        changed_at = max(status.st_mtime, status.st_ctime)
        proven = changed_at < oldest_start or datetime.now(UTC).timestamp() - changed_at >= _WELL_BESIDE_S
        if not proven or status.st_size > _SIZE_LIMIT:
            return
        kept = keep(folder, read_owned(path, unit.uid))
        record[str(path)] = {"sha256": kept, "seen": seen, "mode": stat.S_IMODE(status.st_mode)}
    except (OSError, UnsafeFile) as error:
        _LOG.debug("%s of %s is not noted: %s", path, unit.name, error)


def _change_of(path: Path, unit: Unit, folder: Path, record: dict[str, Any]) -> Change | None:
    known = record.get(str(path))
    if known is None:
        return None
    good, current, why, changed_at = str(known["sha256"]), "", "", datetime.now(UTC).timestamp()
    try:
        status = path.lstat()
        changed_at = max(status.st_mtime, status.st_ctime)
        if status.st_size > _SIZE_LIMIT:
            why = f"{path.name} is larger than {_SIZE_LIMIT} bytes"
        else:
            current = sha256_of(read_owned(path, unit.uid))
    except FileNotFoundError:
        changed_at, why = _missing_since(path, unit.uid, changed_at)
    except (OSError, UnsafeFile) as error:
        why = f"{path.name} cannot be read safely ({type(error).__name__})"
    if current == good:
        return None
    if not why and not content_path(folder, good).is_file():
        why = f"the last known good content of {path.name} is gone"
    return Change(
        path=path,
        good=good,
        current=current,
        mode=_mode_of(known),
        changed_at=changed_at,
        restorable=not why,
        why=why,
    )


def _missing_since(path: Path, uid: int, now: float) -> tuple[float, str]:
    """Return since when at most a file is missing, and why it cannot be made anew (or nothing)."""
    try:
        folder = path.parent.lstat()
    except OSError:
        return now, f"{path.name} is missing, and its folder with it"
    if not stat.S_ISDIR(folder.st_mode) or folder.st_uid != uid:
        return folder.st_mtime, f"{path.name} is missing, and its folder is not that of uid {uid}"
    return folder.st_mtime, ""


def _mode_of(entry: dict[str, Any]) -> int:
    mode = entry.get("mode", _PRIVATE)
    return mode & 0o777 if isinstance(mode, int) else _PRIVATE


def _record_path(folder: Path, unit: UnitId) -> Path:
    return folder / f"{hashlib.sha256(str(unit).encode()).hexdigest()[:16]}.json"


def _read_record(folder: Path, unit: UnitId) -> dict[str, Any]:
    """Return what is noted for the unit: path → sha256 and seen (mtime, ctime, size, inode)."""
    try:
        record = json.loads(_record_path(folder, unit).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        _LOG.warning("the last known good of %s is unreadable; it is noted anew", unit)
        return {}
    return record if isinstance(record, dict) and all(_is_entry(entry) for entry in record.values()) else {}


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("seen"), list)
        and bool(_SHA256.fullmatch(str(entry.get("sha256", ""))))
    )


def write_private(path: Path, content: bytes, *, replace: bool) -> None:
    """Write a 0600 file in one atomic step."""
    if not replace and path.exists():
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
