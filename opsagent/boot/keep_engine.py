"""`python -m opsagent.boot.keep_engine HOME`: what the boot unit of the embedded engine runs.

Brings the engine up with what it ran last, and again whenever it dies, so that systemd (or launchd) has a process to
look at. SIGTERM ends the engine and its services; they run again with the next one. Where nobody has run
`opsagent up` yet, or somebody ran `opsagent down`, it waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from opsagent.boot.notify import notify
from opsagent.home import Home
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.supervisors.port import SupervisorError

_LOOK_S = 2.0


class _Keeper:
    """Looks after one engine until it is told to end."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._told = asyncio.Event()

    async def keep(self) -> None:
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self._told.set)
        notify("READY=1")
        while not self._told.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if await self._bring_up() else _LOOK_S):
                    await self._end_or_order()
        notify("STOPPING=1")
        await self._end_engine()

    async def _bring_up(self) -> bool:
        """Have the engine run if there is anything to run; return whether it does."""
        try:
            if self._engine.specs():
                await self._engine.ensure_running()
        except (SupervisorError, OSError) as error:
            notify(f"STATUS=the engine does not start: {error}")
            sys.stderr.write(f"opsagent: the engine does not start: {error}\n")
            return False
        pid = self._engine.pid()
        notify(f"STATUS=the engine runs (pid {pid})" if pid else "STATUS=nothing to run: `opsagent up FILE`")
        return pid is not None

    async def _end_or_order(self) -> None:
        """Wait until the engine is gone or we are told to end."""
        waits = [asyncio.ensure_future(self._told.wait()), asyncio.ensure_future(self._gone())]
        try:
            await asyncio.wait(waits, return_when="FIRST_COMPLETED")
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _end_engine(self) -> None:
        pid = self._engine.pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            await self._gone()

    async def _gone(self) -> None:
        pid = self._engine.pid()
        if pid is None:
            await asyncio.sleep(_LOOK_S)
        elif hasattr(os, "pidfd_open"):
            await _end_of(pid)
        else:
            while self._engine.pid() == pid:  # noqa: ASYNC110  # another process' life, where there are no pidfds
                await asyncio.sleep(_LOOK_S)


async def _end_of(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def main(argv: list[str]) -> int:
    """Keep the engine of the home `argv[0]` until SIGTERM."""
    home = Home.open(Path(argv[0]))
    asyncio.run(_Keeper(Engine(home.engine_dir, home.runtime_dir)).keep())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
