"""Reads one secret from where the configuration says: a file that is its owner's only, or a variable.

NoSecret   there is none, or it is not kept as a secret
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_MAX = 8192


class NoSecret(Exception):
    """There is no secret where the configuration says. One line; no secret in it."""


def one_secret(*, file: str, env: str, folder: Path, what: str) -> str:
    """Return the secret. `folder`: where relative files are; `what`: what it is, for whoever has to write it there.

    Raises:
        NoSecret: there is none, or others may read it.
    """
    if env:
        found = os.environ.get(env, "")
        if not found.strip():
            raise NoSecret(f"the variable {env} is empty: set it for the daemon")
        return found.strip()
    path = Path(file).expanduser()
    path = path if path.is_absolute() else folder / path
    lines = [line.strip() for line in _read(path, what).decode("utf-8", "replace").splitlines()]
    secrets = [line for line in lines if line and not line.startswith("#")]
    if len(secrets) != 1:
        raise NoSecret(f"{path}: must hold one {what}, has {len(secrets)}")
    return secrets[0]


def _read(path: Path, what: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise NoSecret(f"{path}: cannot be read ({error.strerror}): write the {what} there") from error
    with os.fdopen(descriptor, "rb") as opened:
        found = os.fstat(opened.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in {os.geteuid(), 0}:
            raise NoSecret(f"{path}: is no plain file of yours")
        if found.st_mode & 0o077:
            raise NoSecret(f"{path}: others may read it: chmod 600 {path}")
        return opened.read(_MAX)
