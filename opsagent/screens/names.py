"""Names of procedures on screens, for whoever reads commands: a look at one folder. Standard library only."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from urllib.parse import unquote

FOLDER, PROCEDURES = "screens", "procedures"


def names_in(home: Path) -> tuple[str, ...]:
    """Return the names of the procedures that have files in a home; whether one may be run says the memory."""
    with contextlib.suppress(OSError):
        return tuple(sorted(unquote(folder.name) for folder in (home / FOLDER / PROCEDURES).iterdir()))
    return ()


def new_run() -> str:
    """Return a name for a run."""
    return secrets.token_hex(8)
