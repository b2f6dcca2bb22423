"""Starting what a display of our own consists of: server, window manager, D-Bus session, accessibility bus."""

from __future__ import annotations

import os
import select
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsagent_tools.gui.display.buses import bus_config, wake_accessibility
from opsagent_tools.gui.display.environment import of_display
from opsagent_tools.gui.display.folders import private_folder
from opsagent_tools.gui.display.installed import demand_programs, launcher, path_of, search_path
from opsagent_tools.gui.display.keeping import Keeper
from opsagent_tools.gui.display.managing import manager_config
from opsagent_tools.gui.port import ScreenError
from opsagent_tools.gui.x11 import monitors, questions
from opsagent_tools.gui.x11.cookies import new_cookie, write_cookie
from opsagent_tools.gui.x11.xlib import XConnection

_START_S, _LOOK_S = 30.0, 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a display shall be like."""

    size: tuple[int, int] = (1280, 800)
    """Pixels; where there are `monitors`, theirs count."""
    monitors: Sequence[tuple[int, int]] = ()
    """Sizes of several monitors, side by side from left to right; empty: one of `size`."""
    accessible: bool = True
    """With an accessibility bus, where this machine has one."""
    resources: Mapping[str, str] = field(default_factory=dict)
    """X resources: {"Xft.dpi": "192"} doubles the fonts of most programs."""

    @property
    def whole(self) -> tuple[int, int]:
        """The size of all monitors together."""
        if not self.monitors:
            return self.size
        return sum(width for width, _ in self.monitors), max(height for _, height in self.monitors)


@dataclass(frozen=True, slots=True)
class Started:
    """A display that runs."""

    name: str
    env: Mapping[str, str]
    folder: Path
    keeper: Keeper


def start(wanted: Wanted) -> Started:
    """Start everything; blocks until the window manager answers. Raises NotUsable, ScreenError."""
    demand_programs()
    folder = private_folder()
    try:
        keeper = Keeper(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        name = _start_server(keeper, folder, wanted.whole)
        env = of_display(os.environ, name, folder)
        _start_session(keeper, folder, env)
        _furnish(keeper, name, env, wanted)
        if wanted.accessible and launcher() is not None:
            env["AT_SPI_BUS_ADDRESS"] = wake_accessibility(env["DBUS_SESSION_BUS_ADDRESS"])
    except BaseException:
        keeper.end()
        raise
    return Started(name, env, folder, keeper)


def _furnish(keeper: Keeper, name: str, env: Mapping[str, str], wanted: Wanted) -> None:
    """Give the server its monitors, its resources and a window manager."""
    folder = Path(env["XDG_RUNTIME_DIR"])
    connection = XConnection(name, folder / "Xauthority")
    try:
        if wanted.monitors:
            connection.ask_now(lambda server: monitors.divide(server, wanted.monitors))
        if wanted.resources:
            text = "".join(f"{key}:\t{value}\n" for key, value in wanted.resources.items())
            connection.ask_now(lambda server: questions.set_resources(server, text))
        manager = [path_of("openbox"), "--sm-disable", "--config-file", str(manager_config(folder))]
        running = keeper.start(manager, env, calm=True)
        deadline = time.monotonic() + _START_S
        while not connection.ask_now(questions.has_manager):
            if time.monotonic() >= deadline or running.exit_code is not None:
                raise ScreenError("the window manager of the display did not start")
            time.sleep(_LOOK_S)
    finally:
        connection.close()


def _start_server(keeper: Keeper, folder: Path, size: tuple[int, int]) -> str:
    """Start Xvfb with a cookie and no TCP; return its name once it can be connected to."""
    cookie = new_cookie()
    write_cookie(folder / "server-cookie", cookie)
    argv = [
        path_of("Xvfb"),
        "-displayfd",
        "{fd}",
        "-auth",
        str(folder / "server-cookie"),
        "-nolisten",
        "tcp",
        "-noreset",
    ]
    argv += ["-screen", "0", f"{size[0]}x{size[1]}x24", "-dpi", "96", "-s", "0"]
    said, says = os.pipe()
    log = os.open(folder / "server.log", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        server = keeper.start(argv, {"PATH": search_path()}, files=(nothing, log, log, says), calm=True)
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
        path_of("dbus-daemon"),
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
