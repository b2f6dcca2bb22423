"""Which program a process is, in the words of the kernel: its executable, and what an interpreter runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProgramName:
    """What is known of a process that owns a window."""

    exe: str
    name: str
    uid: int


NOBODY = ProgramName("", "", -1)
"""There is no such process, or it may not be looked at: such a window is never used."""


def program_of(pid: int) -> ProgramName:
    """Return what a process is."""
    if pid <= 0:
        return NOBODY
    folder = Path(f"/proc/{pid}")
    try:
        exe = str((folder / "exe").readlink()).removesuffix(" (deleted)")
        uid = folder.stat().st_uid
    except OSError:
        return NOBODY
    return ProgramName(exe, Path(exe).name, uid)
