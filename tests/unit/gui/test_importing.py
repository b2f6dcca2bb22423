"""Screens are imported without a screen, and without the libraries that need one."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("pyautogui", "cv2", "mss", "rapidocr", "onnxruntime", "numpy", "dbus_fast", "Xlib", "pyte")
LIGHT = ("model", "port", "procedure", "procedure_files", "fake", "locating", "replay", "effects", "risk", "desktop")


def test_without_a_display_everything_that_only_thinks_is_imported_and_nothing_heavy_with_it() -> None:
    modules = ", ".join(["opsagent_tools", *(f"opsagent_tools.gui.{name}" for name in LIGHT)])
    code = f"import sys, {modules}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    told = subprocess.run(
        [sys.executable, "-c", code], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == []
