"""A real circusd with a configuration of its own, as somebody else would run it: started, changed, killed by a test."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import zmq

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circusd.adapter import CircusdSupervisor
from opsagent_tools.supervisors.port import Supervisor
from opsagent_tools.units import UnitId
from tests.support import processes, waiting
from tests.support.supervisors import Can

PROGRAM = [sys.executable, "-W", "ignore", "-m", "circus.circusd"]
_HEAD = """\
[circus]
endpoint = ipc://{folder}/c.sock
pubsub_endpoint = ipc://{folder}/e.sock
check_delay = {check_delay}
pidfile = {folder}/c.pid
logoutput = {folder}/main.log
"""


class Circusd:
    """One circusd in one folder (a short one: its sockets lie there). Synchronous."""

    def __init__(self, folder: Path, watchers: str = "", *, check_delay: float = 0.1, head: str = _HEAD) -> None:
        self.folder = folder
        self.head = head.format(folder=folder, check_delay=check_delay)
        self.conf = folder / "circus.ini"
        self.write(watchers)

    @property
    def address(self) -> str:
        return f"ipc://{self.folder}/c.sock"

    @property
    def pid(self) -> int:
        """Its own, as it writes it down: it makes the file before it fills it."""
        return int(waiting.eventually((self.folder / "c.pid").read_text))

    def write(self, watchers: str) -> None:
        """Describe these watchers, and do not tell circusd yet."""
        self.conf.write_text(self.head + watchers)

    def start(self, *, settle: bool = True) -> None:
        """Start it, and wait until it has started its watchers."""
        argv = [*PROGRAM, "--daemon", str(self.conf)]
        done = subprocess.run(argv, cwd=self.folder, capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        if settle:
            self.settle()

    @contextlib.contextmanager
    def foreground(self) -> Iterator[None]:
        """Run it as our own child, as a service manager would."""
        with subprocess.Popen([*PROGRAM, str(self.conf)], cwd=self.folder) as child:
            try:
                self.settle()
                yield
            finally:
                child.kill()

    def ask(self, command: str, **properties: Any) -> dict[str, Any]:
        """Ask it as some other client would."""
        with zmq.Context() as context, context.socket(zmq.DEALER) as line:
            line.linger = 0
            line.connect(self.address)
            line.send(json.dumps({"id": 1, "command": command, "properties": {**properties, "waiting": True}}).encode())
            assert line.poll(20_000), f"{command}: no answer"
            answer = json.loads(line.recv())
        assert isinstance(answer, dict)
        return answer

    def do(self, command: str, **properties: Any) -> dict[str, Any]:
        """Have it change something; it takes one change at a time."""

        def done() -> dict[str, Any] | None:
            answer = self.ask(command, **properties)
            return None if "already running" in str(answer.get("reason")) else answer

        answer = waiting.eventually(done)
        assert answer["status"] == "ok", answer
        return answer

    def update(self) -> None:
        """Have it take up its configuration."""
        self.do("reloadconfig")

    def settle(self) -> None:
        """Wait until nothing of it is starting or stopping, and everything has its processes."""

        def calm() -> bool:
            if not (self.folder / "c.sock").exists():
                return False
            statuses = self.ask("status").get("statuses")
            if not isinstance(statuses, dict) or set(statuses.values()) - {"active", "stopped"}:
                return False
            return all(self._is_complete(name) for name, one in statuses.items() if one == "active")

        waiting.eventually(calm, why="circusd has started its watchers")

    def _is_complete(self, name: str) -> bool:
        wanted = self.ask("get", name=name, keys=["numprocesses"]).get("options", {}).get("numprocesses")
        return bool(len(self.ask("list", name=name).get("pids", ())) == wanted)

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


class CircusdHarness:
    """A circusd of somebody else for the supervisors' contract."""

    can = Can(surge=False, know_ports=False, keep_stopped=True, keep_oldest=False)

    def __init__(self, folder: Path, *, check_delay: float = 0.1) -> None:
        self.daemon = Circusd(folder, check_delay=check_delay)
        self.daemon.start()
        self.supervisor: Supervisor = CircusdSupervisor(self.daemon.address)

    def id(self, name: str) -> UnitId:
        return UnitId.local("circusd", name)

    async def apply(self, specs: Iterable[ServiceSpec]) -> None:
        self.daemon.write("".join(watcher(spec, self.daemon.folder) for spec in specs))
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


def watcher(spec: ServiceSpec, folder: Path) -> str:
    """A service as a section of circus' configuration."""
    lines: dict[str, object] = {
        "cmd": shlex.join(spec.command),
        "working_dir": spec.cwd,
        "numprocesses": spec.instances,
        "respawn": spec.autorestart,
        "stop_signal": spec.stop_signal,
        "graceful_timeout": spec.stop_timeout_s,
    }
    if spec.logs:
        lines |= {"stdout_stream.class": "FileStream", "stdout_stream.filename": spec.logs[0]}
    env = {"HOME": folder / "home", **spec.env}  # names the folder, so that what is left is found
    head = [f"[watcher:{spec.name}]", *(f"{key} = {value}" for key, value in lines.items()), ""]
    return "\n".join([*head, f"[env:{spec.name}]", *(f"{key} = {value}" for key, value in env.items()), "", ""])
