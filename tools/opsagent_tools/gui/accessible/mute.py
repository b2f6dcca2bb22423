"""Programs drawn by a toolkit that has no accessibility: nobody waits for them to join its bus."""

from __future__ import annotations

from pathlib import Path

_MUTE = ("libXt.so", "libtk8", "libtk9", "libtcl8tk", "libtcl9tk", "libFOX-", "libfltk.so")
"""Xt (Athena, Motif), Tk, FOX, FLTK."""
_TELLS = ("libatk", "libatspi", "libdbus-1.so", "libgio-2", "libgtk-", "libQt", "libjvm.so")
"""With one of these it may tell something all the same."""


def is_mute(pid: int, proc: Path = Path("/proc")) -> bool:
    """Tell whether a process can tell nothing of what it shows, by the libraries that it has loaded; if in doubt it can."""
    try:
        maps = (proc / str(pid) / "maps").read_text(errors="replace")
    except OSError:
        return False
    loaded = {line.rpartition("/")[2] for line in maps.splitlines() if "/" in line}
    return any(one.startswith(_MUTE) for one in loaded) and not any(one.startswith(_TELLS) for one in loaded)
