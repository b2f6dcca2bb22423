"""Where contents that were once good are kept, and what is noted of the files of a unit.

Contents are kept by their SHA-256, records by unit. Configuration holds secrets: copies stay in 0600 files under the
home and go nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from pathlib import Path
from typing import Any

from opsagent_tools.files import sha256_of
from opsagent_tools.units import UnitId

_LOG = logging.getLogger(__name__)
_SHA256 = re.compile(r"[0-9a-f]{64}")


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


def record_path(folder: Path, unit: UnitId) -> Path:
    """Return where the record of a unit is."""
    return folder / f"{hashlib.sha256(str(unit).encode()).hexdigest()[:16]}.json"


def read_record(folder: Path, unit: UnitId) -> dict[str, Any]:
    """Return what is noted for the unit: path → sha256 and seen (mtime, ctime, size, inode)."""
    try:
        record = json.loads(record_path(folder, unit).read_bytes())
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
        and _is_content(entry.get("sha256"))
        and _is_trial(entry.get("trial"))
    )


def _is_content(sha256: object) -> bool:
    return sha256 == "" or bool(_SHA256.fullmatch(str(sha256 or "?")))


def _is_trial(trial: object) -> bool:
    if trial is None:
        return True
    times = (trial.get("since"), trial.get("until")) if isinstance(trial, dict) else ()
    return bool(times) and all(isinstance(at, int | float) for at in times) and _is_entry(trial)
