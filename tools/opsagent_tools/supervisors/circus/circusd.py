"""The embedded engine's daemon: `python -m opsagent_tools.supervisors.circus.circusd ENGINE_DIR RUNTIME_DIR FD`.

Started by `Engine.ensure_running` only. It says on FD, in one JSON line, that it is ready or why it is not, and
outlives whoever started it. SIGTERM ends it and its services; they run again with the next one.
"""

from __future__ import annotations

import fcntl
import json
import logging
import logging.handlers
import os
import sys
import time
from pathlib import Path

from opsagent_tools.supervisors.circus import procfs
from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.circus.paths import EnginePaths
from opsagent_tools.supervisors.circus.state import StateFile

_LOG_BYTES = 1024 * 1024
_LOG_BACKUPS = 2
_LOCK_S = 5.0


class _Starter:
    """The process that waits for us to be ready."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd
        os.set_inheritable(fd, False)

    def tell(self, **message: object) -> None:
        """Say one thing and hang up."""
        if self._fd is not None:
            try:
                os.write(self._fd, json.dumps(message).encode() + b"\n")
            except BrokenPipeError:
                pass  # it did not wait for us
            finally:
                os.close(self._fd)
                self._fd = None


def main(argv: list[str]) -> int:
    """Detach, serve until told to leave, and return the exit code."""
    engine_dir, runtime_dir, fd = Path(argv[0]), Path(argv[1]), int(argv[2])
    if os.fork():
        os._exit(0)  # the daemon belongs to init, so that whoever started it need not wait for its end
    os.umask(0o077)
    os.chdir("/")
    starter = _Starter(fd)
    paths = EnginePaths(engine_dir, runtime_dir)
    try:
        lock = _take_lock(paths)
        _log_to(paths)
        _serve(paths, starter)
    except EngineError as error:
        starter.tell(error=str(error))
        return 1
    except Exception as error:
        logging.getLogger(__name__).exception("the engine ends")
        starter.tell(error=f"{type(error).__name__}: {error} (see {paths.daemon_log})")
        return 1
    os.close(lock)
    return 0


def _take_lock(paths: EnginePaths) -> int:
    fd = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _LOCK_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise EngineError(f"{paths.lock}: another circusd keeps this engine") from None
            time.sleep(0.05)  # it may be on its way out
        else:
            return fd


def _log_to(paths: EnginePaths) -> None:
    import circus  # noqa: F401  # its import puts a handler on the root logger: replaced here

    handler = logging.handlers.RotatingFileHandler(paths.daemon_log, maxBytes=_LOG_BYTES, backupCount=_LOG_BACKUPS)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.INFO)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # else every changed file is a line


def _serve(paths: EnginePaths, starter: _Starter) -> None:
    from opsagent_tools.supervisors.circus.arbiter import EngineArbiter

    paths.logs.mkdir(mode=0o700, exist_ok=True)
    arbiter = EngineArbiter(paths, StateFile(paths.engine_dir))
    stat = procfs.read_stat(os.getpid())
    identity = {"pid": os.getpid(), "birth": stat.birth if stat else 0.0}

    def listening() -> None:
        partial = paths.pid_file.with_suffix(".new")
        partial.write_text(json.dumps(identity))
        partial.replace(paths.pid_file)

    try:
        arbiter.run(listening, lambda: starter.tell(ready=True))
    finally:
        arbiter.context.destroy()  # waits for the last words, and removes the sockets
        for leftover in (*paths.sockets, paths.pid_file):  # the last one lets the next daemon start
            leftover.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
