"""What a display of our own needs on this machine, and the Debian packages that bring it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from opsagent_tools.gui.port import NotUsable

NEEDED = {"Xvfb": "xvfb", "openbox": "openbox", "dbus-daemon": "dbus"}
"""Programs without which there is no display of our own, and their packages."""
ACCESSIBILITY = "at-spi2-core"
"""The package of the accessibility bus: without it windows are read by their pixels only."""
_LAUNCHERS = (Path("/usr/libexec/at-spi-bus-launcher"), Path("/usr/lib/at-spi2-core/at-spi-bus-launcher"))


def search_path() -> str:
    """Return where programs are looked for: where the user's are, and where the system's are."""
    return ":".join((os.environ.get("PATH", os.defpath), "/usr/local/bin", "/usr/bin", "/bin"))


def path_of(program: str) -> str:
    """Return the path of a program. Raises NotUsable."""
    found = shutil.which(program, path=search_path())
    if found is None:
        raise NotUsable(f"{program} is not installed: apt-get install {NEEDED.get(program, program)}")
    return found


def launcher() -> Path | None:
    """Return the program that starts accessibility buses, None where it is not installed."""
    return next(filter(Path.is_file, _LAUNCHERS), None)


def missing_programs() -> Mapping[str, str]:
    """Return what a display of our own lacks here, with the packages that bring it."""
    return {
        program: package for program, package in NEEDED.items() if shutil.which(program, path=search_path()) is None
    }


def demand_programs() -> None:
    """Raise NotUsable where a display of our own lacks something."""
    missing = missing_programs()
    if missing:
        advice = f"apt-get install {' '.join(missing.values())}"
        raise NotUsable(f"a display of our own needs {', '.join(missing)}: {advice}")
