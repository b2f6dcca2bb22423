"""A screen of our own: Xvfb, a window manager, a D-Bus session and its accessibility bus, ended with nothing left behind.

    async with open_display(size=(1280, 800)) as display:
        program = await display.run(["galculator"])
        window = await display.window(program="galculator")

`display.name` and `display.env` are what everything that touches this screen is given; nothing reads the process's own
DISPLAY. `screen_display` is the same for code that does not wait (fixtures): `with screen_display() as display`.
`attached` is a display that is there already, such as a person's desktop: nothing is started or ended on it.
"""

from __future__ import annotations

from opsagent_tools.gui.display.keeping import Program
from opsagent_tools.gui.display.opening import Display, attached, open_display, screen_display

__all__ = ["Display", "Program", "attached", "open_display", "screen_display"]
