"""One instance of a service, as a circus process that is started without circus' string formatting or a shell."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circus.process import Process

from opsagent_tools.services.users import groups_of
from opsagent_tools.supervisors.circus import marks, procfs
from opsagent_tools.supervisors.circus.channel import SHUTDOWN, Channel
from opsagent_tools.supervisors.circus.marks import Started


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Everything that is needed to start an instance."""

    unit: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    umask: int
    output: int
    """Descriptor that becomes standard output."""
    errors: int
    """Descriptor that becomes standard error."""
    listen_fd: int | None = None
    """The one listening socket that is inherited."""
    channel: Channel | None = None
    waits_for_ready: bool = False
    """True: it counts only once it has sent `ready`."""
    uid: int | None = None
    gid: int | None = None


class ServiceProcess(Process):  # type: ignore[misc]  # circus has no types
    """A running instance. Raises OSError or ValueError when it cannot be started."""

    def __init__(self, watcher: object, wid: int, launch: Launch) -> None:
        super().__init__(launch.unit, wid, launch.argv[0], watcher=watcher, spawn=False)
        self.launch = launch
        self.instance = secrets.token_hex(8)
        self.deliberate = False
        """True from the moment that the engine was told to end it."""
        self.condemned = False
        """True while the engine itself is replacing it (for its memory, say)."""
        self.ended: asyncio.Future[int] = asyncio.get_event_loop().create_future()
        """Its exit code (-N for signal N), once it was reaped."""
        self.ready: asyncio.Future[None] = asyncio.get_event_loop().create_future()
        """Done once it has said that it is ready, or at once where it need not."""
        if not launch.waits_for_ready:
            self.is_ready()
        self.spawn()
        self.birth = procfs.read_birth(self.pid)

    def spawn(self) -> None:
        """Start it in a session of its own, with standard input from /dev/null."""
        launch = self.launch
        passed = (launch.listen_fd, launch.channel.child if launch.channel else None)
        as_user = {} if launch.uid is None and launch.gid is None else _identity(launch.uid, launch.gid)
        self.started = time.time()
        self._worker = subprocess.Popen(
            launch.argv,
            cwd=launch.cwd,
            env={**launch.env, marks.INSTANCE: self.instance},
            stdin=subprocess.DEVNULL,
            stdout=launch.output,
            stderr=launch.errors,
            pass_fds=tuple(descriptor for descriptor in passed if descriptor is not None),
            close_fds=True,
            start_new_session=True,
            umask=launch.umask,
            **as_user,
        )

    def is_ready(self) -> None:
        """Take note that it serves."""
        if not self.ready.done():
            self.ready.set_result(None)

    @property
    def record(self) -> Started:
        """What is written down to find it again."""
        return Started(pid=self.pid, birth=self.birth, unit=self.name, instance=self.instance)

    def reaped(self, code: int) -> None:
        """Take note that the kernel has let go of it."""
        self._worker.returncode = code
        if not self.ended.done():
            self.ended.set_result(code)
        if self.launch.channel is not None:
            self.launch.channel.close()

    def is_alive(self) -> bool:
        """Return whether it was not reaped yet."""
        return not self.ended.done()

    def send_signal(self, sig: int) -> None:
        """Send a signal to it alone. Its pid is ours until it is reaped, so this cannot hit another process."""
        if self.is_alive():
            os.kill(self.pid, sig)

    def send_signal_group(self, sig: int) -> None:
        """Send a signal to it and to what it started in its process group."""
        if self.is_alive():
            os.killpg(self.pid, sig)

    def ask_to_end(self, sig: int, *, group: bool = False, by_message: bool = False) -> None:
        """Send the stop signal, or the message; a stopped process is woken so that it can handle it.

        `group`: the signal goes to its whole process group. `by_message`: where the channel does not take it, the signal.
        """
        channel = self.launch.channel
        if not (by_message and channel is not None and channel.send(SHUTDOWN)):
            (self.send_signal_group if group else self.send_signal)(sig)
        stat = procfs.read_stat(self.pid)
        if stat is not None and stat.state in "Tt":
            self.send_signal(signal.SIGCONT)


def _identity(uid: int | None, gid: int | None) -> dict[str, Any]:
    """Return who it runs as, in the words of Popen: another user has that user's groups, and none of ours."""
    found: dict[str, Any] = {}
    if gid is not None:
        found["group"] = gid
    if uid is not None:
        found |= {"user": uid, "extra_groups": groups_of(uid, gid)}
    return found
