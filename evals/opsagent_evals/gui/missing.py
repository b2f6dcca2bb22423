"""What the suite needs on this machine, and the Debian packages that bring it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from opsagent_evals.gui.model import Program
from opsagent_tools.gui.model import SurfaceKind

_COMMANDS = {
    "galculator": ("galculator",),
    "yad": ("yad",),
    "mousepad": ("mousepad", "yad"),
    "zenity": ("zenity",),
    "featherpad": ("featherpad", "yad"),
    "qt5ct": ("qt5ct", "yad"),
    "filezilla": ("filezilla", "yad"),
    "jconsole": ("jconsole", "java", "jps", "jstat"),
    "xcalc": ("xcalc", "galculator", "xclip"),
    "xedit": ("xedit", "xmessage"),
    "nedit": ("nedit", "xmessage"),
    "gitk": ("gitk", "git", "wish"),
    "idle": ("idle-python3.11", "wish", "zenity"),
    "supervisor": ("chromium",),
    "syncthing": ("chromium", "syncthing"),
    "whiptail": ("whiptail",),
    "dialog": ("dialog",),
    "mc": ("mc",),
    "htop": ("htop",),
}
_PACKAGES = {
    "jconsole": "openjdk-17-jdk",
    "java": "openjdk-17-jdk",
    "jps": "openjdk-17-jdk",
    "jstat": "openjdk-17-jdk",
    "xcalc": "x11-apps",
    "xedit": "x11-apps",
    "xmessage": "x11-utils",
    "wish": "tk",
}
_FILES = {
    "jconsole": (Path("/usr/share/java/java-atk-wrapper.jar"), "libatk-wrapper-java"),
    "xcalc": (Path("/usr/share/fonts/X11/misc"), "xfonts-base"),
    "xedit": (Path("/usr/share/fonts/X11/misc"), "xfonts-base"),
}
_DISPLAY = {"Xvfb": "xvfb", "openbox": "openbox", "dbus-daemon": "dbus"}


def missing(programs: Sequence[Program]) -> str:
    """Return what to install so that these can be played, in one line; empty: nothing."""
    commands: dict[str, str] = {}
    packages: set[str] = set()
    for program in programs:
        commands |= {command: _PACKAGES.get(command, command) for command in _COMMANDS[program.name]}
        if SurfaceKind.TERMINAL not in program.kinds:
            commands |= _DISPLAY
        path, package = _FILES.get(program.name, (None, ""))
        packages |= {package} if path is not None and not path.exists() else set()
    packages |= {package for command, package in commands.items() if shutil.which(command) is None}
    said = f"apt-get install {' '.join(sorted(packages))}" if packages else ""
    needs = [name for name in ("dbus_fast", "pyte", "ptyprocess", "Xlib") if find_spec(name) is None]
    if any(program.name == "supervisor" for program in programs) and find_spec("supervisor") is None:
        needs.append("supervisor")
    if needs:
        said += f"{' and ' if said else ''}pip install 'opsagent[gui]' supervisor (missing: {', '.join(needs)})"
    return f"this suite plays stock programs that are not all here: {said}" if said else ""
