"""PM2 homes of other users: believed as far as their user is, and no further. Root's view; a forged socket, log, file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsagent_tools.supervisors.pm2.adapter import Pm2Supervisor
from opsagent_tools.supervisors.pm2.look import look
from opsagent_tools.supervisors.pm2.units import Claims, read_apps
from opsagent_tools.supervisors.port import NotPermitted, SupervisorError
from opsagent_tools.units import UnitId
from tests.support.pm2 import PM2, needed_by, running

ALICE, BOB = 61_001, 61_002
API = UnitId.local("pm2", "api")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a home of one user, a socket of another")
_SERVE = """
const server = require("net").createServer((talk) => talk.on("data", (data) => console.log("asked " + data)));
server.listen(process.argv[1], () => console.log("ready"));
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder that others may pass through."""
    path = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@contextlib.contextmanager
def served(path: Path, uid: int) -> Iterator[subprocess.Popen[str]]:
    """A process of `uid` that listens on a socket, and says what it is asked."""
    command = [str(needed_by(uid)), "-e", _SERVE, str(path)]
    with subprocess.Popen(
        command, user=uid, group=uid, extra_groups=[], stdout=subprocess.PIPE, text=True, cwd="/"
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def home_of(folder: Path, uid: int) -> Path:
    """A home of PM2 that belongs to `uid`."""
    home = folder / ".pm2"
    home.mkdir()
    os.chown(home, uid, uid)
    return home


@AS_ROOT
async def test_a_socket_that_another_user_serves_in_the_home_is_not_asked_anything(folder: Path) -> None:
    home = home_of(folder, ALICE)
    home.chmod(0o777)
    with served(home / "rpc.sock", BOB) as forger:
        home.chmod(0o755)
        os.chown(home / "rpc.sock", ALICE, ALICE, follow_symlinks=False)  # whose file it is proves nothing
        supervisor = Pm2Supervisor(home, ALICE)

        with pytest.raises(NotPermitted, match=f"a process of uid {BOB} listens"):
            await supervisor.list()
        told = await supervisor.daemon()
        with pytest.raises(NotPermitted):
            look(home, ALICE)
        forger.kill()
        assert forger.stdout is not None
        assert b"getMonitorData" not in forger.stdout.read().encode()

    assert told.pid is None
    assert f"uid {BOB}" in told.hint
    assert (told.revival, told.trouble) == ("", "")
    await supervisor.close()


@AS_ROOT
async def test_a_home_of_another_user_than_expected_or_that_others_may_write_to_is_refused(folder: Path) -> None:
    home = home_of(folder, BOB)
    with served(home / "rpc.sock", BOB):
        with pytest.raises(NotPermitted, match=f"belongs to uid {BOB}"):
            await Pm2Supervisor(home, ALICE).list()
        home.chmod(0o777)
        with pytest.raises(NotPermitted, match="everybody may write"):
            await Pm2Supervisor(home, BOB).list()
        home.chmod(0o755)
        link = folder / "link"
        link.symlink_to(home)
        with pytest.raises(NotPermitted, match="a link"):
            await Pm2Supervisor(link, BOB).list()


@AS_ROOT
async def test_root_keeps_a_pm2_of_another_user_and_acts_as_that_user() -> None:
    with running(uid=ALICE) as pm2:
        supervisor = Pm2Supervisor(pm2.home)
        pm2.start("api", "sleep", args=["600"])

        unit = await supervisor.describe(API)
        said = await supervisor.persist()

        assert unit.uid == ALICE
        assert (await supervisor.daemon()).uid == ALICE
        assert "saved 1 app" in said
        assert (pm2.home / "dump.pm2").stat().st_uid == ALICE
        await supervisor.signal(API, signal.SIGCONT)
        await supervisor.reload(API)
        assert (pm2.home / "reload.lock").stat().st_uid == ALICE
        pm2.kill_daemon()
        await supervisor.revive()
        (process,) = (await supervisor.describe(API)).processes
        assert Path(f"/proc/{process.pid}").stat().st_uid == ALICE
        await supervisor.close()


@AS_ROOT
async def test_a_log_that_is_a_link_is_none_and_is_never_emptied(pm2: PM2, folder: Path) -> None:
    supervisor = Pm2Supervisor(pm2.home)
    precious = folder / "shadow"
    precious.write_text("root:secret")
    link = pm2.home / "logs" / "own.log"
    link.symlink_to(precious)
    (pid,) = pm2.start("api", "sleep", args=["600"], pm_out_log_path=str(link), merge_logs=True)

    assert link not in supervisor.log_files(API)
    assert [path.name for path in (await supervisor.describe(API)).logs] == ["api-error.log"]
    with pytest.raises(NotPermitted, match="is a link"):
        await supervisor.flush(API)
    told = [finding for finding in await supervisor.findings() if finding.check == "pm2/not_believed"]
    assert [(finding.unit, "is a link" in finding.says) for finding in told] == [(API, True)]
    assert precious.read_text() == "root:secret"
    assert pm2.pids("api") == [pid]
    await supervisor.close()


@AS_ROOT
def test_a_pid_of_another_user_is_no_process_of_this_pm2() -> None:
    """What a daemon of Alice says of a process of Bob does not make it hers."""
    with subprocess.Popen(["sleep", "600"], user=BOB, group=BOB) as stranger:
        try:
            env = {"pm_id": 0, "name": "api", "status": "online"}
            (app,) = read_apps([{"pid": stranger.pid, "pm_id": 0, "name": "api", "pm2_env": env}])
            claims = Claims(ALICE)

            assert claims.process(app) is None
            assert f"uid {BOB}'s" in claims.refused["api"]
            assert Claims(BOB).process(app) is not None
        finally:
            stranger.kill()


@AS_ROOT
async def test_an_ecosystem_file_of_another_user_starts_nothing(pm2: PM2, folder: Path) -> None:
    supervisor = Pm2Supervisor(pm2.home)
    for name, text in (("eco.json", '{"apps": []}'), ("ecosystem.config.js", "module.exports = {apps: []}")):
        file = folder / name
        file.write_text(text)
        os.chown(file, BOB, BOB)
        with pytest.raises(NotPermitted, match=f"belongs to uid {BOB}"):
            await supervisor.start_file(file)
        os.chown(file, 0, 0)
        file.chmod(0o666)
        with pytest.raises(NotPermitted, match="others may write"):
            await supervisor.start_file(file)
    real, link = folder / "real.json", folder / "link.json"
    real.write_text("[]")
    link.symlink_to(real)
    with pytest.raises(NotPermitted, match="is a link"):
        await supervisor.start_file(link)
    await supervisor.close()


@AS_ROOT
async def test_root_runs_no_code_for_another_user(folder: Path) -> None:
    with running(uid=ALICE) as pm2:
        file = folder / "ecosystem.config.js"
        file.write_text("module.exports = {apps: []}")
        os.chown(file, ALICE, ALICE)
        supervisor = Pm2Supervisor(pm2.home)
        with pytest.raises(NotPermitted, match="does not run code for uid"):
            await supervisor.start_file(file)
        await supervisor.close()


async def test_a_daemon_that_hangs_or_talks_nonsense_is_an_error_and_no_hang(folder: Path) -> None:
    home = folder / "home"
    home.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "rpc.sock"))
        server.listen()
        server.settimeout(5)
        supervisor = Pm2Supervisor(home)
        asked = asyncio.ensure_future(supervisor.list())
        talk, _ = await asyncio.to_thread(server.accept)
        with talk:
            talk.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            with pytest.raises(SupervisorError, match="no PM2"):
                await asked
        await supervisor.close()


async def test_a_daemon_that_does_not_answer_is_given_up_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsagent_tools.supervisors.pm2.rpc.CALL_S", 0.2)
    home = folder / "home"
    home.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "rpc.sock"))
        server.listen()
        supervisor = Pm2Supervisor(home)
        with pytest.raises(SupervisorError, match=r"has not answered methods in 0\.2 s"):
            await supervisor.list()
        with pytest.raises(SupervisorError, match="has not answered"):
            look(home, timeout_s=0.2)
        await supervisor.close()
