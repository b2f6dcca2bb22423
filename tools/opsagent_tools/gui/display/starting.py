"""Starting what a display of our own consists of: server, window manager, D-Bus session, accessibility bus."""

from __future__ import annotations

import os
import select
import shutil
import stat
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsagent_tools.gui.display.buses import bus_config, wake_accessibility
from opsagent_tools.gui.display.cookies import new_cookie, write_cookie
from opsagent_tools.gui.display.environment import of_display
from opsagent_tools.gui.display.keeping import Keeper
from opsagent_tools.gui.display.managing import manager_config
from opsagent_tools.gui.port import NotUsable, ScreenError
from opsagent_tools.gui.xlib import XConnection

PREFIX = "opsagent-screen-"
NEEDED = {"Xvfb": "xvfb", "openbox": "openbox", "dbus-daemon": "dbus"}
"""Programs, and the Debian packages that bring them."""
_START_S = 30.0
_SOCKET_BYTES = 70
"""Sockets' own names need the rest of the 107 bytes that a path may have."""


@dataclass(frozen=True, slots=True)
class Started:
    """A display that runs."""

    name: str
    env: Mapping[str, str]
    folder: Path
    keeper: Keeper


def start(size: tuple[int, int], *, accessible: bool, resources: Mapping[str, str]) -> Started:
    """Start everything; blocks until a window manager answers. Raises NotUsable, ScreenError."""
    _check_programs()
    folder = _private_folder()
    keeper = Keeper(folder)
    try:
        name = _start_server(keeper, folder, size)
        env = of_display(os.environ, name, folder)
        _start_session(keeper, folder, env)
        connection = XConnection(name, folder / "Xauthority")
        try:
            if resources:
                _set_resources(connection, resources)
            keeper.start(
                [_path("openbox"), "--sm-disable", "--config-file", str(manager_config(folder))], env, calm=True
            )
            if accessible:
                env["AT_SPI_BUS_ADDRESS"] = wake_accessibility(env["DBUS_SESSION_BUS_ADDRESS"])
            _await_manager(connection)
        finally:
            connection.close()
    except BaseException:
        keeper.end()
        raise
    return Started(name, env, folder, keeper)


def _check_programs() -> None:
    missing = [program for program in NEEDED if shutil.which(program, path=_search_path()) is None]
    if missing:
        packages = " ".join(NEEDED[program] for program in missing)
        raise NotUsable(f"a display of our own needs {', '.join(missing)}: apt-get install {packages}")


def _search_path() -> str:
    return os.environ.get("PATH", os.defpath) + ":/usr/local/bin:/usr/bin:/bin"


def _path(program: str) -> str:
    return shutil.which(program, path=_search_path()) or program


def _private_folder() -> Path:
    """Make a folder of mode 0700 with a short path."""
    given = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    places = [given] if given.is_absolute() and _mine_alone(given) else []
    for place in (*places, Path("/tmp")):  # noqa: S108 (mkdtemp makes a folder that nobody else has)
        if len(os.fsencode(place)) + len(PREFIX) + 10 <= _SOCKET_BYTES:
            return Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    raise ScreenError("no place for the sockets of a display")


def _mine_alone(folder: Path) -> bool:
    try:
        found = folder.stat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _start_server(keeper: Keeper, folder: Path, size: tuple[int, int]) -> str:
    """Start Xvfb with a cookie and no TCP; return its name once it can be connected to."""
    cookie = new_cookie()
    write_cookie(folder / "server-cookie", cookie)
    argv = [_path("Xvfb"), "-displayfd", "{fd}", "-auth", str(folder / "server-cookie"), "-nolisten", "tcp", "-noreset"]
    argv += ["-screen", "0", f"{size[0]}x{size[1]}x24", "-dpi", "96"]
    said, says = os.pipe()
    log = os.open(folder / "server.log", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        server = keeper.start(argv, {"PATH": _search_path()}, files=(nothing, log, log, says), calm=True)
    finally:
        for descriptor in (log, nothing, says):
            os.close(descriptor)
    try:
        number = _read_line(said)
    finally:
        os.close(said)
    if not number:
        last = (folder / "server.log").read_text(errors="replace").strip().splitlines()[-1:]
        code = server.exit_code
        ended = f"it ended with code {code}" if code is not None else f"it was not ready within {_START_S:g} s"
        raise ScreenError(f"Xvfb did not start: {ended}{': ' + last[0] if last else ''}")
    write_cookie(folder / "Xauthority", cookie, number)
    return f":{number}"


def _read_line(descriptor: int) -> str:
    """Return the line that comes, empty if the other end closes before or it takes too long."""
    raw, deadline = b"", time.monotonic() + _START_S
    while not raw.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        more = os.read(descriptor, 64) if ready else b""
        if not more:
            return ""
        raw += more
    return raw.decode("ascii").strip()


def _start_session(keeper: Keeper, folder: Path, env: Mapping[str, str]) -> None:
    """Start a D-Bus session of its own; returns when it listens."""
    said, says = os.pipe()
    nothing = os.open(os.devnull, os.O_RDWR)
    argv = [
        _path("dbus-daemon"),
        "--nofork",
        "--nopidfile",
        "--config-file",
        str(bus_config(folder)),
        "--print-address={fd}",
    ]
    try:
        keeper.start(argv, env, files=(nothing, nothing, nothing, says), calm=True)
    finally:
        os.close(nothing)
        os.close(says)
    try:
        if not _read_line(said):
            raise ScreenError("the D-Bus session of the display did not start")
    finally:
        os.close(said)


def _set_resources(connection: XConnection, resources: Mapping[str, str]) -> None:
    text = "".join(f"{name}:\t{value}\n" for name, value in resources.items())

    def put(server: Any) -> None:
        root = server.screen().root
        root.change_property(server.intern_atom("RESOURCE_MANAGER"), 31, 8, text.encode())
        server.sync()

    connection.ask_now(put)


def _await_manager(connection: XConnection) -> None:
    """Wait until a window manager says that it is there (_NET_SUPPORTING_WM_CHECK, EWMH)."""
    deadline = time.monotonic() + _START_S

    def is_there(server: Any) -> bool:
        root = server.screen().root
        return root.get_full_property(server.intern_atom("_NET_SUPPORTING_WM_CHECK"), 0) is not None

    while not connection.ask_now(is_there):
        if time.monotonic() >= deadline:
            raise ScreenError("the window manager of the display did not start")
        time.sleep(0.02)
