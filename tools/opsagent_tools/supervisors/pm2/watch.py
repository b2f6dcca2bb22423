"""Events of a PM2 for ever: the bus and lists as events (`story.py`), the death and the return of the daemon itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from opsagent_tools.processes.proc import is_alive
from opsagent_tools.supervisors.pm2.bus import Bus, Message
from opsagent_tools.supervisors.pm2.core import Core
from opsagent_tools.supervisors.pm2.home import PUB, booted_at
from opsagent_tools.supervisors.pm2.rpc import connect
from opsagent_tools.supervisors.pm2.story import Story
from opsagent_tools.supervisors.port import EventKind, SupervisorError, SupervisorEvent

_log = logging.getLogger(__name__)

_TOPICS = frozenset({"process:event", "process:exception", "log:PM2", "pm2:kill"})
_LOOK_S = 0.1
_SLOW_LOOK_S = 1.0
_GATHER_S = 0.004
"""So many changes that come together cost one list."""
_AGAIN_S = 0.5
_RESTARTS_WITHIN_S = 0.3
"""An app that is being restarted is called stopped for some milliseconds."""
_HANGS_UP_S = 1.0
OnExit = Callable[[SupervisorEvent], Awaitable[bool]]
"""Called with each event before it is told; False: it is nobody else's business."""


async def watch(core: Core, on_event: OnExit) -> AsyncIterator[SupervisorEvent]:
    """Yield events for ever. The first is CHANGED as soon as nothing can be missed any more: list then."""
    away = ""
    was: tuple[int | None, str] = (None, "")
    waits = 0
    while True:
        try:
            session = await _Session.open(core)
        except SupervisorError as error:
            if not away:
                if core.seen.daemon is not None:  # it was listed, and was gone before its bus was heard
                    was = was if was[0] is not None else (core.seen.daemon.pid, "")
                away, event = _missing(core, str(error))
                yield event
            waits += 1
            await asyncio.sleep(_LOOK_S if waits < 50 else _SLOW_LOOK_S)
            continue
        now = (session.pid, session.version)
        yield back(was, now) if away else _own(EventKind.CHANGED)
        if away:
            yield _own(EventKind.CHANGED)
        away, was, waits = "", now, 0
        try:
            async for event in session.events():
                if await on_event(event):
                    yield event
        finally:
            await session.close()
        on_purpose = session.story.killed
        if not on_purpose and await _still_there(core):
            continue  # it only hung up: what was missed meanwhile, CHANGED covers
        core.seen.ended(time.time(), on_purpose=bool(on_purpose))
        away = "away"
        yield _own(EventKind.ENDED if on_purpose else EventKind.LOST, on_purpose or "its daemon is gone, unasked")


def _missing(core: Core, why: str) -> tuple[str, SupervisorEvent]:
    """Tell of a daemon that was not there from the start: who is told to end removes its pid file."""
    try:
        left = (core.home.path / "pm2.pid").lstat().st_mtime
        killed = left >= booted_at()
    except OSError:
        killed = False
    _log.info("%s", why)
    return "away", _own(EventKind.LOST if killed else EventKind.ENDED, why)


async def _still_there(core: Core) -> bool:
    """Tell whether the daemon that hung up lives on and takes connections."""
    deadline = time.monotonic() + _HANGS_UP_S
    while time.monotonic() < deadline:
        if core.seen.daemon is None or not is_alive(core.seen.daemon):
            return False
        with contextlib.suppress(SupervisorError):
            talk, peer = await connect(core.home, PUB)
            talk.close()
            return peer.pid == core.seen.daemon.pid
        await asyncio.sleep(0.01)
    return False


def back(was: tuple[int | None, str], now: tuple[int | None, str]) -> SupervisorEvent:
    """Return the event that says what differs between two daemons, each as pid and version."""
    (pid, version), (new_pid, new_version) = was, now
    parts = []
    if version and version != new_version:
        parts.append(f"PM2 {new_version} instead of {version}")
    if pid != new_pid:
        parts.append(f"another daemon (pid {new_pid}" + (f" instead of {pid})" if pid else ")"))
    return _own(EventKind.BACK, ", ".join(parts) or "the same daemon")


def _own(kind: EventKind, reason: str = "") -> SupervisorEvent:
    return SupervisorEvent(kind=kind, unit=None, reason=reason, at=time.time())


class _Session:
    """One life of the daemon, or the part of it that we see."""

    def __init__(self, core: Core, bus: Bus, version: str) -> None:
        self.story = Story(core.kind, is_alive)
        self.pid = bus.peer.pid
        self.version = version
        self._core = core
        self._bus = bus
        self._list: asyncio.Task[None] | None = None
        self._told: list[SupervisorEvent] = []
        self._news = asyncio.Event()
        self._seem_stopped: dict[str, float] = {}

    @classmethod
    async def open(cls, core: Core) -> _Session:
        """Connect, and take the first list. Raises SupervisorError."""
        bus = await Bus.open(core.home, _TOPICS)
        try:
            version, units = await core.rpc.version(), await core.units()
            session = cls(core, bus, version)
            for _ in session.story.see(units, core.apps, time.time(), first=True):
                pass
            core.on_list.add(session._listed)
        except BaseException:
            bus.close()
            raise
        return session

    async def events(self) -> AsyncIterator[SupervisorEvent]:
        """Yield what happens until the daemon hangs up."""
        heard = asyncio.ensure_future(self._bus.next())
        news = asyncio.ensure_future(self._news.wait())
        try:
            while True:
                self._maybe_list()
                await asyncio.wait({heard, news}, return_when=asyncio.FIRST_COMPLETED)
                if news.done():
                    self._news.clear()
                    told, self._told = self._told, []
                    for event in told:
                        yield event
                    news = asyncio.ensure_future(self._news.wait())
                if heard.done():
                    message = heard.result()
                    if message is None:
                        return
                    for event in self._hear(message):
                        yield event
                    heard = asyncio.ensure_future(self._bus.next())
        finally:
            for task in (heard, news):
                task.cancel()
            await asyncio.gather(heard, news, return_exceptions=True)

    async def close(self) -> None:
        """Hang up."""
        self._core.on_list.discard(self._listed)
        self._bus.close()
        if self._list is not None:
            self._list.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._list

    def _hear(self, message: Message) -> list[SupervisorEvent]:
        now = time.time()
        data = message.data
        if message.topic == "process:event" and data.get("event") == "stop" and isinstance(data.get("process"), dict):
            self._core.seen.stopped(data["process"].get("pm_id"), now)
        return list(self.story.hear(message.topic, data, now))

    def _maybe_list(self) -> None:
        if self._list is None and (self.story.wants_list or self._seem_stopped):
            wait_s = _GATHER_S if self.story.wants_list else _RESTARTS_WITHIN_S
            self.story.wants_list = False
            self._list = asyncio.ensure_future(self._look(wait_s))

    async def _look(self, wait_s: float) -> None:
        try:
            await asyncio.sleep(wait_s)
            await self._core.raw()
        except SupervisorError as error:
            _log.debug("no list: %s", error)
            await asyncio.sleep(_AGAIN_S)
            self.story.wants_list = True
        finally:
            self._list = None
            self._news.set()

    def _listed(self) -> None:
        """Take a list, whoever asked for it: a process that nobody saw alive has no pid when it is dead."""
        now = time.time()
        units = self._core.units_of_last()
        self._told += self.story.see(units, self._core.apps, now, first=False)
        since = {name: self._seem_stopped.get(name, now) for name in self.story.seems_stopped(units)}
        sure = {name for name, at in since.items() if now - at >= _RESTARTS_WITHIN_S}
        self._seem_stopped = {name: at for name, at in since.items() if name not in sure}
        self._told += self.story.are_stopped(sure, now)
        self._news.set()
