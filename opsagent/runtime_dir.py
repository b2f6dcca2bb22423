"""The short private folder for unix sockets: found again by every process, whatever its environment says.

A daemon that starts at boot has no XDG_RUNTIME_DIR and a shell has one, so the choice is written into the home. The
folder's name carries a hash of the home's path, so that a copied home does not share the folder of its original.
Standard library only.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

_BYTES_MAX = 76
"""A unix socket's path may have 107 bytes; what is left is for the sockets' own names."""


class NoRuntimeDir(Exception):
    """There is no place for a private folder of sockets. One line: what, where, how to mend it."""


def runtime_dir(home: Path) -> Path:
    """Return the socket folder of this home, made 0700 if it was not there. Raises NoRuntimeDir."""
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
    record = home / "runtime"
    recorded = _read_recorded(record, digest)
    candidates = ([recorded] if recorded else []) + _candidates(digest)
    problems: list[str] = []
    for folder in candidates:
        problem = _claim(folder)
        if problem is None:
            if folder != recorded:
                _record(record, folder)
            return folder
        problems.append(f"{folder}: {problem}")
    raise NoRuntimeDir(
        f"no private folder for sockets ({'; '.join(problems)}): set XDG_RUNTIME_DIR to a folder of yours"
    )


def _candidates(digest: str) -> list[Path]:
    found = []
    given = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if given.is_absolute() and _is_mine_alone(given):
        found.append(given / f"opsagent-{digest}")
    # Not tempfile's choice: it depends on the environment. _claim() takes care of whom it belongs to.
    found.append(Path("/tmp") / f"opsagent-{os.geteuid()}-{digest}")  # noqa: S108
    return [folder for folder in found if len(os.fsencode(folder)) <= _BYTES_MAX]


def _is_mine_alone(folder: Path) -> bool:
    try:
        found = folder.stat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _read_recorded(record: Path, digest: str) -> Path | None:
    try:
        folder = Path(record.read_text().strip())
    except (OSError, ValueError):
        return None
    return folder if folder.is_absolute() and folder.name.endswith(f"-{digest}") else None


def _record(record: Path, folder: Path) -> None:
    temporary = record.with_name(f".runtime-{os.getpid()}")
    with contextlib.suppress(OSError):  # without the record the candidates are tried again next time
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{folder}\n")
        temporary.replace(record)


def _claim(folder: Path) -> str | None:
    """Make sure that `folder` is a real folder of this user, 0700; return what is wrong with it, if anything.

    In /tmp anybody may have put a link or a folder of that name there before us: nothing is followed.
    """
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(0o700)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        return error.strerror or str(error)
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid():
            return f"belongs to user {found.st_uid}"
        if stat.S_IMODE(found.st_mode) != 0o700:
            os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
    return None
