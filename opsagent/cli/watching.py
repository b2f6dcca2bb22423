"""The daemon's process: the agent, its local API, and the timeline that a person sees."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsagent import __version__, footprint
from opsagent.agent import Agent
from opsagent.api.server import ApiServer
from opsagent.boot.notify import notifying
from opsagent.brain.desk import adviser_of
from opsagent.carrying.runner import ScheduleRunner
from opsagent.cli.agent import config_of
from opsagent.cli.output import OutputLost, drop_unwritten
from opsagent.memory_methods import MemoryMethods
from opsagent.own_agent import OwnAgent, owning
from opsagent.views.timeline import TimelineView

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.config import Config
    from opsagent.home import Home
    from opsagent_tools.services.spec import Mode

_LOG_BYTES = 5 * 1024 * 1024
_LOGS_KEPT = 3
_STATUS_S = 1.0


def watch(home: Home, *, mode: Mode | None, seconds: float | None, out: Out) -> int:
    """Be the daemon of a home; return the exit code. Raises LockTaken, which names the owner."""
    config = config_of(home)
    if mode is not None:
        config = replace(config, policy=replace(config.policy, mode=mode))
    _set_up_logging(home, quiet=out.screen.terminal)
    footprint.few_arenas()
    try:
        asyncio.run(_watch(home, config, seconds, out))
    except BaseExceptionGroup as group:
        raise _first(group) from group
    return 0


async def _watch(home: Home, config: Config, seconds: float | None, out: Out) -> None:
    async with owning(home, config, wait_s=0.0) as agent:
        port = OwnAgent(agent)
        agent.beside = (ScheduleRunner(agent, port, status=agent.status).run,)
        agent.adviser = adviser_of(agent)
        methods = (
            port.submit,
            port.approved,
            port.remember,
            port.status,
            port.topology,
            port.units,
            port.metrics,
            port.notices,
            port.signatures,
            port.events,
        )
        handlers = {method.__name__: method for method in methods} | {"propose": port.take_proposal}
        handlers |= MemoryMethods(agent.desk, known=agent.names).handlers
        async with ApiServer(home.api_socket, handlers):
            with TimelineView(out.screen) as view:
                async with notifying(f"watching, home {home.path}"):
                    await _run(agent, seconds, _Teller(out, view))


async def _run(agent: Agent, seconds: float | None, teller: _Teller) -> None:
    teller.tell(_event("started", "watching", pid=os.getpid(), version=__version__, home=str(agent.home.path)))
    running = asyncio.create_task(agent.run(), name="agent")
    telling = asyncio.create_task(teller.follow(agent), name="timeline")
    small = asyncio.create_task(footprint.keep_small(), name="footprint")
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        await asyncio.wait({running, telling}, timeout=seconds, return_when="FIRST_COMPLETED")
        if running.done() and not running.cancelled():
            await running  # it ended by itself: say why
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        for task in (running, telling, small):
            task.cancel()
        await asyncio.gather(running, telling, small, return_exceptions=True)
        teller.tell(_event("stopped", "the agent stops watching; the services go on"))


class _Teller:
    """Shows the timeline in the way that the output can bear."""

    def __init__(self, out: Out, view: TimelineView) -> None:
        self._out = out
        self._view = view

    def tell(self, item: Mapping[str, Any]) -> None:
        """Show one event. Where it cannot be shown (a full disk under the output) the agent goes on all the same."""
        try:
            self._show(item)
        except OutputLost:
            drop_unwritten()

    def _show(self, item: Mapping[str, Any]) -> None:
        if self._out.as_json:
            self._out.item(item)
        elif self._out.screen.terminal:
            self._view.event(item)
        else:
            from opsagent.views.timeline import event_line

            self._out.line(event_line(item, self._out.screen))

    async def follow(self, agent: Agent) -> None:
        """Show events until nobody reads them any more."""
        showing = asyncio.create_task(self._show_status(agent))
        try:
            async for item in agent.timeline.listen():
                self.tell(item)
                if self._out.closed:
                    return
        finally:
            showing.cancel()
            with suppress(asyncio.CancelledError):
                await showing

    async def _show_status(self, agent: Agent) -> None:
        while self._out.screen.terminal:
            status = await asyncio.to_thread(agent.status)
            units, mode = status["units"], agent.config.policy.mode
            troubled = sum(unit["incident"] is not None for unit in units)
            self._view.status(
                f"watching {len(units)} services · {troubled} incidents · mode {mode if isinstance(mode, str) else 'per risk'}"
                + (" · paused" if status["paused"] else "")
            )
            await asyncio.sleep(_STATUS_S)


def _event(kind: str, text: str, **more: Any) -> dict[str, Any]:
    return {"at": datetime.now(UTC).isoformat(), "kind": kind, "incident": None, "unit": None, "text": text, **more}


class _PrivateLog(logging.handlers.RotatingFileHandler):
    """A log that rotates by size, readable by its owner only."""

    def _open(self) -> Any:
        return open(  # pathlib's has no opener; the handler closes it
            self.baseFilename, self.mode, encoding=self.encoding, errors="backslashreplace", opener=_open_private
        )


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _set_up_logging(home: Home, *, quiet: bool) -> None:
    """Log into the home, and warnings to standard error where no live view would be torn by them."""
    path = home.logs_dir / "watch.log"
    file = _PrivateLog(path, maxBytes=_LOG_BYTES, backupCount=_LOGS_KEPT, encoding="utf-8")
    handlers: list[logging.Handler] = [file]
    if not quiet:
        stderr = logging.StreamHandler(sys.stderr)
        stderr.setLevel(logging.WARNING)
        handlers.append(stderr)
    logging.basicConfig(level=logging.INFO, handlers=handlers, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a full disk is told where it matters, not for every line of the log


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error in a group of groups: one line is all that is shown."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
