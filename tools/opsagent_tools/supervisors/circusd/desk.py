"""Asks one circusd and keeps the book: every question that the adapter, its events and its findings have."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsagent_tools.processes.proc import is_alive, key_of
from opsagent_tools.supervisors.circus_line import Line
from opsagent_tools.supervisors.circusd.book import Book
from opsagent_tools.supervisors.circusd.endpoint import Endpoint
from opsagent_tools.supervisors.circusd.origin import Origin, origin_of
from opsagent_tools.supervisors.circusd.told import KEYS, Told, is_own, options_of, pids_of, sockets_of, statuses_of
from opsagent_tools.supervisors.port import Busy, NotPermitted, SupervisorError, SupervisorUnreachable, UnknownUnit
from opsagent_tools.trust import Peer
from opsagent_tools.units import ProcessKey, UnitId

_PATIENCE_S = 3.0
"""How long a change waits for another one: circusd takes one at a time, and looks after its watchers in between."""
_AGAIN_S = 0.03
_QUESTION_S, _TRIES = 1.5, 3
"""A question is asked again: what circusd has not read when it starts over is lost, and it lives all the same."""
_QUESTIONS = frozenset({"status", "get", "list", "options", "dstats", "globaloptions", "listsockets"})
_CHANGE_S = 30.0
"""Beyond the time that circusd gives the processes to end."""
_BUSY = ("arbiter is already running", "arbiter is restarting")


class Desk:
    """One circusd and what is known of it. Bound to the event loop of its first question."""

    def __init__(self, endpoint: Endpoint, kind: str, uid: int | None, pubsub: str) -> None:
        self.endpoint = endpoint
        self.book = Book(kind)
        self.pubsub = pubsub
        """Where it publishes its events; asked from it where nobody said."""
        self.origin: Origin | None = None
        """How it was started; kept after its death."""
        self.daemon: ProcessKey | None = None
        """Its process; kept after its death."""
        self.ended = ""
        """Why it is not missed, where it was seen to end on purpose."""
        self._uid = uid
        self._meeting = asyncio.Lock()
        self._line = Line(str(endpoint), self._may_answer, who="circusd", ping="numwatchers")

    def _may_answer(self) -> bool:
        return self.daemon is None or is_alive(self.daemon)

    async def call(self, command: str, **properties: Any) -> dict[str, Any]:
        """Ask; a change waits a little for another one. Raises SupervisorUnreachable, NotPermitted, UnknownUnit, Busy."""
        await self.meet()
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                answer = await self._ask(command, properties)
            except SupervisorUnreachable:
                await self._line.close()  # what it has not read yet is not to be read by the next one
                raise
            if answer.get("status") != "error":
                return answer
            reason = " ".join(str(answer.get("reason", "no reason given")).split())[:300]
            if not reason.startswith(_BUSY):
                raise _error(reason, properties)
            if time.monotonic() >= deadline:
                raise Busy(f"circusd makes one change at a time: {reason}")
            await asyncio.sleep(_AGAIN_S)

    async def _ask(self, command: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        if command not in _QUESTIONS:
            return await self._change(command, properties)
        for _ in range(_TRIES):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_QUESTION_S):
                    return await self._line.call(command, properties)
        raise SupervisorUnreachable(f"circusd at {self.endpoint} does not answer")

    async def _change(self, command: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        told = self.book.watchers.get(str(properties.get("name")))
        each = told.number("graceful_timeout", 30) + told.number("warmup_delay", 0) if told is not None else 30
        limit = _CHANGE_S + max(1, told.wanted if told is not None else 1) * each
        try:
            async with asyncio.timeout(limit):
                return await self._line.call(command, properties)
        except TimeoutError:
            raise SupervisorUnreachable(
                f"circusd at {self.endpoint} has not answered `{command}` in {limit:g} s: it may have started over"
            ) from None

    async def meet(self) -> None:
        """See to it that it is known who answers. Raises SupervisorUnreachable, NotPermitted."""
        if self.daemon is not None and is_alive(self.daemon):
            return
        async with self._meeting:
            if self.daemon is not None and is_alive(self.daemon):
                return
            peer = await asyncio.to_thread(self.endpoint.whose)
            if self._uid is not None and peer.uid != self._uid:
                raise NotPermitted(
                    f"{self.endpoint}: user {peer.uid} listens there, and not user {self._uid}: it is not asked anything"
                )
            await self._line.close()
            before, self.daemon = self.daemon, None
            try:
                await self._introduce(peer)
            except BaseException:
                self.daemon = before
                raise

    async def _introduce(self, peer: Peer) -> None:
        pid = peer.pid
        if pid is None:
            info = (await self._ask("dstats", {})).get("info")
            pid = info.get("pid") if isinstance(info, dict) else None
        key = key_of(pid) if isinstance(pid, int) and pid > 0 else None
        if key is None or not is_alive(key):
            raise SupervisorUnreachable(f"circusd at {self.endpoint} does not tell its pid")
        origin = origin_of(key.pid)
        if Path(f"/proc/{key.pid}").stat().st_uid != peer.uid:
            raise NotPermitted(
                f"{self.endpoint}: user {peer.uid} listens there and says that it is process {key.pid} of another user"
            )
        options = options_of(await self._ask("globaloptions", {}))
        delay = options.get("check_delay")
        self.book.begin(key.pid, peer.uid)
        self.book.check_delay = float(delay) if isinstance(delay, (int, float)) else 1.0
        self.book.ports = sockets_of(await self._ask("listsockets", {}))
        self.book.flaps = await self._has_flapping_plugin()
        self.pubsub = self.pubsub or str(options.get("pubsub_endpoint", ""))
        self.daemon, self.origin, self.ended = key, origin, ""

    async def _has_flapping_plugin(self) -> bool:
        statuses = statuses_of(await self._ask("status", {}))
        for name in statuses:
            if name.startswith("plugin:"):
                answer = await self._ask("get", {"name": name, "keys": ["cmd"]})
                if "flapping" in str(answer.get("options")).lower():
                    return True
        return False

    async def refresh(self) -> bool:
        """Ask for everything; return whether the set of watchers is another one."""
        statuses = statuses_of(await self.call("status"))
        found = await asyncio.gather(
            *(self._told(name, status) for name, status in statuses.items() if not is_own(name))
        )
        return self.book.take({one.name: one for one in found if one is not None})

    async def look(self, unit: UnitId) -> Told:
        """Ask for one unit. Raises UnknownUnit."""
        if unit != self.book.unit_id(unit.name) or is_own(unit.name):
            raise unknown(unit)
        status = statuses_of(await self.call("status")).get(unit.name)
        told = await self._told(unit.name, status) if status is not None else None
        if told is None:
            raise unknown(unit)
        self.book.take_one(told)
        return told

    async def statuses(self) -> Mapping[str, str]:
        """Ask for the word that circusd has for each of its watchers."""
        return statuses_of(await self.call("status"))

    async def _told(self, name: str, status: str) -> Told | None:
        try:
            options, pids = await asyncio.gather(self.call("get", name=name, keys=KEYS), self.call("list", name=name))
        except UnknownUnit:  # removed meanwhile
            return None
        return Told(name=name, status=status, pids=pids_of(pids), options=options_of(options))

    async def close(self) -> None:
        """Close the connection."""
        await self._line.close()


def unknown(unit: UnitId) -> UnknownUnit:
    """Return the error for a unit that circusd does not have."""
    return UnknownUnit(f"circusd has no watcher {unit.name!r}")


def _error(reason: str, properties: Mapping[str, Any]) -> SupervisorError:
    if reason.startswith("program ") and reason.endswith("not found"):
        return UnknownUnit(f"circusd has no watcher {properties.get('name')!r}")
    return SupervisorError(f"circusd refuses: {reason}")
