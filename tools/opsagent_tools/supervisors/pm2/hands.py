"""What is done to single processes of PM2, with all that its command line does beside the one call.

The command line switches watching off before it stops or deletes, and tells the bus afterwards what was done (without
that nobody learns of it); it keeps others from reloading meanwhile by a lock file with the time in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from opsagent_tools import trust
from opsagent_tools.files import UnsafeFile
from opsagent_tools.redact import redact
from opsagent_tools.supervisors.pm2.core import Core
from opsagent_tools.supervisors.pm2.home import RELOAD_LOCK
from opsagent_tools.supervisors.pm2.rpc import CALL_S
from opsagent_tools.supervisors.pm2.units import ERRORED, App, number
from opsagent_tools.supervisors.port import Busy, NotPermitted, SupervisorError

_LOCK_S = 30.0
"""PM2 takes an older lock for one that somebody left."""


async def each(apps: Sequence[App], do: Callable[[App], Awaitable[None]], *, at_once: int = 1) -> None:
    """Do something to processes, so many at once. The first failure is raised when those under way are done."""
    slots = asyncio.Semaphore(at_once)
    failed: list[BaseException] = []

    async def one(app: App) -> None:
        async with slots:
            if not failed:
                try:
                    await do(app)
                except SupervisorError as error:
                    failed.append(error)

    await asyncio.gather(*(one(app) for app in apps))
    if failed:
        raise failed[0]


def at_once(apps: Sequence[App]) -> int:
    """Return how many the command line restarts side by side."""
    return 1 if len(apps) <= 2 else 2


def patience(app: App, *, starts: bool) -> float:
    """Return how long a call may take that waits for this process to end (and a new one to be ready)."""
    ready_s = app.listen_timeout_s if starts else 0.0
    return CALL_S + 2 * app.kill_timeout_s + ready_s


async def stop(core: Core, app: App) -> None:
    """Stop one process. Raises SupervisorError where it could not be."""
    await core.rpc.call("stopWatch", "stopProcessId", app.pm_id)
    answer = await core.rpc.call("stopProcessId", app.pm_id, timeout_s=patience(app, starts=False))
    core.seen.stopped(app.pm_id, time.time())
    await notify(core, app, "stop")
    env = answer.get("pm2_env") if isinstance(answer, dict) else None
    if isinstance(env, dict) and env.get("status") == ERRORED:
        raise SupervisorError(f"PM2 could not end process {app.pid} of {app.unit}")


async def start(core: Core, app: App) -> None:
    """Start one that is down, its counters of unstable restarts fresh."""
    await _starting(core, "restartProcessId", app, {})
    await notify(core, app, "start")


async def restart(core: Core, app: App, env: dict[str, Any] | None = None) -> None:
    """Stop and start one process. `env`: what its environment and settings become, as PM2 takes it."""
    await _starting(core, "restartProcessId", app, env or {})
    await notify(core, app, "restart")


async def reload(core: Core, app: App, env: dict[str, Any] | None = None) -> None:
    """Put a new process in the place of one: beside it first in cluster mode, else as a restart."""
    await _starting(core, "reloadProcessId", app, env or {})
    await notify(core, app, "reload")


async def delete(core: Core, app: App) -> None:
    """End one process, and have PM2 forget it."""
    await core.rpc.call("stopWatch", "deleteProcessId", app.pm_id)
    await core.rpc.call("deleteProcessId", app.pm_id, timeout_s=patience(app, starts=False))
    core.surged.pop(app.pm_id, None)


async def duplicate(core: Core, app: App) -> int:
    """Start one more like it, and return its number."""
    answer = await core.rpc.call("duplicateProcessId", app.pm_id, timeout_s=patience(app, starts=True))
    env = answer.get("pm2_env") if isinstance(answer, dict) else None
    pm_id = number(env.get("pm_id"), -1) if isinstance(env, dict) else -1
    if pm_id < 0:
        raise SupervisorError(f"PM2 did not say what it started for {app.unit}")
    return pm_id


async def notify(core: Core, app: App, what: str) -> None:
    """Tell the bus what was done, as the command line does."""
    with contextlib.suppress(SupervisorError):  # it is done, whoever hears of it
        await core.rpc.call("notifyByProcessId", {"id": app.pm_id, "action_name": what, "manually": True})


async def _starting(core: Core, method: str, app: App, env: dict[str, Any]) -> None:
    opts = {"id": app.pm_id, "env": env}
    await core.rpc.call(method, opts, timeout_s=patience(app, starts=True))


def signal_one(core: Core, app: App, signum: int) -> None:
    """Send a signal to the process of an app, and to no other that has its pid by now."""
    key = core.claims.process(app)
    if key is None:
        raise SupervisorError(f"{app.unit} has no process {app.pid}")
    uid = core.home.uid
    try:
        trust.send_signal(key, signum, uid=uid or None)
    except ProcessLookupError as error:
        raise SupervisorError(f"process {key.pid} of {app.unit} has ended") from error
    except (PermissionError, trust.NotTrusted) as error:
        raise NotPermitted(f"process {key.pid} of {app.unit} may not be signalled: {error}") from error


def reload_under_way(core: Core) -> str:
    """Say whether somebody's `pm2 reload` runs in this home (it locks all of it); empty: no."""
    try:
        descriptor = trust.open_owned(core.home.path / RELOAD_LOCK, core.home.uid)
    except (OSError, UnsafeFile, SupervisorError):
        return ""
    with os.fdopen(descriptor, "rb") as file:
        said = file.read(32).strip()
    age_s = time.time() - int(said) / 1000 if said.isdigit() else _LOCK_S
    return f"`pm2 reload` is under way in {core.home.path} (for {max(age_s, 0):.0f} s)" if age_s < _LOCK_S else ""


@asynccontextmanager
async def reloading(core: Core) -> AsyncIterator[None]:
    """Keep other reloads of this home away meanwhile, ours and people's. Raises Busy where one runs."""
    found = reload_under_way(core)
    if found:
        raise Busy(found)
    _write_lock(core, str(int(time.time() * 1000)))
    try:
        yield
    finally:
        _write_lock(core, "")


def _write_lock(core: Core, content: str) -> None:
    """Write PM2's lock file; where that cannot be, the daemon itself still refuses a second reload of the same process."""
    path = core.home.path / RELOAD_LOCK
    with contextlib.suppress(OSError, UnsafeFile):
        if not os.path.lexists(path):
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            if os.geteuid() != core.home.uid:
                os.fchown(made, core.home.uid, -1)
            os.close(made)
        descriptor = trust.open_owned(path, core.home.uid, os.O_WRONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.truncate(0)
            file.write(content.encode())


def flush(core: Core, apps: Sequence[App]) -> list[str]:
    """Empty the log files of these processes. Raises UnsafeFile for one that is a link or not the user's; nothing is emptied."""
    opened: list[tuple[str, int]] = []
    try:
        for path in dict.fromkeys(path for app in apps for path in app.logs):
            with contextlib.suppress(FileNotFoundError):
                opened.append((str(path), trust.open_owned(path, apps[0].uid or core.home.uid, os.O_WRONLY)))
        for _, descriptor in opened:
            os.ftruncate(descriptor, 0)
    finally:
        for _, descriptor in opened:
            os.close(descriptor)
    return [redact(path) for path, _ in opened]
