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
_GRAPH = ".pickle"
"""Chroma loads the graph beside such a file; it writes one with every thousandth vector of a collection."""


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
    """Write down, when the index is closed, how long its files are."""
    with suppress(OSError):  # no room, no seal: it is then built anew
        (folder / _SEAL).write_text(json.dumps(_sizes(folder)))


def break_seal(folder: Path) -> bool:
    """Say whether the index may be opened; its files may change from now on.

    Chroma loads a graph that was cut off, or half written when its owner was killed, without a check, and crashes the
    process in native code. So a graph is opened only under its seal; without a graph (up to about 1,000 texts in each
    collection) all is in Chroma's SQLite file, which looks after itself.
    """
    sizes = _sizes(folder)
    try:
        sealed = json.loads((folder / _SEAL).read_text())
        (folder / _SEAL).unlink()
    except FileNotFoundError:
        return not any(name.endswith(_GRAPH) for name in sizes)
    except (OSError, ValueError):
        return False
    return bool(sealed == sizes)


def scrub(folder: Path) -> None:
    """Blank the room that Chroma lays out for a graph before there is one.

    It writes that room to the disk as the allocator handed it over, and in freed memory may stand a vector that was
    forgotten a moment ago. (In a graph that exists, the room for its next vectors is out of our reach.)
    """
    for room in folder.glob("*/*.bin"):
        if not any(room.parent.glob(f"*{_GRAPH}")):
            with room.open("r+b") as file:
                file.write(bytes(room.stat().st_size))


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
