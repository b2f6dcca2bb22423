"""The connection kept, the book kept up, and everybody told: what the adapter stands on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from typing import Any

from opsagent_tools.supervisors.port import EventKind, SupervisorError, SupervisorEvent, SupervisorUnreachable
from opsagent_tools.supervisors.systemd import wire
from opsagent_tools.supervisors.systemd.book import Book
from opsagent_tools.supervisors.systemd.bus import Bus, BusError, ConnectionGone, connect
from opsagent_tools.supervisors.systemd.deaths import Deaths
from opsagent_tools.supervisors.systemd.endpoint import (
    BUS,
    MANAGER,
    MANAGER_PATH,
    PROPERTIES,
    Endpoint,
    Scope,
    kind_of,
    unit_of_path,
    unit_path,
)
from opsagent_tools.supervisors.systemd.look import is_service
from opsagent_tools.supervisors.systemd.units import Instance
from opsagent_tools.supervisors.systemd.whose import Services

_log = logging.getLogger(__name__)

GRACE_S = 1.0
"""So long may the connection be gone before it counts as lost: `daemon-reexec` hangs up on everybody for a moment."""
_RETRY_S = 0.1
_COALESCE_S = 0.1
_JOBS_KEPT = 256


class Link:
    """One systemd: connected when first needed, and again when it hung up."""

    def __init__(self, scope: Scope, services: Services, endpoints: Callable[[], Sequence[Endpoint]]) -> None:
        self.kind = kind_of(scope)
        self.book = Book(self.kind)
        self.services = services
        self._endpoints = endpoints
        self._bus: Bus | None = None
        self._connecting = asyncio.Lock()
        self._refreshing = asyncio.Lock()
        self._stale = True
        self._ignored: set[str] = set()
        """Unit files that were looked at and are no services (`Type=oneshot`, not there)."""
        self._deaths = Deaths(self.book, self._publish)
        self._queues: list[asyncio.Queue[SupervisorEvent]] = []
        self._jobs: dict[str, asyncio.Future[str]] = {}
        self._done: OrderedDict[str, str] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._rescan: asyncio.Task[None] | None = None
        self._serving = False

    async def bus(self) -> Bus:
        """Return the connection. Raises SupervisorUnreachable."""
        async with self._connecting:
            if self._bus is None or self._bus.gone.is_set():
                self._bus = await connect(self._endpoints())
                self._bus.listen(self._heard)
                self._stale = True
                self._done.clear()
                self._deaths.connected(self._bus)
            return self._bus

    async def version(self, bus: Bus) -> str:
        """Return systemd's version (`252.38-1~deb12u1`)."""
        (version,) = await bus.call(MANAGER_PATH, PROPERTIES, "Get", "ss", MANAGER, "Version")
        return str(version)

    async def patient_bus(self, patience_s: float = GRACE_S) -> Bus:
        """Return the connection, waiting for it where systemd is re-executing itself just now."""
        deadline = time.monotonic() + patience_s
        while True:
            try:
                return await self.bus()
            except SupervisorUnreachable:
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(_RETRY_S)

    async def get(self, file: str) -> dict[str, Any]:
        """Ask for all properties of one unit file now; a hang-up in between is survived."""
        for attempt in (1, 2):
            bus = await self.patient_bus()
            try:
                (found,) = await bus.call(unit_path(file), PROPERTIES, "GetAll", "s", "")
                return dict(found)
            except ConnectionGone:
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    async def learn(self, file: str) -> Instance:
        """Ask for one instance now and note what it says."""
        properties = await self.get(file)
        self._publish(self.book.learn(file, properties))
        self._deaths.follow(self.book.instances)
        return self.book.instances[file]

    async def refresh(self) -> frozenset[str]:
        """Bring the book up to date; return the unit files that are a person's services."""
        async with self._refreshing:
            for attempt in (1, 2):
                try:
                    return await self._refresh(await self.patient_bus())
                except ConnectionGone:
                    if attempt == 2:
                        raise
            raise AssertionError("unreachable")

    async def job(self, bus: Bus, path: str) -> str:
        """Wait for a job and return its result. Raises ConnectionGone where that will not be told any more."""
        if path in self._done:
            return self._done[path]
        future = self._jobs.setdefault(path, asyncio.get_running_loop().create_future())
        gone = asyncio.ensure_future(bus.gone.wait())
        either: list[asyncio.Future[Any]] = [future, gone]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not future.done():
                raise ConnectionGone("systemd hung up before its job was done")
            return future.result()
        finally:
            gone.cancel()
            self._jobs.pop(path, None)

    async def events(self) -> AsyncIterator[SupervisorEvent]:
        """Yield events for ever; the first comes when nothing can be missed any more."""
        queue: asyncio.Queue[SupervisorEvent] = asyncio.Queue()
        if self._serving:
            queue.put_nowait(self._own(EventKind.CHANGED))
        self._queues.append(queue)
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.ensure_future(self._keep())
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.remove(queue)

    async def close(self) -> None:
        """Hang up; the services go on."""
        tasks = [task for task in (self._keeper, self._rescan, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._keeper = self._rescan = None
        if self._bus is not None:
            await self._bus.close()
        self._bus = None
        self._deaths.close()

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done beside."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Inside

    async def _refresh(self, bus: Bus) -> frozenset[str]:
        stale, self._stale = self._stale, False
        try:
            files = self.services.files()
            (loaded,) = await bus.manager("ListUnitsByPatterns", "asas", [], ["*.service"])
            now = {one[0]: (one[3], one[4], bool(one[7])) for one in loaded if self.services.is_ours(one[0], files)}
            wanted = set(now) | {file for file in files if "@." not in file} | self._instances(files)
            ask = sorted(file for file in wanted if stale or self._differs(file, now.get(file)))
            answers = await asyncio.gather(*(self._all(bus, file) for file in ask))
        except BaseException:
            self._stale = True
            raise
        self._ignored &= wanted - set(ask)
        for file, properties in zip(ask, answers, strict=True):
            if is_service(properties) or (properties and self.services.is_named(file)):
                self._publish(self.book.learn(file, properties))
            else:
                self._ignored.add(file)
        self.book.forget([file for file in self.book.instances if file not in wanted or file in self._ignored])
        self._deaths.follow(self.book.instances)
        return files

    async def _all(self, bus: Bus, file: str) -> dict[str, Any]:
        try:
            (found,) = await bus.call(unit_path(file), PROPERTIES, "GetAll", "s", "")
        except BusError as error:
            _log.info("%s cannot be looked at: %s", file, error)
            return {}
        return dict(found)

    def _instances(self, files: frozenset[str]) -> set[str]:
        """Instances of templates that are not loaded: those that come up at boot, and those known from before."""
        enabled = {one for file in files if "@." in file for one in self.services.enabled_instances(file)}
        known = {file for file in self.book.instances if "@" in file and self.services.is_ours(file, files)}
        return enabled | known

    def _differs(self, file: str, now: tuple[str, str, bool] | None) -> bool:
        known = self.book.instances.get(file)
        if known is None:
            return file not in self._ignored
        properties = known.properties
        state = properties.get("ActiveState"), properties.get("SubState")
        if now is None:
            return state != ("inactive", "dead")
        return now[:2] != state

    def _heard(self, message: wire.Message) -> None:
        member, body = message.member, message.body
        if member == "PropertiesChanged" and len(body) >= 2:
            self._heard_change(unit_of_path(message.path), str(body[0]), body[1])
        elif message.interface == MANAGER and member == "JobNew":
            self._deaths.job(member, body)
        elif message.interface == MANAGER and member == "JobRemoved":
            self._deaths.job(member, body)
            self._done[str(body[1])] = str(body[3])
            future = self._jobs.get(str(body[1]))
            if future is not None and not future.done():
                future.set_result(str(body[3]))
            while len(self._done) > _JOBS_KEPT:
                self._done.popitem(last=False)
        elif message.interface == MANAGER and member == "Reloading" and body[:1] == (False,):
            self._stale = True
            self._look_again(changed=True)
        elif message.interface == MANAGER and member in {"UnitNew", "UnitRemoved"}:
            if self._is_news(str(body[0]), member):
                self._look_again()
        elif message.sender == BUS and member == "NameOwnerChanged" and body[2] == "" and self._bus is not None:
            self.soon(self._bus.close())  # systemd left the bus: what was asked will never be answered

    def _heard_change(self, file: str, interface: str, changed: Any) -> None:
        if file in self.book.instances and isinstance(changed, dict):
            self._publish(self.book.hear(file, interface, changed))
            self._deaths.follow([file])

    def _is_news(self, file: str, member: str) -> bool:
        """Loading a stopped unit only to look at it makes it new, and gone a moment later: that is no news."""
        if not self._queues or file in self._ignored:
            return False
        files = self.services.files()
        known = file in self.book.instances
        return self.services.is_ours(file, files) != known if member == "UnitNew" else known and file not in files

    def _look_again(self, *, changed: bool = False) -> None:
        if self._queues and (self._rescan is None or self._rescan.done()):
            self._rescan = asyncio.ensure_future(self._rescan_soon(changed=changed))

    async def _rescan_soon(self, *, changed: bool) -> None:
        await asyncio.sleep(_COALESCE_S)
        before = set(self.book.instances)
        with contextlib.suppress(SupervisorError):
            await self.refresh()
            if changed or before != set(self.book.instances):
                self._publish([self._own(EventKind.CHANGED)])

    def _publish(self, events: Iterable[SupervisorEvent]) -> None:
        for event in events:
            for queue in self._queues:
                queue.put_nowait(event)

    async def _keep(self) -> None:
        """Stay connected; tell when that fails for longer than a moment, and when it works again."""
        lost, seen = False, ""
        while True:
            try:
                bus = await self.patient_bus()
                await self.refresh()
                version = await self._identity(bus)
            except SupervisorError as error:
                if not lost:
                    lost, self._serving = True, False
                    self._publish([self._own(EventKind.LOST, str(error))])
                await asyncio.sleep(_RETRY_S)
                continue
            first = not seen
            self._serving = True
            kind = EventKind.CHANGED if first and not lost else EventKind.BACK
            self._publish([self._own(kind, _news(seen, version))])
            lost, seen = False, version
            await bus.gone.wait()

    async def _identity(self, bus: Bus) -> str:
        return f"{await self.version(bus)}, pid {bus.peer}"

    def _own(self, kind: EventKind, reason: str = "") -> SupervisorEvent:
        return SupervisorEvent(kind=kind, unit=None, reason=reason, at=time.time())


def _news(before: str, now: str) -> str:
    if not before:
        return ""
    if before == now:
        return f"systemd {now} executed itself anew; the services went on"
    return f"systemd is another one: {now}, before {before}"
