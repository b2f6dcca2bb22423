"""Where the index lies on the disk. Each rebuild gets a folder of its own, and the old files are deleted.

Chroma keeps deleted vectors in its files and caches open databases by path; a fresh folder has neither trouble.
"""

from __future__ import annotations

import json
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

_CURRENT = "current"
_PREFIX = "index-"
_SEAL = "sealed.json"


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


def seal(folder: Path) -> None:
    """Write down how long the files are. A cut-off graph opens without complaint, and finds the wrong things."""
    with suppress(OSError):  # no room, no seal: the index is then only sampled when it is opened
        (folder / _SEAL).write_text(json.dumps(_sizes(folder)))


def break_seal(folder: Path) -> bool:
    """Return False where the files are not what they were when they were sealed; they may change from now on."""
    seal_file = folder / _SEAL
    try:
        sealed = json.loads(seal_file.read_text())
        seal_file.unlink()
    except FileNotFoundError:
        return True  # its owner was killed
    except (OSError, ValueError):
        return False
    return bool(sealed == _sizes(folder))


def _sizes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != _SEAL
    }


def erase(root: Path) -> None:
    """Delete every index under `root`."""
    for old in root.glob(f"{_PREFIX}*"):
        shutil.rmtree(old)
