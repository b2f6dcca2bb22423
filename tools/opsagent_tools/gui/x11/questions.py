"""Questions to an X server about its windows. Each is asked on a connection's thread: see `xlib.XConnection.ask`.

Sources: Extended Window Manager Hints 1.5 (properties `_NET_…`), ICCCM 2.0 (WM_CLASS, WM_STATE), the X-Resource
extension 1.2 (which process a client is).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from opsagent_tools.gui.model import Box, Point, Window
from opsagent_tools.gui.programs import program_of
from opsagent_tools.gui.x11.monitors import Monitor, monitors
from opsagent_tools.gui.x11.xlib import xlib

_FURNITURE = ("DESKTOP", "DOCK", "SPLASH")
_NORTH_WEST, _FROM_PAGER = 1, 2
_DEEPEST = 64


def listed(server: Any) -> tuple[Window, ...]:
    """Return the windows of programs, in the order of stacking, the topmost last; panels and the desktop apart."""
    read = _Reader(server)
    found = (read.window(id_) for id_ in read.managed())
    return tuple(window for window in found if window is not None)


def popups(server: Any) -> tuple[Window, ...]:
    """Return what is shown without the window manager's knowing (menus, lists of combo boxes, tips), the topmost last."""
    read = _Reader(server)
    found = (read.window(id_) for id_ in read.unmanaged())
    return tuple(replace(window, popup=True) for window in found if window is not None)


def one(server: Any, id_: int) -> Window | None:
    """Return a window as it is now, None if it is gone: destroyed, or withdrawn by its program (a closed dialog of GTK)."""
    read = _Reader(server)
    return read.window(id_) if read.is_there(id_) else None


def at(server: Any, point: Point) -> Window | None:
    """Return whose is the topmost at a point; None: nobody's (the root). A frame is its window manager's."""
    read = _Reader(server)
    id_, chain = read.root.id, []
    for _ in range(_DEEPEST):
        handle = server.create_resource_object("window", id_)
        try:
            child = handle.translate_coords(read.root, point.x, point.y).child
        except xlib().error.BadWindow:
            return None
        if not child:
            break
        id_ = int(getattr(child, "id", child))
        chain.append(id_)
    managed = set(read.managed(furniture=True))
    owner = next((inner for inner in chain if inner in managed), None)
    if owner is not None:
        return read.window(owner)
    window = read.window(chain[0]) if chain else None
    return replace(window, popup=True) if window is not None else None


def focused(server: Any) -> Window | None:
    """Return the window that keys go to; None: none, or whatever is under the pointer."""
    read = _Reader(server)
    holder = server.get_input_focus().focus
    id_ = int(getattr(holder, "id", holder))
    managed = set(read.managed(furniture=True))
    for _ in range(_DEEPEST):
        if id_ in managed:
            return read.window(id_)
        if id_ in {0, 1, read.root.id}:  # None, PointerRoot
            return None
        try:
            parent = server.create_resource_object("window", id_).query_tree().parent
        except xlib().error.BadWindow:
            return None
        id_ = int(getattr(parent, "id", parent))
    return None


def active(server: Any) -> int:
    """Return the id of the window that the window manager calls active, 0 if none."""
    return next(iter(_Reader(server).numbers(server.screen().root, "_NET_ACTIVE_WINDOW")), 0)


def ask_manager(server: Any, id_: int, message: str, data: tuple[int, ...]) -> None:
    """Send the window manager a message about a window (EWMH)."""
    library = xlib()
    event = library.protocol.event.ClientMessage(
        window=id_, client_type=server.get_atom(message), data=(32, [*data, *[0] * (5 - len(data))])
    )
    mask = library.X.SubstructureRedirectMask | library.X.SubstructureNotifyMask
    server.screen().root.send_event(event, event_mask=mask)
    server.sync()


def activate(server: Any, id_: int) -> None:
    """Ask for a window to be raised and given the keys."""
    ask_manager(server, id_, "_NET_ACTIVE_WINDOW", (_FROM_PAGER, 0, 0))


def close(server: Any, id_: int) -> None:
    """Ask a window to close, as its close button does; its program may ask back."""
    ask_manager(server, id_, "_NET_CLOSE_WINDOW", (0, _FROM_PAGER))


def place(server: Any, id_: int, box: Box) -> None:
    """Ask for a window's frame to be put at the box's left top, and for its inside to get the box's size."""
    flags = _NORTH_WEST | 0b1111 << 8 | _FROM_PAGER << 12
    ask_manager(server, id_, "_NET_MOVERESIZE_WINDOW", (flags, box.left, box.top, box.width, box.height))


def pointer(server: Any) -> Point:
    """Return where the pointer is."""
    told = server.screen().root.query_pointer()
    return Point(int(told.root_x), int(told.root_y))


def set_resources(server: Any, text: str) -> None:
    """Set the X resources that programs read when they start."""
    root = server.screen().root
    root.change_property(server.get_atom("RESOURCE_MANAGER"), xlib().Xatom.STRING, 8, text.encode())
    server.sync()


def has_manager(server: Any) -> bool:
    """Tell whether a window manager is there (EWMH: _NET_SUPPORTING_WM_CHECK)."""
    return _Reader(server).has_manager()


class _Reader:
    """Reads windows, with what is the same for all of them read once."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.root = server.screen().root
        self._pids: dict[int, int] | None = None
        self._monitors: tuple[Monitor, ...] | None = None

    def managed(self, *, furniture: bool = False) -> list[int]:
        """Return the ids of the windows that the window manager lists; without one, those that programs show."""
        for name in ("_NET_CLIENT_LIST_STACKING", "_NET_CLIENT_LIST"):
            ids = self.numbers(self.root, name)
            if ids:
                return ids if furniture else [id_ for id_ in ids if not self._is_furniture(id_)]
        return [] if self.has_manager() else list(self._shown(unmanaged=False))

    def is_there(self, id_: int) -> bool:
        """Tell whether a window is seen, or is one that the window manager lists, as of minimised ones."""
        try:
            seen = self.server.create_resource_object("window", id_).get_attributes().map_state
        except xlib().error.BadWindow:
            return False
        return bool(seen == xlib().X.IsViewable) or id_ in self.managed(furniture=True)

    def unmanaged(self) -> Iterator[int]:
        """Yield the ids of windows that are shown without the window manager."""
        return self._shown(unmanaged=True)

    def window(self, id_: int) -> Window | None:
        """Return one window, None if there is none of that id."""
        handle = self.server.create_resource_object("window", id_)
        library = xlib()
        try:
            size = handle.get_geometry()
            place = self.root.translate_coords(handle, 0, 0)  # of the inside: the frame around it is the manager's
            wm_class = self._text(handle, "WM_CLASS").rstrip("\0").replace("\0", ".")
            title = self._text(handle, "_NET_WM_NAME") or self._text(handle, "WM_NAME")
            states = self.numbers(handle, "_NET_WM_STATE")
        except (library.error.BadWindow, library.error.BadDrawable):
            return None
        pid = self._pid(id_)
        program = program_of(pid)
        box = Box(int(place.x), int(place.y), int(size.width), int(size.height))
        return Window(
            id=f"x11:{id_:#x}",
            pid=pid,
            exe=program.exe,
            program=program.name,
            uid=program.uid,
            title=title,
            wm_class=wm_class,
            box=box,
            monitor=self._monitor_of(box),
            scale=program.scale,
            modal=self.server.get_atom("_NET_WM_STATE_MODAL") in states,
        )

    def numbers(self, handle: Any, name: str) -> list[int]:
        """Return a property of numbers, empty if it is not there."""
        held = handle.get_full_property(self.server.get_atom(name), xlib().X.AnyPropertyType)
        return [int(value) for value in held.value] if held is not None and held.format == 32 else []

    def _text(self, handle: Any, name: str) -> str:
        held = handle.get_full_property(self.server.get_atom(name), xlib().X.AnyPropertyType)
        if held is None or held.format != 8:
            return ""
        raw = held.value if isinstance(held.value, bytes) else str(held.value).encode("utf-8", "replace")
        latin = held.property_type == xlib().Xatom.STRING
        return raw.decode("latin-1" if latin else "utf-8", "replace")

    def _pid(self, id_: int) -> int:
        """Return the pid of the client that made a window, 0 if it is not of this machine (X-Resource 1.2)."""
        mask = int(self.server.display.info.resource_id_mask)
        if self._pids is None:
            res = xlib().ext.res
            if not self.server.has_extension(res.extname):
                self._pids = {}
            else:
                told = res.query_client_ids(self.server, [{"client": 0, "mask": res.LocalClientPIDMask}])
                self._pids = {int(it.spec.client) & ~mask: int(it.value[0]) for it in told.ids if it.value}
        return self._pids.get(id_ & ~mask, 0)

    def _monitor_of(self, box: Box) -> int:
        """Return the number of the monitor that shows most of a box."""
        if self._monitors is None:
            self._monitors = monitors(self.server)
        shared = [box.meets(monitor.box) for monitor in self._monitors]
        return max(range(len(shared)), key=lambda number: shared[number].width * shared[number].height)

    def _is_furniture(self, id_: int) -> bool:
        kinds = {self.server.get_atom(f"_NET_WM_WINDOW_TYPE_{kind}") for kind in _FURNITURE}
        try:
            told = self.numbers(self.server.create_resource_object("window", id_), "_NET_WM_WINDOW_TYPE")
        except xlib().error.BadWindow:
            return True
        return bool(told) and told[0] in kinds

    def has_manager(self) -> bool:
        """Tell whether a window manager is there."""
        return bool(self.numbers(self.root, "_NET_SUPPORTING_WM_CHECK"))

    def _shown(self, *, unmanaged: bool) -> Iterator[int]:
        """Yield the children of the root that are seen, the topmost last. `unmanaged`: those with override redirect."""
        library = xlib()
        for child in self.root.query_tree().children:
            try:
                told, size = child.get_attributes(), child.get_geometry()
            except (library.error.BadWindow, library.error.BadDrawable):
                continue
            seen = told.map_state == library.X.IsViewable and told.win_class == library.X.InputOutput
            if seen and bool(told.override_redirect) == unmanaged and size.width > 1 and size.height > 1:
                yield int(child.id)
