"""Windows of an X display as its server knows them: whose they are (XRes), what that process executes, where they are.

What a window says of itself (title, class, _NET_WM_PID) is kept apart from what the server and the kernel know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsagent_tools.gui.model import Box, Window
from opsagent_tools.gui.programs import program_of
from opsagent_tools.gui.xlib import XConnection, xlib


class Windows:
    """The windows that a window manager lists on one display."""

    def __init__(self, connection: XConnection) -> None:
        self._connection = connection

    async def list(self) -> tuple[Window, ...]:
        """Return all, in the order of stacking, the topmost last."""
        return await self._connection.ask(_all)


def _all(server: Any) -> tuple[Window, ...]:
    root = server.screen().root
    pids = _pids(server)
    found = []
    for id_ in _listed(server, root):
        window = _read(server, root, id_, pids)
        if window is not None:
            found.append(window)
    return tuple(found)


def _listed(server: Any, root: Any) -> list[int]:
    for name in ("_NET_CLIENT_LIST_STACKING", "_NET_CLIENT_LIST"):
        held = root.get_full_property(server.intern_atom(name), xlib().Xatom.WINDOW)
        if held is not None:
            return [int(id_) for id_ in held.value]
    return []


def _pids(server: Any) -> Mapping[int, int]:
    """Return the pid of each local client by the base of its resources."""
    res = xlib().ext.res
    answer = res.query_client_ids(server, [{"client": 0, "mask": res.LocalClientPIDMask}])
    return {int(one.spec.client): int(one.value[0]) for one in answer.ids if one.value}


def _read(server: Any, root: Any, id_: int, pids: Mapping[int, int]) -> Window | None:
    error = xlib().error
    handle = server.create_resource_object("window", id_)
    try:
        size = handle.get_geometry()
        place = root.translate_coords(handle, 0, 0)
        names = handle.get_wm_class() or ("", "")
        title = _title(server, handle)
    except (error.BadWindow, error.BadDrawable):
        return None
    mask = server.display.info.resource_id_mask
    pid = pids.get(id_ & ~mask, 0)
    program = program_of(pid)
    return Window(
        id=f"x11:{id_:#x}",
        pid=pid,
        exe=program.exe,
        program=program.name,
        uid=program.uid,
        title=title,
        wm_class=".".join(names).strip("."),
        box=Box(int(place.x), int(place.y), int(size.width), int(size.height)),
    )


def _title(server: Any, handle: Any) -> str:
    for name, kind in (("_NET_WM_NAME", server.intern_atom("UTF8_STRING")), ("WM_NAME", xlib().X.AnyPropertyType)):
        held = handle.get_full_property(server.intern_atom(name), kind)
        if held is not None and held.value:
            raw = held.value
            return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    return ""
