"""The bearer token of `opsagent mcp --http`: made at first use, in a file of its owner's only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from opsagent.secret_file import one_secret

FILE = "token"
_BYTES = 32


def folder(home: Path) -> Path:
    """Return the folder of the home with what MCP needs."""
    return home / "mcp"


def token_of(home: Path) -> str:
    """Return the token; it is made where there is none yet. Raises NoSecret where others may read the file, OSError."""
    path = folder(home) / FILE
    if not path.exists():
        renew(home)
    return one_secret(file=str(path), env="", folder=folder(home), what="token")


def renew(home: Path) -> Path:
    """Make a new token, whose place is returned; the old one is worth nothing from then on. Raises OSError."""
    place = folder(home)
    place.mkdir(0o700, exist_ok=True)
    path, fresh = place / FILE, place / f".{FILE}.{secrets.token_hex(4)}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(_BYTES) + "\n")
        fresh.replace(path)
    except OSError as error:  # a full disk: the token that there is stays, and half a one does not
        fresh.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    return path
