"""Receipts of commands that runbooks ran: what the world can be asked for after a crash. No receipt: nobody can tell."""

from __future__ import annotations

import os
import re
from pathlib import Path

_FOLDER = "runbook_runs"
_RUN = re.compile(r"[0-9a-f]{16}")
_MOST = 500


def folder_in(home: Path) -> Path:
    """Return the folder of a home that keeps them."""
    return home / _FOLDER


def is_run(name: str) -> bool:
    """Tell whether this is the name of a run."""
    return _RUN.fullmatch(name) is not None


def write_receipt(folder: Path, run: str, code: int | None) -> None:
    """Note how a run ended (None: time was up), whole or not at all. The oldest notes go. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    beside = folder / f".{run}.new"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("timeout" if code is None else str(code))
    beside.replace(folder / run)
    kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    for path in kept[:-_MOST]:
        path.unlink(missing_ok=True)


def read_receipt(folder: Path, run: str) -> bool | None:
    """Tell whether that run ended well; None where nothing is noted: it may have been cut short."""
    if not is_run(run):
        return None
    try:
        return (folder / run).read_text() == "0"
    except OSError:
        return None
