"""What is known of the processes of one circusd, and the units that they make up. No waiting, no connection."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from opsagent_tools.processes.proc import HAS_PROC, is_alive, is_same, key_of, read_stat
from opsagent_tools.supervisors.circusd.told import Told
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

FLAPS_S = 60.0
"""Deaths within so many seconds before a stop, where a flapping plugin runs, may be what it was stopped for."""
_REMEMBERED = 4096


@dataclass(slots=True)
class _Seen:
    """What was seen of one watcher by and by."""

    keys: dict[int, ProcessKey] = field(default_factory=dict)
    """Its processes by pid, those that live."""
    recent: dict[int, ProcessKey] = field(default_factory=dict)
    """Its latest processes by pid, dead ones too."""
    lives: int = 0
    """How many processes of it were seen."""
    most: int = 0
    """The largest number of processes that it wanted."""
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    """When processes of it ended by themselves."""
    last_exit: int | None = None
    by_itself: bool = False
    """Its last process ended without being told to."""
    stopped_at: float = 0.0


class Book:
    """The processes of one circusd: what it told last, and what it does not tell (exit codes, who asked)."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.daemon_pid = 0
        self.daemon_uid = os.getuid()
        self.watchers: dict[str, Told] = {}
        self.ports: Mapping[str, int] = {}
        self.flaps = False
        """A plugin of it stops what ends too often."""
        self.check_delay = 1.0
        self._seen: dict[str, _Seen] = {}
        self._expected: dict[ProcessKey, None] = {}
        self._done: dict[ProcessKey, None] = {}
        self._left: dict[ProcessKey, str] = {}

    def begin(self, pid: int, uid: int) -> None:
        """Hear that this circusd answers; another one than before starts a new book."""
        if pid != self.daemon_pid:
            self._left.update({key: name for name, seen in self._seen.items() for key in seen.keys.values()})
            self._seen.clear()
        self.daemon_pid, self.daemon_uid = pid, uid

    def take(self, told: Mapping[str, Told]) -> bool:
        """Take over all that it says; return whether the set of watchers is another one."""
        other = told.keys() != self.watchers.keys()
        self.watchers = dict(told)
        for one in told.values():
            self.take_one(one)
        for name in self._seen.keys() - told.keys():
            del self._seen[name]
        return other

    def take_one(self, told: Told) -> None:
        """Take over what it says of one watcher."""
        self.watchers[told.name] = told
        seen = self._seen.setdefault(told.name, _Seen())
        seen.most = max(seen.most, told.wanted)
        for pid in told.pids:
            self.spawned(told.name, pid)
        for pid, key in list(seen.keys.items()):
            if not is_alive(key):
                from opsagent_tools.processes.deaths import exit_code  # here: who only looks does without an event loop

                self.died(told.name, key, exit_code(key))
            elif pid not in told.pids:
                stat = read_stat(pid)
                if HAS_PROC and (stat is None or stat.parent != self.daemon_pid):
                    seen.keys.pop(pid)

    def spawned(self, name: str, pid: int) -> ProcessKey | None:
        """Note a process; return its key, None where there is none of that pid, or it is not circusd's own child."""
        seen = self._seen.setdefault(name, _Seen())
        stat = read_stat(pid) if HAS_PROC else None
        if HAS_PROC and (stat is None or stat.dead or stat.parent != self.daemon_pid):
            return None
        before = seen.keys.get(pid)
        key = before if before is not None and stat is not None and is_same(stat, before) else key_of(pid)
        if key is not None and seen.recent.get(pid) != key:
            seen.recent.pop(pid, None)
            seen.recent[pid] = key
            if len(seen.recent) > _REMEMBERED:
                del seen.recent[next(iter(seen.recent))]
            seen.lives += 1
            seen.by_itself = False
        if key is not None:
            seen.keys[pid] = key
        return key

    def died(self, name: str, key: ProcessKey, code: int | None) -> None:
        """Note a death; what is told of it later adds to it."""
        seen = self._seen.setdefault(name, _Seen())
        if code is not None:
            seen.last_exit = code
        seen.keys.pop(key.pid, None)
        if key in self._done:
            return
        _remember(self._done, key)
        seen.by_itself = key not in self._expected
        if seen.by_itself:
            seen.deaths.append(time.time())

    def expect(self, key: ProcessKey) -> None:
        """Note that circusd was told to end it."""
        _remember(self._expected, key)

    def is_expected(self, key: ProcessKey) -> bool:
        return key in self._expected

    def surely_by_itself(self, name: str, code: int | None) -> bool:
        """Tell whether a death needs no question, where what circusd publishes is heard: it ends with the stop signal, says
        so, and kills only after `graceful_timeout`. (`circusctl kill --signum` counts as a death.)
        """
        told = self.watchers.get(name)
        if told is None or code is None or code >= 0 or -code == told.number("stop_signal", signal.SIGTERM):
            return False
        return code != -signal.SIGKILL or told.number("graceful_timeout", 0) >= 1

    def pardon(self, name: str, key: ProcessKey) -> None:
        """Take back that it ended by itself: circusd was told to end it, as is known now."""
        self.expect(key)
        seen = self._seen.get(name)
        if seen is not None and key in self._done:
            seen.by_itself = False

    def stopped(self, name: str) -> None:
        """Note that circusd says that it has stopped all of it."""
        if name in self._seen:
            self._seen[name].stopped_at = time.time()

    def key(self, name: str, pid: int) -> ProcessKey | None:
        """Return the process of a watcher that has this pid, or had it last."""
        seen = self._seen.get(name)
        return seen.recent.get(pid) if seen is not None else None

    def keys(self, name: str) -> tuple[ProcessKey, ...]:
        """Return the processes of a watcher, as they were seen last."""
        seen = self._seen.get(name)
        return tuple(seen.keys.values()) if seen is not None else ()

    def deaths_within(self, name: str, seconds: float) -> int:
        """Return how often a process of it ended by itself lately."""
        seen = self._seen.get(name)
        return sum(time.time() - at <= seconds for at in seen.deaths) if seen is not None else 0

    def left_behind(self) -> dict[ProcessKey, str]:
        """Return what was seen to run under this circusd or an earlier one and is not its child: it outlived it."""
        seen = {key: name for name, one in self._seen.items() for key in one.keys.values()}
        return {key: name for key, name in {**self._left, **seen}.items() if is_alive(key) and not self._is_child(key)}

    def _is_child(self, key: ProcessKey) -> bool:
        stat = read_stat(key.pid) if HAS_PROC else None
        return stat is not None and stat.parent == self.daemon_pid

    def unit_id(self, name: str) -> UnitId:
        return UnitId.local(self.kind, name)

    def units(self) -> tuple[Unit, ...]:
        """Return all units, by name."""
        return tuple(self.unit(name) for name in sorted(self.watchers))

    def unit(self, name: str) -> Unit:
        """Return one unit; it must be known. Its newest process comes first: circusd ends the oldest first."""
        told, seen = self.watchers[name], self._seen.setdefault(name, _Seen())
        state, reason = self._state(told, seen)
        keys = sorted(seen.keys.values(), key=lambda key: (key.started, key.pid), reverse=True)
        return Unit(
            id=self.unit_id(name),
            state=state,
            reason=reason,
            processes=tuple(Process(key=key, wanted=key not in self._expected) for key in keys),
            instances=max(told.wanted, 1),
            restarts=max(0, seen.lives - max(seen.most, 1)),
            last_exit=seen.last_exit,
            ports=tuple(port for one in told.sockets if (port := self.ports.get(one, 0))) if told.uses_sockets else (),
            shares_socket=told.uses_sockets,
            reloads_in_place=told.options.get("send_hup") is True,
            autorestart=told.respawns,
            logs=told.logs,
            uid=self._uid(told),
        )

    def _uid(self, told: Told) -> int:
        wish = told.options.get("uid")
        if isinstance(wish, int):
            return wish
        if isinstance(wish, str) and wish:
            import pwd

            try:
                return int(wish) if wish.isdecimal() else pwd.getpwnam(wish).pw_uid
            except KeyError:
                return self.daemon_uid
        return self.daemon_uid

    def _state(self, told: Told, seen: _Seen) -> tuple[UnitState, str]:
        match told.status:
            case "stopping":
                return UnitState.STOPPING, ""
            case "starting":
                return UnitState.STARTING, ""
            case "stopped":
                return self._stopped(told, seen)
            case "active" if any(key not in self._expected for key in seen.keys.values()):
                return UnitState.RUNNING, ""
            case "active" if told.wanted == 0:
                return UnitState.STOPPED, "it is told to have no process (numprocesses=0)"
            case "active" if told.respawns:
                return UnitState.STARTING, f"{_how(seen)}; circusd starts it again within {self.check_delay:g} s"
            case "active":
                return UnitState.EXITED, f"{_how(seen)}, and circusd is told not to start it again (respawn=False)"
        return UnitState.UNKNOWN, f"circusd says {told.status[:40]!r}"

    def _stopped(self, told: Told, seen: _Seen) -> tuple[UnitState, str]:
        if told.options.get("on_demand") is True and not seen.stopped_at:
            return UnitState.STOPPED, "it waits for the first connection (on_demand)"
        if seen.by_itself and not told.respawns:
            return UnitState.EXITED, f"{_how(seen)}, and circusd is told not to start it again (respawn=False)"
        flaps = self.flapped(told.name)
        if flaps:  # who stopped it cannot be told: it stays as it is
            by = f"by the flapping plugin or by a person, after {flaps} deaths within {FLAPS_S:g} s"
            return UnitState.STOPPED, f"stopped {by}"
        return UnitState.STOPPED, ""

    def flapped(self, name: str) -> int:
        """Return how often a watcher that is stopped had ended by itself just before, where a flapping plugin runs."""
        seen, told = self._seen.get(name), self.watchers.get(name)
        if not self.flaps or seen is None or told is None or told.status != "stopped":
            return 0
        deaths = sum(0 <= seen.stopped_at - at <= FLAPS_S for at in seen.deaths)
        return deaths if deaths > 1 else 0


def _how(seen: _Seen) -> str:
    code = seen.last_exit
    if code is None:
        return "no process of it runs"
    return f"ended with exit code {code}" if code >= 0 else f"ended by signal {-code}"


def _remember(where: dict[ProcessKey, None], key: ProcessKey) -> None:
    where[key] = None
    while len(where) > _REMEMBERED:
        del where[next(iter(where))]
