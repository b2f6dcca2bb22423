"""The stage of `opsagent demo --gui`: a console of somebody else's, in a browser, and a service that lives on what it runs.

The console is supervisord's own web page, as Debian ships it, in Chromium. The agent is told nothing of that supervisord:
all it has is a procedure on its page, which a person wrote and accepted, and a runbook that names it.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

from opsagent.demo.services.faults import free_ports
from opsagent.demo.stage import StageError, accepts, cancel, daemon, listen, opsagent, program, temporary_folder, until
from opsagent.home import Home
from opsagent_tools.services.toml import load_services
from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine

PROCEDURE = "feed on the console"
SERVICE = "shop"
_UP_S = 20.0

_CONSOLE = """\
[supervisord]
nodaemon = true
logfile = {folder}/supervisord.log
pidfile = {folder}/supervisord.pid
[inet_http_server]
port = 127.0.0.1:{console}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:archive]
command = sleep 3600
startsecs = 0
[program:feed]
command = {python} -m http.server {feed} --bind 127.0.0.1 --directory {folder}
startsecs = 0
autorestart = false
[program:ledger]
command = sleep 3600
startsecs = 0
autostart = false
"""
_PROCEDURE = """\
name: {name}
title: start the feed on the provider's console
window: {{program: chromium}}
start: {start}
steps:
  - click: link "REFRESH"
    expect: {{shows: Page refreshed}}
  - click: link "Start" in "feed"
    expect: {{shows: Process feed started}}
  - click: link "REFRESH"
    expect: {{shows: Page refreshed}}
effects:
  - {{port: {feed}}}
"""
_RUNBOOK = """\
title = "The provider's feed has stopped"
cause = "unknown"
answers = ["crash", "hang", "degraded", "error_burst", "dependency_down", "flapping"]
looks_for = "shop answers 503, and nobody serves the feed"
never = "restart shop: it is well, and finds the feed again by itself"

[[remedy]]
name = "start_feed"
does = "start the feed on the provider's console, which has no API for us"
when = ["unit.name is shop"]
expects = "the feed is served again"
undo = "stop the feed on the same page"
order = 1

[[remedy.step]]
action = "run_gui_procedure"
args = {{ procedure = "{name}" }}
wait_s = 60
"""
_CONFIG = """\
mode = "auto"
[supervisors]
discover = false
[memory]
explore = false
[screens]
unattended = ["{name}"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """What the demo is played on."""

    home: Home
    ports: Mapping[str, int]
    """Of `shop`, `feed` and `console`."""

    def processes(self) -> dict[str, int]:
        """Return the pid of each program of the console, 0 where it does not run."""
        told: Any = ServerProxy(f"http://127.0.0.1:{self.ports['console']}/RPC2").supervisor.getAllProcessInfo()
        return {str(one["name"]): int(one["pid"]) for one in told}

    def stop_feed(self) -> None:
        """End the feed, as it may end by itself."""
        os.kill(self.processes()["feed"], signal.SIGKILL)


def missing() -> str:
    """Return what to install first, in one line; empty: nothing."""
    lacking = [package for command, package in (("chromium", "chromium"), ("Xvfb", "xvfb"), ("openbox", "openbox"),
               ("dbus-daemon", "dbus at-spi2-core")) if shutil.which(command) is None]  # fmt: skip
    said = f"apt-get install {' '.join(lacking)}" if lacking else ""
    if _supervisord() is None:
        said += f"{'; ' if said else ''}pip install supervisor (or apt-get install supervisor)"
    return said


@asynccontextmanager
async def console(say: Callable[[str], None], heard: Callable[[Mapping[str, Any]], None]) -> AsyncIterator[Console]:
    """Set everything up for real; `heard` gets the daemon's timeline. All of it is gone afterwards. Raises StageError."""
    if lacking := missing():
        raise StageError(lacking)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(temporary_folder()))
        home = Home.open(folder / "home")
        stack.callback(home.discard_runtime_dir)  # it is not under the home
        ports = dict(zip(("shop", "feed", "console"), free_ports(3), strict=True))
        say("starting the provider's console: supervisord and its own web page, of which the agent knows nothing")
        await stack.enter_async_context(program(_console(folder, ports)))
        for name in ("console", "feed"):
            await until(partial(accepts, ports[name]), _UP_S, f"nobody serves the {name}")
        say("starting shop, which lives on the provider's feed, on the embedded engine")
        engine = Engine(home.engine_dir, home.runtime_dir)
        stack.push_async_callback(engine.shutdown)
        await engine.apply(load_services(_services(folder, ports)))
        supervisor = CircusSupervisor(engine)
        stack.push_async_callback(supervisor.close)
        await until(partial(accepts, ports["shop"]), _UP_S, "nobody serves shop")
        say(f"a person writes down and accepts the procedure “{PROCEDURE}”, and a runbook that names it")
        await _told(home, folder, ports)
        say("starting the agent, unattended: opsagent watch, mode auto")
        client = await stack.enter_async_context(daemon(home))
        listening = asyncio.create_task(listen(client, heard))
        stack.push_async_callback(cancel, listening)
        yield Console(home=home, ports=ports)


def _console(folder: Path, ports: Mapping[str, int]) -> list[str]:
    file = folder / "supervisord.conf"
    file.write_text(_CONSOLE.format(folder=folder, python=sys.executable, **ports), encoding="utf-8")
    return [_supervisord() or "supervisord", "-c", str(file)]


def _supervisord() -> str | None:
    beside = Path(sys.executable).with_name("supervisord")
    return str(beside) if beside.exists() else shutil.which("supervisord")


def _services(folder: Path, ports: Mapping[str, int]) -> Path:
    file = folder / "services.toml"
    command = [sys.executable, "-P", "-m", "opsagent.demo.services.shop"]
    command += ["--port", str(ports["shop"]), "--feed", str(ports["feed"])]
    health = f'{{ http = "http://127.0.0.1:{ports["shop"]}/", interval_s = 0.5, timeout_s = 2.0, grace_s = 5.0 }}'
    file.write_text(
        f"[services.{SERVICE}]\ncommand = {json.dumps(command)}\nport = {ports['shop']}\nhealth = {health}\n",
        encoding="utf-8",
    )
    return file


async def _told(home: Home, folder: Path, ports: Mapping[str, int]) -> None:
    """Write configuration, runbook and procedure, and accept the procedure as a person does. Raises StageError."""
    home.config_file.write_text(_CONFIG.format(name=PROCEDURE), encoding="utf-8")
    home.config_file.chmod(0o600)
    runbooks = home.path / "runbooks"
    runbooks.mkdir(mode=0o700, exist_ok=True)
    (runbooks / "feed.toml").write_text(_RUNBOOK.format(name=PROCEDURE), encoding="utf-8")
    (runbooks / "feed.toml").chmod(0o600)
    start = ["chromium", f"--user-data-dir={folder}/browser", "--no-first-run", "--no-default-browser-check"]
    start += ["--no-sandbox", "--test-type"] if os.geteuid() == 0 else []
    start += [f"--app=http://127.0.0.1:{ports['console']}/"]
    file = folder / "procedure.yaml"
    file.write_text(_PROCEDURE.format(name=PROCEDURE, start=json.dumps(start), **ports), encoding="utf-8")
    code, printed = await opsagent("gui", "import", str(file), "--yes", home=home)
    if code:
        raise StageError(f"the procedure was not accepted: {' '.join(printed.split())}")
