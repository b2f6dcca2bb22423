"""The private folders (0700) of displays: made with short paths, and swept where a killed keeper left one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

from opsagent_tools.gui.display.keeper import LOCK
from opsagent_tools.gui.port import ScreenError

PREFIX = "opsagent-screen-"
_SOCKET_BYTES = 70
"""Of the 107 that a socket's path may have, the rest is for the sockets' own names."""
_FRESH_S = 60.0
"""A younger folder may be waiting for its keeper."""


def private_folder() -> Path:
    """Make a folder for one display. Raises ScreenError."""
    given = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    places = [given] if given.is_absolute() and _mine_alone(given) else []
    for place in (*places, Path("/tmp")):  # noqa: S108 (what is made there is nobody else's)
        if len(os.fsencode(place)) + len(PREFIX) + 10 <= _SOCKET_BYTES:
            sweep(place)
            try:
                return Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
            except OSError as error:
                raise ScreenError(f"no private folder for a display in {place}: {error.strerror}") from None
    raise ScreenError("no place for the sockets of a display: set XDG_RUNTIME_DIR to a folder of yours")


def write_private(path: Path, text: str) -> Path:
    """Write a new file of mode 0600; return its path."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return path


def sweep(place: Path) -> None:
    """Remove what displays left whose keepers are gone. A keeper holds its folder's lock as long as it lives."""
    for folder in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            old = time.time() - found.st_mtime > _FRESH_S
            if old and stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not _is_kept(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_kept(folder: Path) -> bool:
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _mine_alone(folder: Path) -> bool:
    try:
        found = folder.stat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
