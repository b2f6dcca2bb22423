"""The monitors of an X display (RandR 1.5), asked for on a connection's thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.x11.xlib import xlib

_SET_MONITOR = 43
_MM_PER_PIXEL = 25.4 / 96


@dataclass(frozen=True, slots=True)
class Monitor:
    """A monitor of the display."""

    name: str
    box: Box
    primary: bool = False


def monitors(server: Any) -> tuple[Monitor, ...]:
    """Return the monitors; the whole screen where the server knows of none."""
    root = server.screen().root
    if server.has_extension("RANDR"):
        found = [
            Monitor(
                str(server.get_atom_name(told.name)),
                Box(int(told.x), int(told.y), int(told.width_in_pixels), int(told.height_in_pixels)),
                bool(told.primary),
            )
            for told in root.xrandr_get_monitors().monitors
        ]
        if found:
            return tuple(found)
    size = root.get_geometry()
    return (Monitor("screen", Box(0, 0, int(size.width), int(size.height)), primary=True),)


def divide(server: Any, sizes: Sequence[tuple[int, int]]) -> None:
    """Divide the screen into monitors, side by side from left to right."""
    root, left = server.screen().root, 0
    outputs = list(root.xrandr_get_screen_resources().outputs)
    request = _set_monitor()
    for number, (width, height) in enumerate(sizes):
        request(
            display=server.display,
            opcode=server.display.get_extension_major("RANDR"),
            window=root,
            name=server.get_atom(f"monitor-{number}"),
            primary=number == 0,
            automatic=False,
            x=left,
            y=0,
            width=width,
            height=height,
            width_mm=round(width * _MM_PER_PIXEL),
            height_mm=round(height * _MM_PER_PIXEL),
            outputs=outputs if number == 0 else [],
        )
        left += width
    server.sync()


def _set_monitor() -> Any:
    """Return the request RRSetMonitor; python-xlib's own cannot be packed."""
    rq: Any = xlib().protocol.rq

    class SetMonitor(rq.Request):  # type: ignore[misc] # the library has no types
        _request = rq.Struct(
            rq.Card8("opcode"),
            rq.Opcode(_SET_MONITOR),
            rq.RequestLength(),
            rq.Window("window"),
            rq.Card32("name"),
            rq.Bool("primary"),
            rq.Bool("automatic"),
            rq.LengthOf("outputs", 2),
            rq.Int16("x"),
            rq.Int16("y"),
            rq.Card16("width"),
            rq.Card16("height"),
            rq.Card32("width_mm"),
            rq.Card32("height_mm"),
            rq.List("outputs", rq.Card32Obj),
        )

    return SetMonitor
