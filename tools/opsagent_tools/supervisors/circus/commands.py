"""The commands that the daemon serves, in circus' own command classes and message format.

Circus puts every subclass of its Command into one global list; `command_table` takes ours only. Each answers when
it is done, whether the sender asked circus to wait or not; a failure is an answer with `kind` and `reason`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from circus.commands.base import Command

from opsagent_tools.supervisors.circus import procfs
from opsagent_tools.supervisors.circus.state import base_from_json, spec_from_json
from opsagent_tools.supervisors.port import NotSupported, SupervisorError, UnknownUnit

if TYPE_CHECKING:
    from opsagent_tools.supervisors.circus.arbiter import EngineArbiter
    from opsagent_tools.supervisors.circus.process import ServiceProcess
    from opsagent_tools.supervisors.circus.watcher import ServiceWatcher

logger = logging.getLogger(__name__)

_KINDS = {UnknownUnit: "unknown_unit", NotSupported: "not_supported"}


class EngineCommand(Command):  # type: ignore[misc]  # circus has no types
    """A command of the engine."""

    name = "engine"

    def execute(self, arbiter: EngineArbiter, props: dict[str, Any]) -> asyncio.Future[dict[str, Any]]:
        """Run it and answer with its result, or with what went wrong."""
        props["waiting"] = True  # circus would otherwise answer "ok" before anything was done
        return asyncio.ensure_future(self.answer(arbiter, props))

    async def answer(self, arbiter: EngineArbiter, props: dict[str, Any]) -> dict[str, Any]:
        """Run it; return its result, or what went wrong."""
        if arbiter.leaving:
            return {"status": "error", "kind": "failed", "reason": "the engine is ending"}
        try:
            return await self.run(arbiter, props) or {}
        except SupervisorError as error:
            return {"status": "error", "kind": _KINDS.get(type(error), "failed"), "reason": str(error)}
        except (KeyError, TypeError, ValueError) as error:
            logger.exception("%s", self.name)
            return {"status": "error", "kind": "failed", "reason": f"bad message: {type(error).__name__} {error}"}
        except OSError as error:
            logger.exception("%s", self.name)
            return {"status": "error", "kind": "failed", "reason": str(error)}

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> dict[str, Any] | None:
        """Do it. Raises SupervisorError with one line for a person."""
        raise NotImplementedError


class Ping(EngineCommand):
    """Answer at once."""

    name = "ping"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> dict[str, Any]:
        return {"pid": arbiter.pid}


class Sync(EngineCommand):
    """Publish a token: who receives it has its subscription in place."""

    name = "sync"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> None:
        arbiter.publish("sync", token=str(props["token"]))


class Units(EngineCommand):
    """Everything about all services, in one answer."""

    name = "units"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> dict[str, Any]:
        return {"units": [_unit(watcher) for watcher in arbiter.services.values()]}


class Apply(EngineCommand):
    """Make the services be exactly those that are sent."""

    name = "apply"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> dict[str, Any]:
        specs = [spec_from_json(raw) for raw in props["services"]]
        return {"changes": await arbiter.apply(specs, base_from_json(props["base"]))}


class Redefine(EngineCommand):
    """Give one service another description; no other is touched."""

    name = "redefine"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> None:
        await arbiter.redefine(spec_from_json(props["service"]))


class Start(EngineCommand):
    """Start a service."""

    name = "start"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> None:
        await arbiter.service(props["name"]).start_service()


class Stop(EngineCommand):
    """Stop a service for good: it stays stopped, also when the daemon is replaced."""

    name = "stop"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> None:
        await arbiter.service(props["name"]).stop_service()


class Restart(EngineCommand):
    """Stop a service's instances and start them."""

    name = "restart"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> None:
        await arbiter.service(props["name"]).restart_service()


class Reload(EngineCommand):
    """Replace a service's instances one by one."""

    name = "reload"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> None:
        await arbiter.service(props["name"]).reload_service()


class Scale(EngineCommand):
    """Set how many instances a service has."""

    name = "scale"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> None:
        await arbiter.service(props["name"]).scale_service(int(props["instances"]))


class Surge(EngineCommand):
    """Start one instance beside the wanted ones."""

    name = "surge"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> dict[str, Any]:
        return {"process": _process(await arbiter.service(props["name"]).surge_service(float(props["lease_s"])))}


class Retire(EngineCommand):
    """End one instance; replaced only where too few would be left."""

    name = "retire"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> None:
        await arbiter.service(props["name"]).retire_process(int(props["pid"]), float(props["started"]))


class Replace(EngineCommand):
    """Replace one instance under its own number."""

    name = "replace"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> None:
        await arbiter.service(props["name"]).replace_process(int(props["pid"]), float(props["started"]))


class Reopen(EngineCommand):
    """Write to no log file any more that was renamed."""

    name = "reopen"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> None:
        arbiter.service(props["name"]).outputs.reopen()


class SendSignal(EngineCommand):
    """Send a signal to a service's instances, or to one of them."""

    name = "signal"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> None:
        pid = props.get("pid")
        arbiter.service(props["name"]).signal_processes(int(props["signum"]), None if pid is None else int(pid))


class Shutdown(EngineCommand):
    """Stop everything, forget it, and end the daemon."""

    name = "shutdown"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> None:
        await arbiter.leave(forget=True)


class Quit(EngineCommand):
    """Stop everything and end the daemon; the next one starts it again. What a SIGTERM does."""

    name = "quit"

    async def run(self, arbiter: EngineArbiter, props: dict[str, Any]) -> None:
        await arbiter.leave(forget=False)


_COMMANDS = (
    Ping, Sync, Units, Apply, Redefine, Start, Stop, Restart, Reload, Scale, Surge, Retire, Replace, Reopen, SendSignal,
    Shutdown, Quit,
)  # fmt: skip


def command_table() -> dict[str, EngineCommand]:
    """Return our commands by name."""
    return {command.name: command() for command in _COMMANDS}


def _unit(watcher: ServiceWatcher) -> dict[str, Any]:
    spec = watcher.spec
    return {
        "name": watcher.name,
        "state": _state(watcher),
        "reason": watcher.reason or watcher.unready(),
        "processes": [_process(one) for one in watcher.processes.values()],
        "instances": watcher.numprocesses,
        "restarts": watcher.restarts,
        "last_exit": watcher.last_exit,
        "ports": _ports(watcher),
        "shares_socket": spec.share_socket,
        "surges": watcher.can_surge(),
        "numbered": watcher.is_numbered(),
        "uid": spec.uid,
        "autorestart": spec.autorestart,
        "logs": [str(path) for path in (*spec.logs, *watcher.outputs.files(watcher.numprocesses))],
    }


def _ports(watcher: ServiceWatcher) -> list[int]:
    """Return the ports that it listens on: one, or one an instance where they count up."""
    first = watcher.spec.port
    if first is None:
        return []
    counts_up = watcher.spec.increment_var == "PORT" and "PORT" not in watcher.spec.env
    return [first + number for number in range(watcher.numprocesses if counts_up else 1)]


def _state(watcher: ServiceWatcher) -> str:
    if watcher.is_stopping():
        return "stopping"
    if watcher.is_active():
        return "running" if watcher.processes else "starting"
    if watcher.phase == "stopped":
        return "stopped"
    return "exited" if watcher.phase in ("exited", "failed") else "starting"


def _process(process: ServiceProcess) -> dict[str, Any]:
    started = procfs.epoch(process.birth, procfs.boot_time())
    return {"pid": process.pid, "started": started, "wanted": not process.deliberate}
