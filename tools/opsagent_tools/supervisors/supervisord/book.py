"""What is known of the processes of one supervisord, and the units that they make up. No waiting, no connection."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from opsagent_tools.processes.proc import HAS_PROC, is_alive, is_same, key_of, read_stat
from opsagent_tools.supervisors.supervisord.chronicle import Chronicle
from opsagent_tools.supervisors.supervisord.conf import ConfFile, Section
from opsagent_tools.supervisors.supervisord.info import (
    ALIVE,
    BACKOFF,
    EXITED,
    FATAL,
    RUNNING,
    STARTING,
    STOPPED,
    STOPPING,
    Config,
    Info,
    unit_names,
)
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState


@dataclass(slots=True)
class _Seen:
    """What was seen of one process by and by."""

    lives: set[tuple[int, int]] = field(default_factory=set)
    key: ProcessKey | None = None
    last: ProcessKey | None = None
    dead: ProcessKey | None = None
    code: int | None = None


class Book:
    """The processes of one supervisord: what it told last, and what its interface forgets (restarts, signals)."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.daemon_pid = 0
        self.daemon_uid = os.getuid()
        self.conf: ConfFile | None = None
        self.configs: Mapping[str, Config] = {}
        self.infos: dict[str, Info] = {}
        self.log = Chronicle()
        self._names: dict[str, str] = {}
        self._sections: dict[str, Section] = {}
        self._seen: dict[str, _Seen] = {}
        self._left: dict[ProcessKey, str] = {}
        """What ran under earlier ones when they were seen last."""

    def begin(self, pid: int, uid: int) -> None:
        """Hear that this supervisord answers; another one than before starts a new book."""
        if pid != self.daemon_pid:
            self._left.update({seen.key: full for full, seen in self._seen.items() if seen.key is not None})
            self._seen.clear()
            self.log = Chronicle()
            self.configs = {}
        self.daemon_pid, self.daemon_uid = pid, uid

    def take_conf(self, conf: ConfFile | None, configs: Mapping[str, Config]) -> None:
        """Take over how its programs are described."""
        self.conf, self.configs = conf, configs
        self._sections = conf.process_names() if conf is not None else {}
        self._name_units()

    def take(self, infos: Iterable[Info], *, whole: bool = True) -> bool:
        """Take over what it says; return whether a process appeared, went or changed. `whole`: these are all."""
        new = {info.full: info for info in infos if info.group not in self._listeners()}
        now = new if whole else {**self.infos, **new}
        changed = now.keys() != self.infos.keys() or any(_life(now[n]) != _life(self.infos[n]) for n in new)
        renamed = now.keys() != self.infos.keys()
        self.infos = now
        if renamed:
            self._name_units()
        for full, info in new.items():
            seen = self._seen.setdefault(full, _Seen())
            if info.pid > 0:
                seen.lives.add((info.pid, info.start))
            seen.key = self._key(info, seen.key)
            seen.last = seen.key or seen.last
        return changed

    def read_log(self, text: str) -> None:
        """Take in the end of its log."""
        self.log.read(text)
        names = Counter(info.name for info in self.infos.values())
        self.log.forget([name for name, count in names.items() if count > 1])

    def died(self, full: str, key: ProcessKey, code: int | None) -> None:
        """Note what the kernel said of a death."""
        seen = self._seen.setdefault(full, _Seen())
        seen.dead, seen.code = key, code

    def surely_by_itself(self, full: str, code: int | None, *, looked_every_s: float) -> bool:
        """Tell whether a death needs no question, where the process was not seen to be stopped: supervisord ends with the
        stop signal, and kills only after `stopwaitsecs`.
        """
        config = self.configs.get(full)
        if code is None or code >= 0 or config is None or code == -config.number("stopsignal", signal.SIGTERM):
            return False
        return code != -signal.SIGKILL or config.number("stopwaitsecs", 10) >= 2 * looked_every_s

    def members(self, unit: str) -> tuple[Info, ...]:
        """Return the processes of a unit, in order; empty where there is none of that name."""
        return tuple(self.infos[full] for full in sorted(self.infos) if self._names.get(full) == unit)

    def unit_of(self, full: str) -> UnitId:
        """Return the unit that a process belongs to."""
        return UnitId.local(self.kind, self._names.get(full, full))

    def key(self, full: str) -> ProcessKey | None:
        """Return the living process of that name."""
        seen = self._seen.get(full)
        return seen.key if seen is not None else None

    def left_behind(self) -> dict[ProcessKey, str]:
        """Return what was seen to run under this supervisord or an earlier one, lives, and is not its child."""
        self._left = {key: full for key, full in self._left.items() if is_alive(key)}
        seen = {one.last: full for full, one in self._seen.items() if one.last is not None and is_alive(one.last)}
        return {key: full for key, full in {**self._left, **seen}.items() if not self._is_child(key)}

    def _is_child(self, key: ProcessKey) -> bool:
        stat = read_stat(key.pid) if HAS_PROC else None
        return stat is not None and self.daemon_pid > 0 and stat.parent == self.daemon_pid

    def units(self) -> tuple[Unit, ...]:
        """Return all units, by name."""
        return tuple(self.unit(name) for name in sorted(set(self._names.values())))

    def unit(self, name: str) -> Unit:
        """Return one unit. Its members must be known."""
        members = self.members(name)
        state, reason = self._state(members)
        found = ((info, self.key(info.full)) for info in members)
        return Unit(
            id=UnitId.local(self.kind, name),
            state=state,
            reason=reason,
            processes=tuple(Process(key=key, wanted=info.state != STOPPING) for info, key in found if key is not None),
            instances=len(members),
            numbered=len(members) > 1,
            restarts=sum(self._restarts(info) for info in members),
            last_exit=self._last_exit(members),
            shares_socket=self._is_fcgi(members[0].full),
            autorestart=self.autorestart(members[0].full) != "false",
            logs=tuple(dict.fromkeys(path for info in members for path in self._logs(info))),
            uid=self.uid_of(members[0].full),
        )

    def section(self, full: str) -> Section | None:
        """Return where the configuration describes this process, as far as it could be read."""
        return self._sections.get(full)

    def autorestart(self, full: str) -> str:
        """Return `true`, `false` or `unexpected`, as configured or by default."""
        section = self.section(full)
        text = section.get("autorestart", "unexpected").lower() if section is not None else "unexpected"
        yes, no = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
        return "true" if text in yes else "false" if text in no else "unexpected"

    def uid_of(self, full: str) -> int:
        """Return as which user its processes run."""
        config = self.configs.get(full)
        uid = config.values.get("uid") if config is not None else None
        return uid if isinstance(uid, int) and self.daemon_uid == 0 else self.daemon_uid

    def _listeners(self) -> frozenset[str]:
        return self.conf.listeners() if self.conf is not None else frozenset()

    def _name_units(self) -> None:
        programs = {full: section.name for full, section in self._sections.items()}
        self._names = unit_names(((info.group, info.name) for info in self.infos.values()), programs)

    def _is_fcgi(self, full: str) -> bool:
        section = self.section(full)
        return section is not None and section.kind == "fcgi-program"

    def _logs(self, info: Info) -> tuple[Path, ...]:
        return info.logs()

    def _key(self, info: Info, before: ProcessKey | None) -> ProcessKey | None:
        """A pid is its word; that this is its child, and no stranger, is the kernel's."""
        if info.pid <= 0 or info.state not in ALIVE:
            return None
        stat = read_stat(info.pid) if HAS_PROC else None
        if HAS_PROC and (stat is None or stat.dead or stat.parent != self.daemon_pid):
            return None
        if before is not None and before.pid == info.pid and stat is not None and is_same(stat, before):
            return before
        return key_of(info.pid)

    def _restarts(self, info: Info) -> int:
        seen = self._seen.get(info.full)
        return max(self.log.starts(info.name), len(seen.lives) if seen is not None else 0, 1) - 1

    def _last_exit(self, members: Iterable[Info]) -> int | None:
        for info in sorted(members, key=lambda one: one.stop, reverse=True):
            code = self.exit_of(info)
            if code is not None:
                return code
        return None

    def exit_of(self, info: Info) -> int | None:
        """Return how the process that ran under this name before ended; None where that is not known."""
        seen, told = self._seen.get(info.full), self.log.last_end(info.name)
        if told is not None and (seen is None or seen.dead is None or seen.dead.pid == told.pid):
            return told.exit_code
        if seen is not None and seen.dead is not None and seen.code is not None:
            return seen.code
        ended = info.state in {STOPPED, EXITED} and info.stop > 0
        if not ended:
            return None
        if info.exit_status != -1:
            return info.exit_status
        config = self.configs.get(info.full)
        return -config.number("stopsignal", 15) if config is not None and info.state == STOPPED else None

    def _state(self, members: tuple[Info, ...]) -> tuple[UnitState, str]:
        states = {info.state for info in members}
        said = next((info for info in members if info.state in {FATAL, BACKOFF, EXITED}), None)
        reason = self._reason(said) if said is not None else ""
        if RUNNING in states:
            return UnitState.RUNNING, reason
        if states & {STARTING, BACKOFF}:
            return UnitState.STARTING, reason
        if STOPPING in states:
            return UnitState.STOPPING, reason
        if states & {EXITED, FATAL}:
            back = all(self._comes_back(info) for info in members if info.state != STOPPED)
            return (UnitState.STARTING if back else UnitState.EXITED), reason
        return (UnitState.STOPPED if states == {STOPPED} else UnitState.UNKNOWN), reason

    def _comes_back(self, info: Info) -> bool:
        """EXITED lasts a moment only where supervisord starts it again."""
        if info.state != EXITED or self.section(info.full) is None:
            return False
        config, wish = self.configs.get(info.full), self.autorestart(info.full)
        expected = config.exit_codes if config is not None else (0,)
        return wish == "true" or (wish == "unexpected" and info.exit_status not in expected)

    def _reason(self, info: Info) -> str:
        says = _redacted(info.spawn_error)
        if info.state == FATAL:
            return f"supervisord gave up: {says or 'it ended too quickly each time'}"
        if info.state == BACKOFF:
            return f"{says or 'ended too quickly'}; supervisord tries again"
        code = self.exit_of(info)
        if code is None:
            return says or "ended by itself"
        return f"ended with exit code {code}" if code >= 0 else f"ended by signal {-code}"


def _life(info: Info) -> tuple[int, int, int, int]:
    return info.state, info.pid, info.start, info.stop


def _redacted(text: str) -> str:
    if not text:
        return ""
    from opsagent_tools.redact import redact  # here: its rules take their time, and there is seldom something to say

    return redact(text)
