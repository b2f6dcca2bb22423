"""Where the index lies on the disk. Each rebuild gets a folder of its own, and the old files are deleted.

Chroma keeps deleted vectors in its files and caches open databases by path; a fresh folder has neither trouble.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

_CURRENT = "current"
_PREFIX = "index-"


def current(root: Path) -> Path | None:
    """Return the folder in use, None where there is none (or nobody can tell which)."""
    try:
        name = (root / _CURRENT).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
    folder = root / name
    return folder if name.startswith(_PREFIX) and "/" not in name and folder.is_dir() else None


def fresh(root: Path) -> Path:
    """Delete what is there and return a new, empty folder."""
    erase(root)
    folder = root / f"{_PREFIX}{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700, parents=True)
    written = root / f"{_CURRENT}.new"
    written.write_text(f"{folder.name}\n")
    written.replace(root / _CURRENT)
    return folder


def erase(root: Path) -> None:
    """Delete every index under `root`."""
    for old in root.glob(f"{_PREFIX}*"):
        shutil.rmtree(old)
