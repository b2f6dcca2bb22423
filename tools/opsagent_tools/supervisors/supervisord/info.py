"""What supervisord tells of its processes, as records; and which of them make up one unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.supervisors.port import SupervisorUnreachable
from opsagent_tools.supervisors.supervisord.codec import Value

STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL, UNKNOWN = 0, 10, 20, 30, 40, 100, 200, 1000
"""Process states, supervisor/states.py of supervisor 4."""
ALIVE = frozenset({STARTING, RUNNING, STOPPING})
"""States in which there is a process."""
ACTIVE = frozenset({STARTING, RUNNING, BACKOFF})
"""States that `stopProcess` can end."""

SHUTDOWN_STATE, BAD_NAME, NO_FILE, NOT_EXECUTABLE = 6, 10, 20, 21
ABNORMAL_TERMINATION, SPAWN_ERROR, ALREADY_STARTED, NOT_RUNNING = 40, 50, 60, 70
"""Faults, supervisor/xmlrpc.py."""

_NUMBERED = re.compile(r"(?P<stem>.*?)[_:.-]?\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """One process as `getProcessInfo` tells of it."""

    group: str
    name: str
    state: int
    pid: int
    """0: there is none."""
    start: int
    stop: int
    now: int
    exit_status: int
    """Of the process that ended last, until the next one starts; -1: a signal, which one is not said."""
    spawn_error: str
    stdout: str
    stderr: str

    @property
    def full(self) -> str:
        """`group:name`, unique, as its methods take it."""
        return f"{self.group}:{self.name}"

    @classmethod
    def of(cls, raw: Value) -> Info:
        """Read one struct. Raises SupervisorUnreachable for what is none: that is no supervisord."""
        if not isinstance(raw, dict):
            raise SupervisorUnreachable("supervisord sends what cannot be read (no struct)")
        return cls(
            group=_text(raw, "group"),
            name=_text(raw, "name"),
            state=_number(raw, "state"),
            pid=_number(raw, "pid"),
            start=_number(raw, "start"),
            stop=_number(raw, "stop"),
            now=_number(raw, "now"),
            exit_status=_number(raw, "exitstatus"),
            spawn_error=_text(raw, "spawnerr"),
            stdout=_text(raw, "stdout_logfile"),
            stderr=_text(raw, "stderr_logfile"),
        )

    def logs(self) -> tuple[Path, ...]:
        """Return the files that its output goes to; none where there are none (syslog, NONE, not started yet)."""
        found = (Path(text) for text in dict.fromkeys((self.stdout, self.stderr)) if text.startswith("/"))
        return tuple(path for path in found if not path.is_relative_to("/dev"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One process as `getAllConfigInfo` tells of it: what it was configured to be, expansions done."""

    group: str
    name: str
    in_use: bool
    exit_codes: tuple[int, ...] = ()
    """Exit codes that it expects."""
    values: Mapping[str, str | int | float | bool]

    @property
    def full(self) -> str:
        return f"{self.group}:{self.name}"

    @classmethod
    def of(cls, raw: Value) -> Config:
        """Read one struct."""
        if not isinstance(raw, dict):
            raise SupervisorUnreachable("supervisord sends what cannot be read (no struct)")
        values = {key: value for key, value in raw.items() if isinstance(value, (str, int, float, bool))}
        codes = raw.get("exitcodes")
        return cls(
            group=_text(raw, "group"),
            name=_text(raw, "name"),
            in_use=raw.get("inuse") is True,
            exit_codes=tuple(one for one in codes if isinstance(one, int)) if isinstance(codes, list) else (),
            values=values,
        )

    def number(self, key: str, default: int) -> int:
        """Return a whole number, `default` where it is none."""
        value = self.values.get(key, default)
        return value if isinstance(value, int) else default

    def text(self, key: str) -> str:
        """Return a text; empty where it is `none` or `auto` (how it writes what XML-RPC cannot carry)."""
        value = str(self.values.get(key, ""))
        return "" if value in {"none", "auto"} else value


def infos_of(raw: Value) -> tuple[Info, ...]:
    """Read the answer of `getAllProcessInfo`."""
    if not isinstance(raw, list):
        raise SupervisorUnreachable("supervisord sends what cannot be read (no list)")
    return tuple(Info.of(one) for one in raw)


def configs_of(raw: Value) -> dict[str, Config]:
    """Read the answer of `getAllConfigInfo`, by `group:name`."""
    if not isinstance(raw, list):
        raise SupervisorUnreachable("supervisord sends what cannot be read (no list)")
    found = (Config.of(one) for one in raw)
    return {one.full: one for one in found}


def unit_names(processes: Iterable[tuple[str, str]], programs: Mapping[str, str]) -> dict[str, str]:
    """Return the name of the unit that each process (group, name) belongs to, by `group:name`.

    One program with `numprocs` is one unit; so `api:api_00` and `api:api_01` are `api`. `programs` says which program
    a process is of, where its configuration could be read; else the numbers at the end of its name decide. A group of
    several programs gives units `group:program`.
    """
    groups: dict[str, list[str]] = {}
    for group, name in processes:
        groups.setdefault(group, []).append(name)
    found: dict[str, str] = {}
    for group, names in groups.items():
        stems = {name: programs.get(f"{group}:{name}") or _stem(name, names) for name in names}
        alone = len(set(stems.values())) == 1
        for name, stem in stems.items():
            found[f"{group}:{name}"] = group if alone else f"{group}:{stem}"
    return found


def _stem(name: str, siblings: Sequence[str]) -> str:
    match = _NUMBERED.fullmatch(name)
    if match is None or not match["stem"]:
        return name
    stem = match["stem"]
    alike = [other for other in siblings if (m := _NUMBERED.fullmatch(other)) is not None and m["stem"] == stem]
    return stem if len(alike) > 1 else name


def _text(raw: Mapping[str, Value], key: str) -> str:
    value = raw.get(key, "")
    return value if isinstance(value, str) else str(value)


def _number(raw: Mapping[str, Value], key: str) -> int:
    value = raw.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SupervisorUnreachable(f"supervisord sends what cannot be read ({key} is no number)")
    return int(value)
