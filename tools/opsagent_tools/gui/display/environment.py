"""What programs on a display see of the environment: what they need to run, and no secret of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_PASSED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|TERM|JAVA_HOME"
    r"|LD_LIBRARY_PATH|XDG_(CONFIG|DATA|CACHE|STATE)_HOME|XDG_DATA_DIRS|XDG_CONFIG_DIRS|FONTCONFIG_(FILE|PATH)"
)
_ALWAYS = {
    "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
    "QT_ACCESSIBILITY": "1",
    "GDK_BACKEND": "x11",
    "QT_QPA_PLATFORM": "xcb",
    "XDG_SESSION_TYPE": "x11",
    "NO_AT_BRIDGE": "0",
    "GTK_USE_PORTAL": "0",
}


def passed_on(ours: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment that programs are given. Keys, tokens and other sessions' addresses stay here."""
    return {name: value for name, value in ours.items() if _PASSED.fullmatch(name)}


def of_display(ours: Mapping[str, str], name: str, folder: Path) -> dict[str, str]:
    """Return the environment of programs on our own display, whose sockets and cookie are in `folder`."""
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/", **passed_on(ours), **_ALWAYS}
    return env | {
        "DISPLAY": name,
        "XAUTHORITY": str(folder / "Xauthority"),
        "XDG_RUNTIME_DIR": str(folder),
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder / 'bus'}",
    }
