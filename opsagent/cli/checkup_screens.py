"""The checks of `doctor` on screens: what a display of our own, accessible windows and bare pixels need, and what lacks.

All of it is optional: without it only procedures on screens do not work, or not with all kinds of windows.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent.cli.finding import Finding

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.screen_settings import ScreenSettings

_EXTRA = ("dbus-fast", "mss", "opencv-python-headless", "ptyprocess", "pyte", "python-xlib", "rapidocr")
_FONTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))


def screens() -> Iterator[Finding]:
    """Yield what is known of them."""
    yield _packages()
    yield _display()
    yield from _accessibility()
    given = os.environ.get("DISPLAY")
    if given:
        detail = f"{given} is this session's, which people share: nothing is done there without one of them"
        yield Finding(about="desktop", level="ok", detail=detail)


def vision(home: Home, settings: ScreenSettings) -> Iterator[Finding]:
    """Yield whether the vision model that is configured may be asked; nothing where none is, since none is needed."""
    model = settings.model.first
    if model is None:
        return
    from opsagent.seeing.desk import why_not

    why = why_not(home, settings)
    if why:
        yield Finding(about="vision", level="note", detail=why, mend="see docs/vision.md; none is needed")
    else:
        where = "elsewhere" if model.leaves else "on this machine"
        yield Finding(about="vision", level="ok", detail=f"{model.name} may be shown masked pictures, {where}")


def _packages() -> Finding:
    """Tell of the libraries: python3-xlib, which PyAutoGUI brings, may have overwritten python-xlib."""
    found = {name: _version(name) for name in _EXTRA}
    lacking = [name for name, there in found.items() if there is None]
    if lacking:
        detail = f"not installed: {', '.join(lacking)}"
        return Finding(about="screens", level="note", detail=detail, mend="python -m pip install 'opsagent[gui]'")
    from opsagent_tools.gui.port import NotUsable
    from opsagent_tools.gui.x11.xlib import xlib

    try:
        xlib()
    except NotUsable as error:
        detail, _, mend = str(error).partition(": ")
        return Finding(about="screens", level="note", detail=detail, mend=mend)
    return Finding(about="screens", level="ok", detail=", ".join(f"{name} {there}" for name, there in found.items()))


def _display() -> Finding:
    from opsagent_tools.gui.display.installed import NEEDED, missing_programs

    missing = dict(missing_programs())
    if not any(folder.is_dir() and any(folder.iterdir()) for folder in _FONTS):
        missing["fonts"] = "fonts-dejavu-core"
    if missing:
        detail = f"none of our own can be opened: {', '.join(missing)} missing"
        return Finding(
            about="display", level="note", detail=detail, mend=f"apt-get install {' '.join(missing.values())}"
        )
    return Finding(about="display", level="ok", detail=f"{', '.join(NEEDED)}: one of our own can be opened")


def _accessibility() -> Iterator[Finding]:
    from opsagent_tools.gui.accessible.launching import missing_for_java
    from opsagent_tools.gui.display.installed import ACCESSIBILITY, launcher

    found = launcher()
    if found is None:
        detail, mend = "no accessibility bus: windows are read by their pixels only", f"apt-get install {ACCESSIBILITY}"
        yield Finding(about="accessibility", level="note", detail=detail, mend=mend)
    else:
        yield Finding(about="accessibility", level="ok", detail=f"{found}")
    bridge = missing_for_java()
    if bridge and shutil.which("java") is not None:
        detail = "Java's windows are read by their pixels only: there is no bridge to the accessibility bus"
        yield Finding(about="accessibility", level="note", detail=detail, mend=bridge)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
