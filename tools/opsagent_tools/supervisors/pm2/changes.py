"""What is done to whole units of PM2: which of their processes, in which order, and what is refused."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from opsagent_tools.processes.proc import is_alive
from opsagent_tools.supervisors.pm2 import hands
from opsagent_tools.supervisors.pm2.core import Core
from opsagent_tools.supervisors.pm2.definition import update_for
from opsagent_tools.supervisors.pm2.thrown import Thrown, hearing
from opsagent_tools.supervisors.pm2.units import ONLINE, App, number
from opsagent_tools.supervisors.port import Busy, EventKind, NotSupported, SupervisorError, SupervisorEvent
from opsagent_tools.units import ProcessKey, UnitId

_BELONGS_TO_ONE = "every instance of it would take the same port: use PM2's cluster mode (node), or set increment_var"
_ENDING_S, _ENDING_POLL_S = 0.5, 0.02


class Changes:
    """Changes of units. Two changes of one unit never overlap: the second is Busy."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._changing: dict[str, str] = {}
        self._replacing: dict[str, int] = {}
        self._reloads = 0
        self._lock: contextlib.AsyncExitStack | None = None
        self._taking = asyncio.Lock()
        self._dropped: set[int] = set()
        self._dropping: set[asyncio.Task[None]] = set()

    async def start(self, unit: UnitId) -> None:
        """Start what of it is down."""
        _, apps = await self._core.unit(unit)
        with self._alone(unit, "start"):
            down = [app for app in apps if app.down]
            await hands.each(down, lambda app: hands.start(self._core, app), at_once=hands.at_once(down))

    async def stop(self, unit: UnitId) -> None:
        """Stop every process; also one that PM2 only waits to start again."""
        _, apps = await self._core.unit(unit)
        with self._alone(unit, "stop"):
            await hands.each(apps, lambda app: hands.stop(self._core, app), at_once=len(apps))

    async def restart(self, unit: UnitId, env: Mapping[str, str | None] | None = None) -> None:
        """Stop and start every process, `env` over its environment (None takes a variable away)."""
        _, apps = await self._core.unit(unit)
        with self._alone(unit, "restart"):
            await hands.each(
                apps, lambda app: hands.restart(self._core, app, environment(env, app)), at_once=hands.at_once(apps)
            )

    async def redefine(self, unit: UnitId, definition: bytes) -> None:
        """Stop and start every process with the environment and arguments of `definition`."""
        _, apps = await self._core.unit(unit)
        updates = {app.pm_id: update_for(app, definition) for app in apps}  # all of them, before any is touched
        with self._alone(unit, "restart"):
            await hands.each(
                apps,
                lambda app: hands.restart(self._core, app, _with(*updates[app.pm_id], app)),
                at_once=hands.at_once(apps),
            )
            await self._core.raw()

    async def reload(self, unit: UnitId, env: Mapping[str, str | None] | None = None) -> None:
        """Replace its processes as `pm2 reload` does: the new one beside the old one in cluster mode."""
        _, apps = await self._core.unit(unit)
        with self._alone(unit, "reload"):
            async with self._no_other_reload():
                await hands.each(apps, lambda app: self._reload_one(app, env), at_once=hands.at_once(apps))

    async def _reload_one(self, app: App, env: Mapping[str, str | None] | None) -> None:
        if app.down:
            await hands.restart(self._core, app, environment(env, app))
        else:
            await hands.reload(self._core, app, environment(env, app))

    async def scale(self, unit: UnitId, instances: int) -> None:
        """Start more like the first one, or have PM2 forget the newest ones. A surged one does not count."""
        if instances < 1:
            await self._core.unit(unit)
            raise SupervisorError(f"{unit.name} cannot have {instances} instances: stop it instead")
        found, apps = await self._core.unit(unit)
        wanted = [app for app in apps if app.pm_id not in self._core.surged]
        with self._alone(unit, "change of its instances"):
            if instances > len(wanted) and not found.shares_socket and is_bound_to_port(wanted):
                raise NotSupported(f"{unit.name} cannot have {instances} instances: {_BELONGS_TO_ONE}")
            for _ in range(instances - len(wanted)):
                await hands.duplicate(self._core, wanted[0])
            newest_first = sorted(wanted, key=lambda app: (app.down, app.pm_id), reverse=True)
            for app in newest_first[: max(0, len(wanted) - instances)]:
                await hands.delete(self._core, app)

    async def surge(self, unit: UnitId) -> ProcessKey:
        """Start one worker beside the wanted ones. It is not started again when it dies."""
        found, apps = await self._core.unit(unit)
        if not found.surges:
            why = (
                "nothing of it runs"
                if found.shares_socket
                else "it runs in fork mode, where nothing can stand beside it on its port; cluster mode (node) can"
            )
            raise NotSupported(f"{unit.name} cannot be given one instance more: {why}")
        model = next(app for app in apps if app.status == ONLINE)
        with self._alone(unit, "change of its instances"):
            return await self._surged(unit, model)

    async def _surged(self, unit: UnitId, model: App) -> ProcessKey:
        async with hearing(self._core) as thrown:
            pm_id = await hands.duplicate(self._core, model)
            await self._core.raw()
            app = self._app(pm_id)
            key = self._core.claims.process(app) if app is not None else None
            if app is not None and key is not None and await _stays(key, thrown, pm_id):
                self._core.surged[pm_id] = (unit.name, key)
                return key
            if app is not None:
                await hands.delete(self._core, app)
            why = await thrown.of(pm_id)
        raise SupervisorError(f"the new instance of {unit.name} ended at once{why}; it was taken away again")

    async def retire(self, unit: UnitId, process: ProcessKey) -> None:
        """End this one: for good where a surged one stands beside, or where it is that one; else replace it."""
        _, apps = await self._core.unit(unit)
        pm_id = next((pm_id for pm_id, (_, key) in self._core.surged.items() if key == process), None)
        if pm_id is not None:
            app = self._app(pm_id)
            self._core.surged.pop(pm_id, None)
            if app is not None and app.unit == unit.name:
                with self._in_place(unit):
                    await hands.delete(self._core, app)
            return
        app = self._find(unit, apps, process)
        beside = next((pm_id for pm_id, (name, _) in self._core.surged.items() if name == unit.name), None)
        if beside is None:
            await self._replace(unit, app)
            return
        with self._in_place(unit):
            self._core.surged.pop(beside)
            await hands.delete(self._core, app)

    async def replace(self, unit: UnitId, process: ProcessKey) -> None:
        """Put a new process in the place (number, id) of this one; beside it first in cluster mode."""
        _, apps = await self._core.unit(unit)
        await self._replace(unit, self._find(unit, apps, process))

    async def signal(self, unit: UnitId, signum: int, pid: int | None = None) -> None:
        """Send a signal to each process, or to one, through pidfds."""
        _, apps = await self._core.unit(unit)
        running = [app for app in apps if self._core.claims.process(app) is not None]
        if pid is not None:
            running = [app for app in running if app.pid == pid]
        if pid is not None and not running:
            raise SupervisorError(f"process {pid} is none of {unit.name}'s")
        for app in running:
            hands.signal_one(self._core, app, signum)

    async def delete(self, unit: UnitId) -> None:
        """End it, and have PM2 forget it."""
        _, apps = await self._core.unit(unit)
        with self._alone(unit, "deletion"):
            await hands.each(apps, lambda app: hands.delete(self._core, app), at_once=len(apps))
            await self._core.raw()

    async def judge(self, event: SupervisorEvent) -> bool:
        """Tell whether an event is anybody's business. A surged instance that died is taken away, not started again."""
        if event.kind is EventKind.EXITED and event.pid is not None:
            for pm_id, (_, key) in list(self._core.surged.items()):
                if key.pid == event.pid:
                    self._drop(pm_id)
        if event.kind is EventKind.SPAWNED and self._dropped:
            return not any(app.pid == event.pid and app.pm_id in self._dropped for app in self._core.apps)
        return True

    async def close(self) -> None:
        """Take away what was surged and took nobody's place: who did that does not come back to it."""
        for pm_id in list(self._core.surged):
            if self._core.seen.daemon is not None and is_alive(self._core.seen.daemon):
                self._drop(pm_id)
        await asyncio.gather(*self._dropping, return_exceptions=True)

    def _drop(self, pm_id: int) -> None:
        self._core.surged.pop(pm_id, None)
        self._dropped.add(pm_id)
        app = self._app(pm_id)
        if app is not None:
            task = asyncio.ensure_future(self._forget(app))
            self._dropping.add(task)
            task.add_done_callback(self._dropping.discard)

    async def _forget(self, app: App) -> None:
        with contextlib.suppress(SupervisorError):  # the daemon may be gone, and with it what it would start
            await hands.delete(self._core, app)

    async def _replace(self, unit: UnitId, app: App) -> None:
        with self._in_place(unit):
            async with self._no_other_reload():
                await hands.reload(self._core, app)

    def _app(self, pm_id: int) -> App | None:
        return next((app for app in self._core.apps if app.pm_id == pm_id), None)

    def _find(self, unit: UnitId, apps: list[App], process: ProcessKey) -> App:
        app = self._core.process_of(apps, process)
        if app is None:
            raise SupervisorError(f"process {process.pid} is none of {unit.name}'s")
        return app

    def under_way(self, unit: UnitId) -> str:
        """Say which change of ours a unit is in the middle of; empty: none."""
        what = self._changing.get(unit.name) or ("replacement" if self._replacing.get(unit.name) else "")
        return f"a {what} of {unit.name} is under way" if what else ""

    @contextmanager
    def _alone(self, unit: UnitId, what: str) -> Iterator[None]:
        if said := self.under_way(unit):
            raise Busy(said)
        self._changing[unit.name] = what
        try:
            yield
        finally:
            del self._changing[unit.name]

    @contextmanager
    def _in_place(self, unit: UnitId) -> Iterator[None]:
        """Single instances may be replaced side by side, but not while all are restarted."""
        if unit.name in self._changing:
            raise Busy(f"a {self._changing[unit.name]} of {unit.name} is under way")
        self._replacing[unit.name] = self._replacing.get(unit.name, 0) + 1
        try:
            yield
        finally:
            self._replacing[unit.name] -= 1

    @asynccontextmanager
    async def _no_other_reload(self) -> AsyncIterator[None]:
        """Hold PM2's lock of reloads while any reload of ours runs. Raises Busy where a person's `pm2 reload` runs."""
        async with self._taking:
            if self._lock is None:
                self._lock = contextlib.AsyncExitStack()
                try:
                    await self._lock.enter_async_context(hands.reloading(self._core))
                except BaseException:
                    self._lock = None
                    raise
            self._reloads += 1
        try:
            yield
        finally:
            self._reloads -= 1
            if not self._reloads and self._lock is not None:
                lock, self._lock = self._lock, None
                await lock.aclose()


async def _stays(key: ProcessKey, thrown: Thrown, pm_id: int) -> bool:
    """Tell whether a new worker lives; one that has thrown gets a moment to end of it (some only report what they catch)."""
    deadline = asyncio.get_running_loop().time() + (_ENDING_S if thrown.heard_of(pm_id) else 0.0)
    while is_alive(key):
        if asyncio.get_running_loop().time() >= deadline:
            return True
        await asyncio.sleep(_ENDING_POLL_S)
    return False


def environment(env: Mapping[str, str | None] | None, app: App) -> dict[str, Any]:
    """Return an update of an environment as PM2 takes it. It merges; to take a variable away, all of it is given anew.

    PM2 keeps every variable a second time beside its own settings, and drops there what is called `null`; what might be
    a setting of its own is left.
    """
    update: dict[str, Any] = {name: value for name, value in (env or {}).items() if value is not None}
    gone = {name for name, value in (env or {}).items() if value is None}
    before = app.env.get("env")
    if not gone or not isinstance(before, Mapping):
        return update
    after = {name: value for name, value in {**before, **update}.items() if name not in gone}
    return {**update, "current_conf": {"env": after, **{name: "null" for name in gone if name.isupper()}}}


def _with(env: Mapping[str, str | None], settings: Mapping[str, Any], app: App) -> dict[str, Any]:
    update = environment(env, app)
    return {**update, "current_conf": {**update.get("current_conf", {}), **settings}} if settings else update


def is_bound_to_port(apps: list[App]) -> bool:
    """Tell whether instances of an app in fork mode would be in each other's way on a port."""
    if len(apps) != 1 or apps[0].env.get("increment_var"):
        return False
    variables = apps[0].env.get("env")
    told = isinstance(variables, Mapping) and 0 < number(variables.get("PORT")) < 65536
    return told or _listens(apps[0])


def _listens(app: App) -> bool:
    """Tell whether the process listens on a TCP port, as the kernel says."""
    from opsagent_tools.processes.family import parents, with_descendants
    from opsagent_tools.processes.listening import holders, listening

    if app.pid <= 1 or app.down:
        return False
    own = with_descendants([app.pid], parents())
    return bool(holders([one.inode for one in listening()], own).by_inode)
