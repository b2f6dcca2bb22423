"""The embedded engine's life: start its daemon, give it services, bring it back after its death, end it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus import ending, filelock, marks, procfs
from opsagent_tools.supervisors.circus.client import Client
from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.circus.state import Base, spec_to_json
from opsagent_tools.supervisors.circus.view import EngineView

START_S = 30.0
_DAEMON_END_S = 5.0
_BASE_NAMES = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "XDG_RUNTIME_DIR"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What applying a set of services changed, by name."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


class Engine(EngineView):
    """One engine: its folder, its sockets, its daemon. Every method may raise EngineError."""

    def __init__(self, engine_dir: Path, runtime_dir: Path) -> None:
        super().__init__(engine_dir, runtime_dir)
        self.id = marks.engine_id(self.paths.engine_dir)

    async def ensure_running(self) -> bool:
        """Start the daemon if it does not run; return whether it had to be started.

        After a death of the daemon its services live on without it: they are ended first, then started again
        with what was applied last. What a person stopped stays stopped.
        """
        if self.is_running():
            return False
        self._claim_folders()
        async with filelock.held(self.paths.start_lock, START_S):
            if self.is_running():
                return False
            await self._end_survivors()
            await self._launch()
        return True

    async def apply(self, specs: Iterable[ServiceSpec]) -> Changes:
        """Make the engine's services be exactly these.

        What runs unchanged is not touched, what a person stopped stays stopped, what ended by itself is started.
        A service that cannot be started is no error here: its unit says why.
        """
        wanted = tuple(specs)
        for spec in wanted:
            if not spec.command:
                raise EngineError(f"{spec.name} has no command")
        if len({spec.name.casefold() for spec in wanted}) < len(wanted):
            raise EngineError("two services have the same name")
        await self.ensure_running()
        base = Base(env=base_env(os.environ), umask=_current_umask())
        client = Client(self.paths.endpoint, self.is_running)
        try:
            services = [spec_to_json(spec) for spec in wanted]
            answer = await client.call("apply", services=services, base={"env": dict(base.env), "umask": base.umask})
        finally:
            await client.close()
        return Changes(**{key: tuple(names) for key, names in answer["changes"].items()})

    async def shutdown(self) -> None:
        """Stop all services and the daemon, forget what was applied; logs stay. Nothing else is left behind."""
        if not self.paths.engine_dir.is_dir():
            return
        async with filelock.held(self.paths.start_lock, START_S):
            pid = self.pid()
            if pid is not None:
                await self._end_daemon(pid)
            await self._end_survivors()
            self._files.remove()
            for leftover in (self.paths.pid_file, *self.paths.sockets, self.paths.lock):
                leftover.unlink(missing_ok=True)
            self.paths.start_lock.unlink(missing_ok=True)

    async def _end_daemon(self, pid: int) -> None:
        birth = procfs.read_birth(pid)
        client = Client(self.paths.endpoint, self.is_running)
        try:
            with contextlib.suppress(Exception):  # one that cannot be asked is ended by signals
                await client.call("shutdown")
        finally:
            await client.close()
        await asyncio.to_thread(ending.end_processes, [(pid, birth)], 0, _DAEMON_END_S)

    async def _end_survivors(self) -> None:
        specs = {spec.name: spec for spec in self._saved_specs()}
        users = {spec.uid for spec in specs.values() if spec.uid is not None}
        found = await asyncio.to_thread(marks.find_marked, self.id, self._files.load_processes(), users)
        if not found:
            return
        groups: dict[str, list[tuple[int, float]]] = {}
        for one in found:
            groups.setdefault(one.unit, []).append((one.pid, one.birth))
        jobs = []
        for name, processes in groups.items():
            spec = specs.get(name)
            signum = signal.Signals[spec.stop_signal] if spec else signal.SIGTERM
            timeout_s = spec.stop_timeout_s if spec else 5.0
            jobs.append(asyncio.to_thread(ending.end_processes, processes, signum, timeout_s))
        stubborn = [pid for pids in await asyncio.gather(*jobs) for pid in pids]
        if stubborn:
            raise EngineError(f"processes {stubborn} of a former engine do not end, even by SIGKILL")

    def _saved_specs(self) -> Sequence[ServiceSpec]:
        try:
            return self.specs()
        except EngineError:
            return ()  # a broken file must not keep anybody from ending what runs

    def _claim_folders(self) -> None:
        for folder in (self.paths.engine_dir, self.paths.runtime_dir, self.paths.logs):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                found = folder.lstat()
            except OSError as error:
                raise EngineError(f"{folder}: cannot be used: {error.strerror or error}") from None
            if not stat.S_ISDIR(found.st_mode):
                raise EngineError(f"{folder}: is not a folder itself (a link?)")
            if found.st_uid != os.getuid():
                raise EngineError(f"{folder}: belongs to user {found.st_uid}, not to {os.getuid()}")
            if found.st_mode & 0o077:
                folder.chmod(0o700)
        if len(os.fsencode(self.paths.pubsub)) > 107:
            raise EngineError(f"{self.paths.runtime_dir}: too long for unix sockets; use a shorter runtime folder")

    async def _launch(self) -> None:
        reader, writer = os.pipe()
        try:
            fd = os.open(self.paths.daemon_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                module = "opsagent_tools.supervisors.circus.circusd"
                argv = [sys.executable, "-P", "-m", module, str(self.paths.engine_dir), str(self.paths.runtime_dir)]
                starter = subprocess.Popen(  # noqa: ASYNC220  # it detaches at once
                    [*argv, str(writer)],
                    stdin=subprocess.DEVNULL,
                    stdout=fd,
                    stderr=fd,
                    pass_fds=(writer,),
                    start_new_session=True,
                    cwd="/",
                    env=_daemon_env(os.environ),
                )
            finally:
                os.close(fd)
            os.close(writer)
            writer = -1
            answer = await asyncio.to_thread(_read_answer, reader, START_S)
            await asyncio.to_thread(starter.wait)
        except OSError as error:
            raise EngineError(f"the engine's daemon cannot be started: {error}") from None
        finally:
            os.close(reader)
            if writer >= 0:
                os.close(writer)
        if answer is None:
            raise EngineError(f"the engine's daemon did not start; see {self.paths.daemon_log}")
        if "error" in answer:
            raise EngineError(f"the engine's daemon did not start: {answer['error']}")


def base_env(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what services get of the caller's variables."""
    return {key: value for key, value in environ.items() if key in _BASE_NAMES or key.startswith("LC_")}


def _daemon_env(environ: Mapping[str, str]) -> dict[str, str]:
    found = base_env(environ)
    if "PYTHONPATH" in environ:
        found["PYTHONPATH"] = environ["PYTHONPATH"]  # where the package itself may come from; services do not get it
    return found


def _read_answer(fd: int, timeout_s: float) -> dict[str, object] | None:
    import select

    raw = b""
    while select.select([fd], [], [], timeout_s)[0]:
        part = os.read(fd, 65536)
        raw += part
        if not part or raw.endswith(b"\n"):
            break
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _current_umask() -> int:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    found = os.umask(0o022)
    os.umask(found)
    return found
