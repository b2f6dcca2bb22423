"""Files that root's engine writes for a service of another user: only where that user cannot lead it elsewhere.

Whoever may write to a folder can put a link in the place of it, or of what lies in it; root would follow, and write what
the service says into /etc, for example.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from opsagent_tools.services.spec import ServiceSpec

_ROOT = 0


def refuse_unsafe_files(spec: ServiceSpec) -> None:
    """Raise ValueError, which says what and how to mend it, where the engine must not write a file of this service."""
    if spec.uid is None or spec.uid == os.geteuid():
        return
    for key in ("out_file", "error_file", "log_file", "pid_file"):
        path: Path | None = getattr(spec, key)
        folder = None if path is None else _not_ours(path)
        if folder is not None:
            mend = f"name a folder that is not under {folder}, or leave {key} out: the engine has a log of its own"
            raise ValueError(f"{key} {path} is not written by root, for others may change {folder}; {mend}")


def _not_ours(path: Path) -> Path | None:
    """Return the first folder above `path`, as named or as it really is, that somebody else may change."""
    named, real = reversed(path.parents), reversed(Path(os.path.realpath(path.parent), "x").parents)
    for folder in (*named, *real):
        try:
            status = folder.lstat()
        except FileNotFoundError:
            continue  # made by us, in what was looked at before
        if status.st_uid not in (_ROOT, os.geteuid()):
            return folder
        writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not stat.S_ISLNK(status.st_mode)
        if writable and not status.st_mode & stat.S_ISVTX:
            return folder
    return None
