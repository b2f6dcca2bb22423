"""Runs one program with words, as one user, bounded in time and in what it says. No shell, no inherited environment.

CommandRefused   it is not run: its file, folder or user is not what it must be
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import pwd
import signal
import stat
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.proc import key_of
from opsagent_tools.trust import send_signal
from opsagent_tools.units import ProcessKey

MOST_OUTPUT = 16 * 1024
"""Bytes of its output that are kept: the last ones."""
_DRAIN_S, _GRACE_S = 0.5, 2.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OTHERS_WRITE = 0o022
_MOST_LINKS = 40


class CommandRefused(Exception):
    """The command is not run; one line that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How it ended."""

    code: int | None
    """Its exit code, -N for signal N; None: it was ended because it took too long."""
    output: bytes
    """The end of what it said on both streams: not redacted, not trusted."""


def demand_runnable(program: Path, uid: int) -> None:
    """Demand that nobody but root, the agent and `uid` decides what the program is. Raises CommandRefused."""
    if not program.is_absolute():
        raise CommandRefused(f"{program} is no absolute path")
    try:
        passed = {path: path.lstat() for path in _way_to(program)}
        found = program.stat()
    except OSError as error:
        raise CommandRefused(f"{program} cannot be run: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode) or not found.st_mode & 0o111:
        raise CommandRefused(f"{program} is no program that may be run")
    for path, its in passed.items():
        sticky = stat.S_ISDIR(its.st_mode) and its.st_mode & stat.S_ISVTX
        writable = its.st_mode & _OTHERS_WRITE and not sticky and not stat.S_ISLNK(its.st_mode)
        if its.st_uid not in {0, uid, os.geteuid()} or writable:
            raise CommandRefused(f"others than user {uid} may change {path}, and with it what {program} is")


def _way_to(program: Path) -> Iterator[Path]:
    """Yield every folder and link that is passed on the way to what a program is, and that itself. Raises OSError."""
    at, ahead, links = Path("/"), deque(program.parts[1:]), 0
    yield at
    while ahead:
        name = ahead.popleft()
        if name == "..":
            at = at.parent
            continue
        step = at / name
        yield step
        if not step.is_symlink():
            at = step
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = step.readlink()
        at = Path("/") if target.is_absolute() else at
        ahead.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))


async def run_words(
    words: Sequence[str], *, uid: int, cwd: Path, timeout_s: float, env: Mapping[str, str] | None = None
) -> Ran:
    """Run `words[0]` with the others, as `uid`, in a session of its own; end that, and its descendants, when time is up.

    Raises CommandRefused, OSError.
    """
    program = Path(words[0])
    demand_runnable(program, uid)
    if uid != os.geteuid() and os.geteuid() != 0:
        raise CommandRefused(f"it is to run as user {uid}, and the agent is user {os.geteuid()}")
    user, group, groups = _as_user(uid)
    with _Output() as output:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output.theirs,
            stderr=asyncio.subprocess.STDOUT,
            cwd=cwd,
            env={**_environment(uid), **(env or {})},
            start_new_session=True,
            close_fds=True,
            user=user,
            group=group,
            extra_groups=groups,
        )
        output.listen()
        try:
            async with asyncio.timeout(timeout_s):
                code: int | None = await process.wait()
        except TimeoutError:
            code = None
            await _end(process)
        except BaseException:
            _signal_all(process.pid, signal.SIGKILL)
            raise
        return Ran(code=code, output=await output.last())


class _Output:
    """Keeps the end of what a program says. A pipe of our own: asyncio's makes the end of the program wait for everybody
    whom it left behind and who may still write.
    """

    def __init__(self) -> None:
        self._ours, self.theirs = os.pipe()
        os.set_blocking(self._ours, False)
        self._kept = bytearray()
        self._over = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        os.close(self._ours)
        if self.theirs >= 0:
            os.close(self.theirs)

    def listen(self) -> None:
        """Read from now on; the program has its end of the pipe."""
        os.close(self.theirs)
        self.theirs = -1
        asyncio.get_running_loop().add_reader(self._ours, self._read)

    async def last(self) -> bytes:
        """Return the end of what was said; what is still to come is not waited for."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                await self._over.wait()
        return bytes(self._kept)

    def _read(self) -> None:
        try:
            chunk = os.read(self._ours, 65536)
        except BlockingIOError:
            return
        if not chunk:
            self._stop()
        self._kept += chunk
        del self._kept[:-MOST_OUTPUT]

    def _stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._ours)
        self._over.set()


def _environment(uid: int) -> dict[str, str]:
    env = {"PATH": _PATH, "LANG": "C.UTF-8"}
    with contextlib.suppress(KeyError):
        user = pwd.getpwuid(uid)
        env |= {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
    return env


def _as_user(uid: int) -> tuple[int | None, int | None, list[int] | None]:
    """Return user, group and other groups to change to; None: as they are."""
    if uid == os.geteuid():
        return None, None, None
    try:
        user = pwd.getpwuid(uid)
        groups = os.getgrouplist(user.pw_name, user.pw_gid)
    except KeyError:
        raise CommandRefused(f"there is no user {uid}") from None
    return uid, user.pw_gid, groups


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the program, its session, and whoever descends from it and has left that by now."""
    away = await asyncio.to_thread(_descendants, process.pid)
    _signal_all(process.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE_S):
            await process.wait()
    _signal_all(process.pid, signal.SIGKILL)
    for key in away:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send_signal(key, signal.SIGKILL)
    await process.wait()


def _descendants(pid: int) -> list[ProcessKey]:
    found = (key_of(one) for one in with_descendants([pid], parents()) if one != pid)
    return [key for key in found if key is not None]


def _signal_all(group: int, signum: int) -> None:
    """Signal the session that was started for it: its leader's pid is the group's id as long as any member lives."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signum)
