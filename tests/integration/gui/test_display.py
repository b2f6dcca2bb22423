"""A display of our own, for real: private, answering, and gone with everything on it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from opsagent_tools.gui.display import Display, attached, open_display
from opsagent_tools.gui.port import NotUsable, ScreenError, SurfaceGone
from opsagent_tools.gui.x11.xlib import NoAnswer
from tests.support.screens import require_screen
from tests.support.waiting import eventually, until

OWNER = """
import asyncio
from opsagent_tools.gui.display import open_display

async def main():
    async with open_display() as display:
        await display.run(["sh", "-c", "(setsid sleep 1000 &) ; exec sleep 1000"])
        print(display.folder, display.name, display.keeper_pid, flush=True)
        await asyncio.sleep(1000)

asyncio.run(main())
"""


def test_only_the_owner_has_the_cookie(screen: Display) -> None:
    assert screen.folder is not None
    assert stat.S_IMODE(screen.folder.stat().st_mode) == 0o700
    files = [path for path in screen.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert {"Xauthority", "server-cookie"} <= {path.name for path in files}
    assert [path for path in files if stat.S_IMODE(path.stat().st_mode) != 0o600] == []


async def test_nobody_gets_in_without_the_cookie(screen: Display, tmp_path: Path) -> None:
    assert await screen.windows() == ()
    for env in ({"HOME": str(tmp_path)}, {"XAUTHORITY": os.devnull}):
        with attached(screen.name, env) as stranger, pytest.raises(NotUsable, match="no X server that can be used"):
            await stranger.windows()


def test_no_tcp_port_is_open(screen: Display) -> None:
    ours = psutil.Process(screen.keeper_pid).children(recursive=True)
    assert {"Xvfb", "openbox", "dbus-daemon"} <= {process.name() for process in ours}
    assert [one for process in ours for one in process.net_connections("inet")] == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", 6000 + int(screen.name[1:]))) != 0


async def test_programs_get_the_display_and_none_of_our_secrets(
    screen: Display, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "k-123")
    out = tmp_path / "out"
    program = await screen.run(["env"], env={"MORE": "1"}, output=out)
    assert await program.wait(20) == 0
    seen = dict(line.partition("=")[::2] for line in out.read_text().splitlines())
    assert seen["DISPLAY"] == screen.name
    assert seen["MORE"] == "1"
    assert seen["AT_SPI_BUS_ADDRESS"].startswith(f"unix:path={screen.folder}")
    assert not {"ACME_API_KEY", "WAYLAND_DISPLAY"} & set(seen)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


async def test_how_a_program_ended_is_known(screen: Display) -> None:
    failing = await screen.run(["sh", "-c", "seq 100000; echo no such report >&2; exit 7"])
    assert await failing.wait(20) == 7
    await until(lambda: failing.said.endswith("100000\nno such report"))
    assert len(failing.said) <= 4096
    program = await screen.run(["sleep", "1000"])
    before = program.exit_code
    assert (before, await program.end(), program.exit_code) == (None, -signal.SIGTERM, -signal.SIGTERM)
    stubborn = await screen.run(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
    await until(lambda: "sleep" in _names(stubborn.pid))  # so it is deaf by now
    assert await stubborn.end(grace_s=0.05) == -signal.SIGKILL
    with pytest.raises(NotUsable, match="no-such-program is not installed"):
        await screen.run(["no-such-program"])


def _names(pid: int) -> set[str]:
    return set(map(_name, psutil.Process(pid).children()))


async def test_a_server_that_hangs_hangs_nobody(screen: Display) -> None:
    (server,) = (one for one in psutil.Process(screen.keeper_pid).children() if one.name() == "Xvfb")
    connection, late = screen.connect(), screen.connect()
    try:
        assert await connection.ask(lambda it: it.screen().width_in_pixels) == 1280
        server.suspend()
        with pytest.raises(NoAnswer, match="did not answer"):
            await connection.ask(lambda it: it.screen().root.get_geometry(), 0.1)
        with pytest.raises(ScreenError, match="cannot be used"):
            await connection.ask(lambda it: it.screen().root.get_geometry())
        asking = asyncio.create_task(late.ask(lambda it: 0))  # it waits for the server to say hello
        await asyncio.sleep(0)
        late.close()
        with pytest.raises(ScreenError):
            await asking
    finally:
        server.resume()
        connection.close()
        late.close()


async def test_a_server_that_died_is_told_and_leaves_nothing(require: Callable[[str], Path]) -> None:
    require_screen()
    async with open_display(accessible=False) as display:
        (server,) = (one for one in psutil.Process(display.keeper_pid).children() if one.name() == "Xvfb")
        assert await display.windows() == ()
        server.kill()
        await until(lambda: _has_ended(server))
        with pytest.raises(SurfaceGone, match="its server ended"):
            await display.windows()
        late = display.connect()
        with pytest.raises(NotUsable, match="no X server that can be used"):
            late.ask_now(lambda it: it.screen())
        late.close()
    assert not Path(f"/tmp/.X{display.name[1:]}-lock").exists()


async def test_monitors_stand_side_by_side(require: Callable[[str], Path]) -> None:
    require_screen()
    async with open_display(monitors=((800, 600), (640, 480)), accessible=False) as display:
        left, right = await display.desktop.monitors()
        folder = display.folder
        assert (left.primary, left.box.right, right.box.left, right.box.width) == (True, 800, 800, 640)
        assert "AT_SPI_BUS_ADDRESS" not in display.env
    assert folder is not None
    assert not folder.exists()


def test_nothing_is_left_when_the_owner_is_killed() -> None:
    require_screen()
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with owner:
        try:
            assert owner.stdout is not None
            folder, name, keeper = owner.stdout.readline().split()
            eventually(lambda: [_name(one) for one in _below(keeper)].count("sleep") == 2)
            started = [psutil.Process(int(keeper)), *_below(keeper)]
            assert {"Xvfb", "openbox", "dbus-daemon"} <= set(map(_name, started))
        finally:
            owner.kill()
    eventually(lambda: all(map(_has_ended, started)))
    eventually(lambda: not Path(folder).exists())
    assert not Path(f"/tmp/.X{name[1:]}-lock").exists()


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def _has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE  # whoever inherits it may take its time
    except psutil.NoSuchProcess:
        return True


def _below(keeper: str) -> list[psutil.Process]:
    return psutil.Process(int(keeper)).children(recursive=True)


def test_a_killed_keeper_takes_the_servers_with_it_and_its_folder_is_swept(
    runtime_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_screen()
    from opsagent_tools.gui.display import folders
    from opsagent_tools.gui.display.keeping import Keeper

    folder, kept = folders.private_folder(), folders.private_folder()
    keeper, living = Keeper(folder), Keeper(kept)
    try:
        started = psutil.Process(keeper.start(["/bin/sleep", "1000"], {}).pid)
        monkeypatch.setattr(folders, "_FRESH_S", -1.0)
        eventually((kept / "kept").exists)
        os.kill(keeper.pid, signal.SIGKILL)
        eventually(lambda: _has_ended(started))
        assert folder.exists()
        folders.sweep(runtime_root)
        assert (folder.exists(), kept.exists()) == (False, True)
        with pytest.raises(ScreenError, match="has ended"):
            keeper.start(["/bin/true"], {})
    finally:
        keeper.end()
        living.end()
    assert not kept.exists()
