"""Processes that outlived their PM2 daemon: known for sure, and ended as PM2 itself would have ended them.

SIGKILL the daemon and its cluster workers go with it, talkative apps die of their broken pipe, silent ones live on.
The next daemon knows nothing of them, and `pm2 resurrect` starts every one a second time.

A process is surely one of these where it was seen in the daemon's own list (pid and start time), or where all of this
holds: its environment names this home and a process of it, it runs as the user of the home, no living daemon is above
it, and the file that PM2 wrote at its start has its pid. A command line proves nothing, and neither does an environment
alone: whatever an app starts apart, a database say, inherits it.
"""

# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsagent_tools.files import UnsafeFile, read_owned
from opsagent_tools.processes.ending import end_process
from opsagent_tools.processes.family import ancestors, parents, with_descendants
from opsagent_tools.processes.proc import is_alive, key_of
from opsagent_tools.supervisors.pm2.dump import KILL_TIMEOUT_S, grace_s, unit_name
from opsagent_tools.trust import uid_of
from opsagent_tools.units import ProcessKey

_ENVIRONMENT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """One process of an app that no daemon knows any more, with all that it started."""

    key: ProcessKey
    unit: str
    pm_id: str
    grace_s: float = KILL_TIMEOUT_S
    tree: tuple[ProcessKey, ...] = ()
    """Its descendants; PM2 ends them with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlived:
    """What is left of a home whose daemon ended."""

    sure: tuple[Survivor, ...] = ()
    unsure: tuple[int, ...] = ()
    """Pids that carry this home's marks and may be something that an app started apart. Never ended."""
    self_among: str = ""
    """The unit that this very process runs as, where PM2 runs the agent. Never ended."""


def find(home: Path, uid: int, noted: Mapping[ProcessKey, str] | None = None) -> Outlived:
    """Look for processes of `home`, whose user is `uid`. `noted`: those that its daemon listed, and their unit."""
    above, seen = parents(), noted or {}
    daemons = set(living_daemons(home, uid))
    mine = {os.getpid(), *ancestors(os.getpid(), above)}
    known = {key.pid: unit for key, unit in seen.items() if is_alive(key) and may_touch(key.pid, uid)}
    sure: list[Survivor] = []
    unsure: list[int] = []
    self_among = ""
    for pid in above:
        marks = marks_of(pid)
        if pid in known:
            found = _survivor(pid, marks or {}, known[pid], above, uid)
        elif marks is None or not _is_of(home, uid, pid, marks):
            continue
        elif marks.get("pid") == pid:
            found = _survivor(pid, marks, unit_name(marks), above, uid)
        else:
            unsure.append(pid)
            continue
        if found is None or pid in daemons or daemons & set(ancestors(pid, above)):
            continue
        if pid in mine:
            self_among = found.unit
        else:
            sure.append(found)
    theirs = {one.pid for survivor in sure for one in (survivor.key, *survivor.tree)} | mine
    left = (pid for pid in unsure if pid not in theirs and not daemons & {pid, *ancestors(pid, above)})
    left = (pid for pid in left if not set(ancestors(pid, above)) & set(unsure) and not _is_below(mine, pid, above))
    return Outlived(sure=tuple(sure), unsure=tuple(left), self_among=self_among)


def _is_below(mine: set[int], pid: int, above: Mapping[int, int]) -> bool:
    return os.getpid() in ancestors(pid, above) or pid in mine


def _survivor(pid: int, marks: Mapping[str, Any], unit: str, above: Mapping[int, int], uid: int) -> Survivor | None:
    key = key_of(pid)
    if key is None or not is_alive(key):
        return None
    below = (one for one in with_descendants([pid], above) if one != pid and may_touch(one, uid))
    tree = tuple(found for one in below if (found := key_of(one)) is not None)
    return Survivor(key=key, unit=unit, pm_id=str(marks.get("pm_id", "")), grace_s=grace_s(marks), tree=tree)


def marks_of(pid: int) -> dict[str, Any] | None:
    """Return what PM2 wrote into the environment of a process that it started; None where it did not, or one may not look.

    `pid` is what PM2's own file of that process says; it is left out where there is no such file. Only PM2's own
    variables are kept, none of the app's.
    """
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            raw = file.read(_ENVIRONMENT)
    except OSError:
        return None
    if b"PM2_HOME=" not in raw:
        return None
    env = dict(_variables(raw, {b"PM2_HOME", b"pm2_env", *_OF_A_FORK}))
    marks: dict[str, Any] = {**env, **_of_a_cluster(env.pop("pm2_env", ""))}
    marks.pop("pm2_env", None)
    if not all(marks.get(name) not in (None, "") for name in ("pm_id", "name", "PM2_HOME")):
        return None
    file_pid = _pid_in(str(marks.get("pm_pid_path", "")), pid)
    return marks if file_pid is None else {**marks, "pid": file_pid}


_OF_A_FORK = frozenset({b"pm_id", b"name", b"namespace", b"pm_pid_path", b"unique_id", b"kill_timeout"})
_OF_A_CLUSTER = ("pm_id", "name", "namespace", "pm_pid_path", "unique_id", "kill_timeout")


def _variables(raw: bytes, wanted: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    names = frozenset(wanted)
    for item in raw.split(b"\0"):
        name, equals, value = item.partition(b"=")
        if equals and name in names:
            yield name.decode(), value.decode("utf-8", "replace")


def _of_a_cluster(text: str) -> dict[str, Any]:
    """Cluster workers get everything as one variable of JSON."""
    if not text:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {key: found[key] for key in _OF_A_CLUSTER if key in found} if isinstance(found, dict) else {}


def _pid_in(path: str, pid: int) -> int | None:
    """Return the pid that PM2 wrote down, from a plain file of the very user that the process runs as."""
    owner = uid_of(pid)
    if not path.startswith("/") or owner is None:
        return None
    try:
        return int(read_owned(Path(path), owner))
    except (OSError, UnsafeFile, ValueError):
        return None


def _is_of(home: Path, uid: int, pid: int, marks: Mapping[str, Any]) -> bool:
    return os.path.normpath(str(marks["PM2_HOME"])) == str(home) and uid_of(pid) == uid


def may_touch(pid: int, uid: int) -> bool:
    """Tell whether the user `uid` could end this process: what a daemon of theirs says reaches no further than that."""
    return uid in (0, uid_of(pid))


def living_daemons(home: Path, uid: int) -> tuple[int, ...]:
    """Return the pids of daemons of `home` that run now. To be held back by; nothing is done to them."""
    return tuple(
        int(name)
        for name in os.listdir("/proc")
        if name.isdigit() and _calls_itself_daemon(int(name), home) and uid_of(int(name)) == uid
    )


def _calls_itself_daemon(pid: int, home: Path) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = file.read(4096)
        if b"God Daemon" not in command and not _runs_daemon_js(command):
            return False
        with open(f"/proc/{pid}/environ", "rb") as file:
            raw = file.read(_ENVIRONMENT)
    except OSError:
        return False
    where = dict(_variables(raw, {b"PM2_HOME", b"HOME", b"pm_id"}))
    if "pm_id" in where and b"God Daemon" not in command:
        return False
    named = where.get("PM2_HOME") or str(Path(where.get("HOME", "/")) / ".pm2")
    key = key_of(pid)
    return os.path.normpath(named) == str(home) and key is not None and is_alive(key)


def _runs_daemon_js(command: bytes) -> bool:
    """It takes its title a moment after it began."""
    return any(part.endswith(b"/pm2/lib/Daemon.js") for part in command.split(b"\0")[:4])


async def end(survivors: Iterable[Survivor], *, signum: int = signal.SIGINT) -> tuple[Survivor, ...]:
    """End them as PM2 does: SIGINT to each and to all that it started, SIGKILL after its `kill_timeout`.

    Every signal goes through a pidfd to the very process that was found. Returns those that live on.
    Raises PermissionError.
    """
    every = tuple(survivors)
    await asyncio.gather(
        *(
            end_process(key, grace_s=one.grace_s, signum=signum)
            for one in every
            for key in (one.key, *one.tree)
        )
    )  # fmt: skip
    return tuple(one for one in every if is_alive(one.key))
