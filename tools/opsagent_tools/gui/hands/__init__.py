"""Pointer and keys on one display: `Hands`.

pyautogui runs in a process of its own (`worker`) with the display's environment: several displays can be used side by
side, importing needs no display, and an X server that hangs takes nobody with it.
"""

from opsagent_tools.gui.hands.hands import Hands, How, Unfinished

__all__ = ["Hands", "How", "Unfinished"]
