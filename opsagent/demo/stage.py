"""Sets the demo's stage in a temporary home: engine, services, load, the daemon; and takes it down again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from opsagent.api.client import ApiClient, ApiError
from opsagent.demo.services.deploy import Deployment, load_command, write
from opsagent.demo.services.load import Counters
from opsagent.home import Home
from opsagent_tools.patience import within
from opsagent_tools.services.toml import load_services
from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.units import ProcessKey, Unit, UnitId

_UP_S = 20.0
_DAEMON_S = 20.0
_POLL_S = 0.1


class StageError(Exception):
    """The stage could not be set; nothing of the demo has been shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the acts of the demo are played on."""

    home: Home
    deployment: Deployment
    supervisor: CircusSupervisor
    counters_file: Path

    async def unit(self, name: str) -> Unit:
        """Return one of the services as the engine sees it now."""
        return await self.supervisor.describe(UnitId.local("circus", name))

    async def processes(self, name: str) -> tuple[ProcessKey, ...]:
        """Return the processes of one of the services."""
        return tuple(process.key for process in (await self.unit(name)).processes)

    def counters(self) -> Counters:
        """Return what the load has counted so far."""
        return Counters.read(self.counters_file)

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Run an `opsagent` command as a person would; return its exit code and what it printed."""
        return await opsagent(*arguments, home=self.home)


async def opsagent(*arguments: str, home: Home) -> tuple[int, str]:
    """Run an `opsagent` command as a person would; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *_opsagent(*arguments, "--home", str(home.path)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=_environment(),
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode(errors="replace")


@asynccontextmanager
async def stage(say: Callable[[str], None], heard: Callable[[Mapping[str, Any]], None]) -> AsyncIterator[Stage]:
    """Set everything up for real; `heard` gets the daemon's timeline. All of it is gone afterwards."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(temporary_folder()))
        home = Home.open(folder / "home")
        stack.callback(home.discard_runtime_dir)  # it is not under the home
        # It may do what it likes here, so nothing but the demo's own services is known to it.
        # The same faults come again within a minute, on purpose: that puts a remedy in doubt, and nothing else is tried here.
        said = 'mode = "auto"\n[supervisors]\ndiscover = false\n[memory]\nexplore = false\n'
        home.config_file.write_text(said, encoding="utf-8")
        home.config_file.chmod(0o600)
        deployment = write(folder)
        say("starting gateway (4 workers) → api → store on the embedded engine")
        engine = Engine(home.engine_dir, home.runtime_dir)
        stack.push_async_callback(engine.shutdown)
        await engine.apply(load_services(deployment.services_toml))
        supervisor = CircusSupervisor(engine)
        stack.push_async_callback(supervisor.close)
        await _serving(deployment)
        say("starting the agent, unattended: opsagent watch, mode auto")
        client = await stack.enter_async_context(daemon(home))
        listening = asyncio.create_task(listen(client, heard))
        stack.push_async_callback(cancel, listening)
        say("starting a steady load on gateway that counts every failed request")
        counters = folder / "load.json"
        await stack.enter_async_context(program(load_command(deployment.url, counters)))
        await until(counters.exists, _UP_S, "the load did not start")
        yield Stage(home=home, deployment=deployment, supervisor=supervisor, counters_file=counters)


@contextlib.contextmanager
def temporary_folder() -> Any:
    """Make a folder, and remove it with all that is in it."""
    folder = tempfile.mkdtemp(prefix="opsagent-demo-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def daemon(home: Home) -> AsyncIterator[ApiClient]:
    """Start `opsagent watch` for a home; give the way to ask it."""
    log = home.logs_dir / "watch.log"
    async with program(_opsagent("watch", "--json", "--home", str(home.path)), log=log) as process:
        client: ApiClient | None = None
        deadline = asyncio.get_running_loop().time() + _DAEMON_S
        while client is None:
            if process.returncode is not None or asyncio.get_running_loop().time() > deadline:
                raise StageError(f"the daemon did not start: {_last_line(log)}")
            with contextlib.suppress(ApiError):
                client = await ApiClient.connect(home.api_socket)
            await asyncio.sleep(_POLL_S)
        try:
            yield client
        finally:
            await client.close()


@asynccontextmanager
async def program(command: list[str], *, log: Path | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program for as long as the context lasts; end it with SIGTERM, then SIGKILL."""
    with contextlib.ExitStack() as files:
        out: Any = files.enter_context(log.open("wb")) if log is not None else asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, env=_environment()
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await within(process.wait(), 10.0)
                except TimeoutError:
                    process.kill()
                    await process.wait()


async def listen(client: ApiClient, heard: Callable[[Mapping[str, Any]], None]) -> None:
    """Hand on what the daemon tells, as long as it tells."""
    with contextlib.suppress(ApiError):
        async for item in client.stream("events", {}):
            heard(item)


async def cancel(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _serving(deployment: Deployment) -> None:
    ports = (deployment.store, deployment.api, deployment.gateway)
    for port in ports:
        await until(partial(accepts, port), _UP_S, f"nothing serves port {port}")


async def accepts(port: int) -> bool:
    """Return whether somebody accepts connections on a port of this machine."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def until(condition: Callable[[], Any], timeout_s: float, why: str) -> None:
    """Wait until `condition` holds. Raises StageError with `why`."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        holds = condition()
        if asyncio.iscoroutine(holds):
            holds = await holds
        if holds:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise StageError(why)
        await asyncio.sleep(_POLL_S)


def _opsagent(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "opsagent", *arguments]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("OPSAGENT_")}


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it printed nothing"


def as_json(value: object) -> str:
    """Return `value` as one JSON document."""
    return json.dumps(value, indent=2, ensure_ascii=False)
