"""A real supervisord with a configuration of its own: started, changed, killed and brought back by a test."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import psutil

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.port import Supervisor
from opsagent_tools.supervisors.supervisord.adapter import SupervisordSupervisor
from opsagent_tools.supervisors.supervisord.address import Address
from opsagent_tools.supervisors.supervisord.wire import Wire
from opsagent_tools.units import UnitId
from tests.support import processes, waiting
from tests.support.supervisors import Can

PROGRAM = [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord"]
_HEAD = """\
[unix_http_server]
file={folder}/s.sock
[supervisord]
logfile={folder}/main.log
pidfile={folder}/s.pid
childlogdir={folder}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{folder}/s.sock
"""


class Supervisord:
    """One supervisord in one folder (a short one: its socket lies there). Synchronous."""

    def __init__(self, folder: Path, programs: str = "", *, head: str = _HEAD) -> None:
        self.folder = folder
        self.head = head.format(folder=folder)
        self.conf = folder / "supervisord.conf"
        self.write(programs)

    @property
    def address(self) -> str:
        return f"unix://{self.folder}/s.sock"

    @property
    def pid(self) -> int:
        return int((self.folder / "s.pid").read_text())

    def write(self, programs: str) -> None:
        """Describe these programs, and do not tell supervisord yet."""
        self.conf.write_text(self.head + programs)

    def start(self, *, uid: int | None = None) -> None:
        """Start it as its packages do: it puts itself into the background."""
        done = subprocess.run(
            [*PROGRAM, "-c", str(self.conf)], capture_output=True, text=True, timeout=30, user=uid, check=False
        )
        assert done.returncode == 0, done.stderr
        waiting.eventually(self._has_begun, why="supervisord has written down its pid")

    def _has_begun(self) -> bool:
        try:
            return os.fsencode(self.conf) in Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except (OSError, ValueError):  # none yet, or that of an earlier one
            return False

    @contextlib.contextmanager
    def foreground(self) -> Iterator[None]:
        """Run it as our own child, as what is told `nodaemon=true` is run."""
        with subprocess.Popen([*PROGRAM, "-c", str(self.conf)], stdout=subprocess.DEVNULL) as child:
            try:
                waiting.eventually((self.folder / "s.sock").exists)
                yield
            finally:
                child.kill()

    def ask(self, method: str, *params: str | int | bool) -> object:
        """Ask it as some other client would."""
        return Wire(address=Address.parse(self.address)).call_now(f"supervisor.{method}", *params, timeout_s=20.0)

    def update(self) -> None:
        """Have it take up its configuration, as `supervisorctl update` does."""
        ((added, changed, removed),) = cast("list[list[list[str]]]", self.ask("reloadConfig"))
        for group in [*removed, *changed]:
            self.ask("stopProcessGroup", group)
            self.ask("removeProcessGroup", group)
        for group in [*changed, *added]:
            self.ask("addProcessGroup", group)

    def ctl(self, *args: str) -> str:
        """Run supervisorctl, as a person does."""
        argv = [sys.executable, "-W", "ignore", "-m", "supervisor.supervisorctl", "-c", str(self.conf), *args]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False).stdout

    def settle(self) -> None:
        """Wait until nothing of it is starting or stopping."""

        def calm() -> bool:
            found = self.ask("getAllProcessInfo")
            assert isinstance(found, list)
            return all(one["state"] in {0, 20, 100, 200} and (one["start"] or one["state"]) for one in found)

        waiting.eventually(calm)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """End it and whatever it started, also where it is dead already; at once, it would take its time."""
        for daemon in processes.mentioning([str(self.conf)]):
            with contextlib.suppress(psutil.Error):
                daemon.kill()  # first: it would start again what dies
        while left := processes.mentioning([str(self.folder) + os.sep]):
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()


class SupervisordHarness:
    """A supervisord for the supervisors' contract."""

    can = Can(scale=False, surge=False, know_ports=False, keep_stopped=False)

    def __init__(self, folder: Path) -> None:
        self.daemon = Supervisord(folder)
        self.daemon.start()
        self.supervisor: Supervisor = SupervisordSupervisor(self.daemon.address)

    def id(self, name: str) -> UnitId:
        return UnitId.local("supervisord", name)

    async def apply(self, specs: Iterable[ServiceSpec]) -> None:
        self.daemon.write("".join(program(spec) for spec in specs))
        self.daemon.update()
        self.daemon.settle()

    def kill(self, unit: UnitId, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def lose(self) -> None:
        self.daemon.kill()

    async def come_back(self) -> None:
        await self.supervisor.revive()

    async def end(self) -> None:
        await self.supervisor.close()
        self.daemon.end()


def program(spec: ServiceSpec) -> str:
    """A service as a section of supervisord's configuration."""
    lines = {
        "command": shlex.join(spec.command).replace("%", "%%"),
        "directory": spec.cwd,
        "numprocs": spec.instances,
        "process_name": "%(program_name)s_%(process_num)02d" if spec.instances > 1 else "%(program_name)s",
        "autorestart": str(spec.autorestart).lower(),
        "startsecs": 0,
        "stopsignal": spec.stop_signal.removeprefix("SIG"),
        "stopwaitsecs": max(1, int(spec.stop_timeout_s)),
        "stdout_logfile": spec.logs[0] if spec.logs else "AUTO",
    }
    return "\n".join([f"[program:{spec.name}]", *(f"{key}={value}" for key, value in lines.items()), "", ""])
