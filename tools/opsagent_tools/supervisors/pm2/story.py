"""PM2's bus and lists, told as the events of all supervisors. Pure: messages and lists in, events out.

What the bus does not say is put together: the signal behind an exit (`log:PM2` has it), the pid of what ended, whether
somebody asked for it. PM2 tells an exit in two ways: with the status `stopping` when it was asked to stop the process (and
once more, `stopped`, when all of its children are gone), with any other status when it ended by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from opsagent_tools.supervisors.pm2 import exception
from opsagent_tools.supervisors.pm2.daemon_log import Exits, Said, parse
from opsagent_tools.supervisors.pm2.picture import OLD, Picture
from opsagent_tools.supervisors.pm2.units import ERRORED, STOPPED, STOPPING, App, number, text, unit_name
from opsagent_tools.supervisors.port import EventKind, SupervisorEvent
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitState

_STARTING = re.compile(r"App \[.*:\w+\] starting in -\w+ mode-")
_LISTS = frozenset({"online", "start", "stop", "delete", "restart", "reload", "graceful reload", "restart overlimit"})
"""Events after which the list is another."""
_DOWN = frozenset({UnitState.STOPPED, UnitState.EXITED})
_MARKS = 4096
_DIES_OF_IT_S = 2.0
"""An end that comes this soon after an exception is of it."""


class Story:
    """One connection's worth of events."""

    def __init__(self, kind: str, alive: Callable[[ProcessKey], bool]) -> None:
        self._kind = kind
        self._picture = Picture(alive)
        self._exits = Exits()
        self._stopping: dict[str, ProcessKey | None] = {}
        """Numbers that are being stopped on purpose, and the process of each."""
        self._gave_up: set[str] = set()
        self._thrown: dict[str, tuple[float, str]] = {}
        """When and what each number threw last, one line, masked."""
        self._states: dict[str, UnitState] = {}
        self._shape: Mapping[str, tuple[object, ...]] = {}
        self._ids: dict[str, set[int]] = {}
        self._halted: set[int] = set()
        """Numbers that were stopped, by a person's notice on the bus."""
        self.wants_list = False
        """True: something changed that only a new list tells."""
        self.killed = ""
        """How the daemon said that it is about to end; empty while it did not."""

    # The bus

    def hear(self, topic: str, data: Mapping[str, Any], now: float) -> Iterator[SupervisorEvent]:
        """Take one message of the bus."""
        if topic == "log:PM2":
            yield from self._daemon_says(str(data.get("data", "")), _at(data, now))
        elif topic == "process:event":
            process = data.get("process")
            if isinstance(process, Mapping):
                yield from self._event(str(data.get("event", "")), process, _at(data, now))
        elif topic == "process:exception":
            self._note_thrown(data, _at(data, now))
        elif topic == "pm2:kill":
            self.killed = " ".join(text(data.get("msg")).split()) or "PM2 was told to end"
        elif not topic:  # messages were lost
            self.wants_list = True
            self._picture.prune()
            self._stopping.clear()
            yield SupervisorEvent(kind=EventKind.CHANGED, unit=None, at=now, reason="events were lost: list again")

    def _note_thrown(self, data: Mapping[str, Any], at: float) -> None:
        """Keep what an app threw for the end that follows: its worker is gone before its own log has it."""
        process = data.get("process")
        if isinstance(process, Mapping) and len(self._thrown) < _MARKS:
            self._thrown[str(process.get("pm_id"))[:40]] = (at, exception.one_line(exception.words_of(data)))

    def _what_it_threw(self, pm_id: str, at: float) -> str:
        thrown_at, words = self._thrown.pop(pm_id, (0.0, ""))
        return words if at - thrown_at < _DIES_OF_IT_S else ""

    def _daemon_says(self, said: str, at: float) -> Iterator[SupervisorEvent]:
        self._exits.hear(said, at)
        line = parse(said)
        if line is not None and line.said is Said.STOPPING:
            yield from self._stop_begins(line.pm_id, self._unit_name(line.pm_id, line.name), line.name, at)
        elif _STARTING.match(said):
            self.wants_list = True

    def _event(self, event: str, process: Mapping[str, Any], at: float) -> Iterator[SupervisorEvent]:
        pm_id = str(process.get("pm_id"))[:40]
        name = unit_name(text(process.get("name")), text(process.get("namespace")))
        if process.get("pmx_module") or not name:
            return
        self.wants_list = self.wants_list or event in _LISTS
        if event == "exit":
            yield from self._exit(pm_id, name, process, at)
        elif event == "restart overlimit":
            self._gave_up.add(pm_id)
        elif event in {"online", "start"}:
            self._stopping.pop(pm_id, None)
            self._halted.discard(number(process.get("pm_id"), -1))
            yield from self._is_now(name, UnitState.RUNNING, at)
        elif event == "stop" and pm_id.isdigit():
            self._halted.add(int(pm_id))
            if self._ids.get(name, set()) <= self._halted:
                yield from self._is_now(name, UnitState.STOPPED, at)

    def _exit(self, pm_id: str, name: str, process: Mapping[str, Any], at: float) -> Iterator[SupervisorEvent]:
        status = process.get("status")
        if pm_id in self._stopping or status == STOPPING or pm_id.startswith(OLD):
            yield from self._stop_begins(pm_id, name, text(process.get("name")), at)
            key = self._stopping.get(pm_id)
            if key is not None:
                self._picture.forget(pm_id, key)
            if status in {STOPPED, ERRORED}:  # told for the second time: it is over
                self._stopping.pop(pm_id, None)
                self._exits.of(name=text(process.get("name")), pm_id=pm_id, pid=None, at=at)
                self.wants_list = True
            return
        ended = self._picture.ended(pm_id)
        pid = ended.pid if ended is not None else None
        found = self._exits.of(name=text(process.get("name")), pm_id=pm_id, pid=pid, at=at)
        code = found.code if found.code is not None else number(process.get("exit_code"))
        reason = "; ".join(filter(None, (self._what_it_threw(pm_id, at), found.reason)))
        if pm_id in self._gave_up:
            self._gave_up.discard(pm_id)
            reason = "; ".join(filter(None, (reason, "too many unstable restarts: PM2 has given up")))
        self.wants_list = True
        yield self._tell(EventKind.EXITED, name, at, pid=pid, exit_code=code, reason=reason)

    def _stop_begins(self, pm_id: str, name: str, app: str, at: float) -> Iterator[SupervisorEvent]:
        if pm_id in self._stopping:
            return
        key = self._picture.being_stopped(pm_id)
        if len(self._stopping) < _MARKS:
            self._stopping[pm_id] = key
        reason = self._exits.of(name=app, pm_id=pm_id, pid=None, at=at).reason
        if name:
            yield self._tell(EventKind.STOPPING, name, at, pid=key.pid if key is not None else None, reason=reason)

    # Lists

    def see(self, units: Sequence[Unit], apps: Sequence[App], now: float, *, first: bool) -> Iterator[SupervisorEvent]:
        """Take a list. The first one tells nothing: it is how things are."""
        keys = {process.key.pid: process.key for unit in units for process in unit.processes}
        running = {app.pm_id: keys[app.pid] for app in apps if app.pid in keys}
        names = {app.pm_id: app.unit for app in apps}
        for pm_id, key in self._picture.see(running, names):
            if not first:
                yield self._tell(EventKind.SPAWNED, names[pm_id], now, pid=key.pid)
        shape = {unit.name: (unit.instances, unit.autorestart, unit.shares_socket, unit.logs) for unit in units}
        changed = shape != self._shape
        self._shape = shape
        self._ids = {}
        for app in apps:
            if not app.module:
                self._ids.setdefault(app.unit, set()).add(app.pm_id)
        self._halted = {app.pm_id for app in apps if app.down and app.pm_id in self._halted}
        if changed and not first:
            yield SupervisorEvent(kind=EventKind.CHANGED, unit=None, at=now)
        for gone in self._states.keys() - shape.keys():
            del self._states[gone]
        for unit in units:
            if first or unit.name not in self._states:
                self._states[unit.name] = unit.state
            elif unit.state is not UnitState.STOPPED or self._ids[unit.name] <= self._halted:
                yield from self._is_now(unit.name, unit.state, now)

    def seems_stopped(self, units: Sequence[Unit]) -> set[str]:
        """Return units that a list calls stopped, of which nobody said so: for some milliseconds a restart looks the same."""
        return {
            unit.name
            for unit in units
            if unit.state is UnitState.STOPPED and self._states.get(unit.name) is not UnitState.STOPPED
        }

    def are_stopped(self, names: set[str], now: float) -> Iterator[SupervisorEvent]:
        """Take it that these really are stopped."""
        for name in sorted(names & self._states.keys()):
            yield from self._is_now(name, UnitState.STOPPED, now)

    def _is_now(self, name: str, state: UnitState, at: float) -> Iterator[SupervisorEvent]:
        before = self._states.get(name)
        if before is None:
            return
        up = state in {UnitState.RUNNING, UnitState.STARTING}
        self._states[name] = state
        if state is UnitState.STOPPED and before is not UnitState.STOPPED:
            yield self._tell(EventKind.STOPPED, name, at, reason="somebody asked PM2 to stop it")
        elif up and before in _DOWN:
            yield self._tell(EventKind.STARTED, name, at)

    def _unit_name(self, pm_id: str, name: str) -> str:
        """Return the unit of a number; a line of the log names the app without its namespace."""
        bare = pm_id.removeprefix(OLD)
        if bare.isdigit():
            for unit, ids in self._ids.items():
                if int(bare) in ids:
                    return unit
        return text(name)

    def _tell(
        self,
        kind: EventKind,
        name: str,
        at: float,
        *,
        pid: int | None = None,
        exit_code: int | None = None,
        reason: str = "",
    ) -> SupervisorEvent:
        unit = UnitId.local(self._kind, name)
        return SupervisorEvent(kind=kind, unit=unit, pid=pid, exit_code=exit_code, reason=text(reason), at=at)


def _at(data: Mapping[str, Any], now: float) -> float:
    """PM2's own time, in milliseconds, where it is one."""
    at = data.get("at")
    if isinstance(at, int | float) and not isinstance(at, bool) and abs(at / 1000 - now) < 3600:
        return at / 1000
    return now
