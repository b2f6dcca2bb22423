"""Asks one supervisord and keeps the book: every question that the adapter, its events and its findings have."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence

from opsagent_tools.supervisors.port import (
    Busy,
    NotPermitted,
    SupervisorError,
    SupervisorUnreachable,
    UnknownUnit,
)
from opsagent_tools.supervisors.supervisord.book import Book
from opsagent_tools.supervisors.supervisord.chronicle import TAIL
from opsagent_tools.supervisors.supervisord.codec import Fault, Value
from opsagent_tools.supervisors.supervisord.conf import read_conf
from opsagent_tools.supervisors.supervisord.info import (
    BAD_NAME,
    NO_FILE,
    NOT_EXECUTABLE,
    SHUTDOWN_STATE,
    Info,
    configs_of,
    infos_of,
)
from opsagent_tools.supervisors.supervisord.origin import Origin, origin_of
from opsagent_tools.supervisors.supervisord.wire import ANSWER_S, Wire
from opsagent_tools.units import UnitId

Call = tuple[str, tuple[Value, ...]]
OVERVIEW: tuple[Call, ...] = (("getPID", ()), ("getSupervisorVersion", ()), ("getAllProcessInfo", ()))


class Ending(SupervisorUnreachable):
    """supervisord is shutting down, or starting over with its configuration: it answers no questions meanwhile."""


class Desk:
    """One supervisord and what is known of it. Bound to no event loop."""

    def __init__(self, wire: Wire, kind: str) -> None:
        self.wire = wire
        self.book = Book(kind)
        self.version = ""
        self.origin: Origin | None = None
        """How it was started; kept after its death."""
        self.ended = ""
        """Why it is not missed, where it was seen to end on purpose."""
        self._configured: object = None
        self._tickets = itertools.count(1)
        self._taken = 0

    # With an event loop

    async def call(self, method: str, *params: Value, timeout_s: float = ANSWER_S) -> Value:
        """Call one method of its own. Raises Fault, SupervisorUnreachable, NotPermitted, Ending."""
        try:
            return await self.wire.call(f"supervisor.{method}", *params, timeout_s=timeout_s)
        except Fault as fault:
            raise _ending(fault) from None

    async def calls(self, calls: Sequence[Call], timeout_s: float = ANSWER_S) -> list[Value]:
        """Call several methods in one go; the first fault is raised."""
        return _results(await self.wire.call("system.multicall", _bundle(calls), timeout_s=timeout_s), len(calls))

    async def refresh(self) -> bool:
        """Ask for everything; return whether something changed."""
        import asyncio  # here: who only looks does without

        ticket = next(self._tickets)
        changed = self._take_overview(await self.calls(OVERVIEW), ticket)
        if self._is_unconfigured():
            configs = await self.call("getAllConfigInfo")
            await asyncio.to_thread(self._take_configs, configs)
        if changed:
            await self.read_log()
        return changed

    async def ask(self, *names: str, timeout_s: float = ANSWER_S, log: bool = True) -> tuple[Info, ...]:
        """Ask for some processes by `group:name`; the log is read too where something changed, unless time presses."""
        ticket = next(self._tickets)
        results = await self.calls([("getProcessInfo", (name,)) for name in names], timeout_s)
        infos = tuple(Info.of(one) for one in results)
        if self._is_newer(ticket) and self.book.take(infos, whole=False) and log:
            await self.read_log()
        return infos

    async def read_log(self) -> None:
        """Read the end of its log, where it has one and lets us."""
        if self.book.log.forgeable:
            return
        try:
            text = await self.call("readLog", -TAIL, 0)
        except (Fault, SupervisorUnreachable):
            return  # no log file; or bytes in it that XML cannot carry
        self.book.read_log(text if isinstance(text, str) else "")

    async def reread_conf(self) -> None:
        """Look at its configuration again, for those who want to know how it is now."""
        import asyncio

        configs = await self.call("getAllConfigInfo")
        await asyncio.to_thread(self._take_configs, configs)

    # Without one

    def refresh_now(self, timeout_s: float) -> None:
        """Ask for everything, and wait."""
        calls: tuple[Call, ...] = (*OVERVIEW, ("getAllConfigInfo", ()))
        raw = self.wire.call_now("system.multicall", _bundle(calls), timeout_s=timeout_s)
        *overview, configs = _results(raw, len(calls))
        self._take_overview(overview, next(self._tickets))
        self._take_configs(configs)
        try:
            text = self.wire.call_now("supervisor.readLog", -TAIL, 0, timeout_s=timeout_s)
        except (Fault, SupervisorUnreachable):
            return
        self.book.read_log(text if isinstance(text, str) else "")

    def _is_newer(self, ticket: int) -> bool:
        """Answers overtake each other: one to a question that was asked before what is known by now tells nothing."""
        newer, self._taken = ticket >= self._taken, max(ticket, self._taken)
        return newer

    def _take_overview(self, results: Sequence[Value], ticket: int) -> bool:
        pid, version, infos = results
        if not isinstance(pid, int):
            raise SupervisorUnreachable("supervisord does not tell its pid")
        if self.origin is None or self.origin.key.pid != pid or pid != self.book.daemon_pid:
            self.origin = self._origin(pid)
            self._configured = None
        self.version, self.ended = str(version), ""
        self.book.begin(pid, self._uid(pid))
        return self._is_newer(ticket) and self.book.take(infos_of(infos))

    def _origin(self, pid: int) -> Origin | None:
        found = origin_of(pid)
        if found is not None and self.wire.peer not in {None, 0, found.uid}:
            raise NotPermitted(
                f"{self.wire.address}: user {self.wire.peer} listens there and says that it is process {pid} of user "
                f"{found.uid}: not trusted"
            )
        return found

    def _uid(self, pid: int) -> int:
        if self.wire.peer is not None:
            return self.wire.peer
        return self.origin.uid if self.origin is not None and self.origin.key.pid == pid else os.geteuid()

    def _is_unconfigured(self) -> bool:
        return self._configured != (self.book.daemon_pid, frozenset(self.book.infos))

    def _take_configs(self, raw: Value) -> None:
        configs = configs_of(raw)
        path = self.origin.conf_path() if self.origin is not None else None
        conf = read_conf(path, self.book.daemon_uid) if path is not None else None
        self.book.take_conf(conf, configs)
        self.book.take(tuple(self.book.infos.values()))  # listeners are known now
        self._configured = (self.book.daemon_pid, frozenset(self.book.infos))


def said(fault: Fault, what: str) -> SupervisorError:
    """Return the port's error for a fault."""
    if fault.code == BAD_NAME:
        return UnknownUnit(f"supervisord has no program {what!r}")
    if fault.code == SHUTDOWN_STATE:
        return Busy("supervisord is shutting down, or starting over with its configuration")
    if fault.code in {NO_FILE, NOT_EXECUTABLE}:
        return SupervisorError(f"{what} cannot be started: {_plain(fault)}")
    return SupervisorError(f"supervisord refuses ({what}): {_plain(fault)}")


def unknown(unit: UnitId) -> UnknownUnit:
    """Return the error for a unit that supervisord does not have."""
    return UnknownUnit(f"supervisord has no unit {unit.name!r}")


def _plain(fault: Fault) -> str:
    return " ".join(fault.text.split())[:300]


def _ending(fault: Fault) -> Exception:
    return Ending("supervisord is shutting down, or starting over") if fault.code == SHUTDOWN_STATE else fault


def _bundle(calls: Sequence[Call]) -> list[Value]:
    return [{"methodName": f"supervisor.{method}", "params": list(params)} for method, params in calls]


def _results(raw: Value, wanted: int) -> list[Value]:
    if not isinstance(raw, list) or len(raw) != wanted:
        raise SupervisorUnreachable("supervisord sends what cannot be read (no list of results)")
    for one in raw:
        if isinstance(one, dict) and "faultCode" in one:
            code = one["faultCode"]
            raise _ending(Fault(code if isinstance(code, int) else 0, str(one.get("faultString", ""))))
    return raw
