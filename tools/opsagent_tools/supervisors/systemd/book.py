"""What is known of every instance, kept up by systemd's signals, and the events that each change means.

systemd tells all properties of a unit with each change of its state, in order, before it does the next thing. So a
person's stop is seen as such before its process is gone. Pure, but for the start times of processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opsagent_tools.processes.proc import key_of
from opsagent_tools.supervisors.port import EventKind, SupervisorEvent
from opsagent_tools.supervisors.systemd import reading
from opsagent_tools.supervisors.systemd.endpoint import SERVICE_UNIT, UNIT
from opsagent_tools.supervisors.systemd.units import Instance, fresh
from opsagent_tools.supervisors.systemd.whose import name_of
from opsagent_tools.units import ProcessKey, UnitId, UnitState

_GONE = frozenset({"inactive", "failed"})
_KEPT = (
    "ExecMainPID", "ExecMainCode", "ExecMainStatus", "ExecMainStartTimestampMonotonic",
    "ExecMainExitTimestampMonotonic", "ActiveExitTimestampMonotonic", "Result", "UID",
)  # fmt: skip
"""What systemd forgets when it unloads a stopped unit, and we do not."""


class Book:
    """Instances by unit file."""

    def __init__(
        self,
        kind: str,
        *,
        clock: Callable[[], float] = time.time,
        key: Callable[[int], ProcessKey | None] = key_of,
    ) -> None:
        self.instances: dict[str, Instance] = {}
        self._kind, self._clock, self._key = kind, clock, key
        self.on_surge_lost: Callable[[str], None] | None = None
        """Told of the unit file whose surged process ended by itself: systemd would start it again."""
        self._ended: dict[ProcessKey, None] = {}
        """Processes whose end was told, or needs no telling."""

    def learn(self, file: str, properties: dict[str, Any]) -> list[SupervisorEvent]:
        """Take over all properties of an instance, as they were just asked for."""
        known = self.instances.get(file)
        if known is None:
            self.instances[file] = fresh(file, properties)
            return []
        if not properties.get("ExecMainStartTimestampMonotonic"):
            properties = {**properties, **{name: known.properties[name] for name in _KEPT if name in known.properties}}
        known.properties = properties
        return self._settle(known)

    def hear(self, file: str, interface: str, changed: Mapping[str, Any]) -> list[SupervisorEvent]:
        """Take over what a signal says has changed, and return what that means.

        systemd sends two signals for one change, that of `Service` first: with that of `Unit` all is known.
        """
        known = self.instances.get(file)
        if known is None or interface not in {SERVICE_UNIT, UNIT}:
            return []
        known.properties.update(changed)
        return self._settle(known) if interface == UNIT else []

    def died(self, key: ProcessKey, file: str, exit_code: int | None) -> list[SupervisorEvent]:
        """The kernel says that this process is gone, and systemd has not told of it for a while."""
        known = self.instances.get(file)
        if known is None or known.main != key or key in self._ended:
            return []
        return self._end(known, exit_code, told_by_kernel=True)

    def forget(self, files: Iterable[str]) -> None:
        """These are no services any more."""
        for file in files:
            self.instances.pop(file, None)

    def _settle(self, one: Instance) -> list[SupervisorEvent]:
        properties, events = one.properties, list[SupervisorEvent]()
        pid, state = reading.pid_of(properties), str(properties.get("ActiveState", ""))
        ended = self._has_ended(one, pid)
        if not ended and reading.is_going(properties) and not one.going and one.main is not None:
            one.going = one.asked = True
            events.append(self._event(EventKind.STOPPING, one, one.main.pid))
        if ended:
            same = one.main is not None and properties.get("ExecMainPID") == one.main.pid
            events += self._end(one, reading.exit_of(properties) if same else None, replaced=not same)
        events += self._missed(one)
        if pid and (one.main is None or one.main.pid != pid):
            events += self._begin(one, pid)
        if state in _GONE and not reading.has_job(properties):
            events += self._rest(one)
        elif state == "active" and one.told != "active":
            if one.told in _GONE:
                events.append(self._event(EventKind.STARTED, one, pid or None))
            one.told = "active"
        return events

    def _has_ended(self, one: Instance, pid: int) -> bool:
        if one.main is None:
            return False
        exited = one.properties.get("ExecMainPID") == one.main.pid and bool(
            one.properties.get("ExecMainExitTimestampMonotonic")
        )
        return pid != one.main.pid or exited

    def _end(
        self, one: Instance, code: int | None, *, replaced: bool = False, told_by_kernel: bool = False
    ) -> list[SupervisorEvent]:
        """The main process is gone: by itself, or because it was to go."""
        key, properties = one.main, one.properties
        if key is None:
            return []
        if not told_by_kernel:
            one.main = None
        if code is not None:
            one.last_exit = code
        ended_at = int(properties.get("ExecMainExitTimestampMonotonic") or 0)
        explained = properties.get("ExecMainPID") == key.pid and ended_at
        one.unexplained = 0 if explained else key.pid
        one.ended_at = max(one.ended_at, ended_at)
        if key in self._ended:
            del self._ended[key]
            return []
        if told_by_kernel:
            self._ended[key] = None
        asked = one.going or (not replaced and not told_by_kernel and reading.was_asked(properties))
        told, one.going = one.going, False
        if asked:
            one.asked = True
            return [] if told else [self._event(EventKind.STOPPING, one, key.pid)]
        if one.surged and self.on_surge_lost is not None:
            self.on_surge_lost(one.file)
        why = reading.explain(properties) if not replaced and not told_by_kernel else ""
        return [self._event(EventKind.EXITED, one, key.pid, code, why)]

    def _missed(self, one: Instance) -> list[SupervisorEvent]:
        """Tell of a main process that was gone before it could be looked at: one that crashes at once."""
        properties = one.properties
        ended = int(properties.get("ExecMainExitTimestampMonotonic") or 0)
        if one.main is not None or ended <= one.ended_at:
            return []
        pid, code = int(properties.get("ExecMainPID") or 0), reading.exit_of(properties)
        if pid and pid == one.unexplained:  # its end was told, without what systemd says of it now
            one.unexplained, one.last_exit, one.ended_at = 0, code, ended
            return []
        one.restarts += one.ran
        one.last_exit, one.ended_at, one.ran, one.asked = code, ended, True, reading.was_asked(properties)
        if one.asked:
            return [self._event(EventKind.STOPPING, one, pid)]
        if one.surged and self.on_surge_lost is not None:
            self.on_surge_lost(one.file)
        return [self._event(EventKind.EXITED, one, pid, code, reading.explain(properties))]

    def _begin(self, one: Instance, pid: int) -> list[SupervisorEvent]:
        key = self._key(pid)
        if key is None:  # gone already: systemd will say so
            return []
        first = not one.ran and one.ended_at == 0 and one.last_exit is None
        one.main, one.asked, one.going = key, False, False
        one.ran = True
        if not first:
            one.restarts += 1
        return [self._event(EventKind.SPAWNED, one, pid)]

    def _rest(self, one: Instance) -> list[SupervisorEvent]:
        """It neither runs nor is about to."""
        before, now = one.told, str(one.properties["ActiveState"])
        one.told = now
        if before in _GONE or one.state is not UnitState.STOPPED:
            return []
        if any(
            other.told not in _GONE for other in self.instances.values() if name_of(other.file) == name_of(one.file)
        ):
            one.surged = False
            return []  # others of its template go on
        one.surged = False
        return [self._event(EventKind.STOPPED, one)]

    def _event(
        self, kind: EventKind, one: Instance, pid: int | None = None, code: int | None = None, reason: str = ""
    ) -> SupervisorEvent:
        unit = UnitId.local(self._kind, name_of(one.file))
        return SupervisorEvent(kind=kind, unit=unit, pid=pid, exit_code=code, reason=reason, at=self._clock())
