"""What circusd tells of its watchers, as records. Everything in an answer is checked: it is another program's word."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsagent_tools.supervisors.port import SupervisorUnreachable

KEYS = (
    "numprocesses cmd args working_dir uid stop_signal stop_children graceful_timeout respawn singleton use_sockets "
    "send_hup max_age max_retry warmup_delay on_demand shell stdout_stream_conf stderr_stream_conf"
).split()
"""Options that are asked for with every look; not `env`, where the secrets are."""
_SOCKET = re.compile(r"(?:\$\(|\(\()circus\.sockets\.(?P<name>[\w.-]+?)(?:\)\)|\))")
_OWN = frozenset({"circusd-stats", "circushttpd"})


def is_own(name: str) -> bool:
    """Tell whether a watcher is a part of circus itself (a plugin, its statistics, its web page)."""
    return name.startswith("plugin:") or name in _OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One watcher as circusd tells of it."""

    name: str
    status: str
    """`active`, `starting`, `stopping` or `stopped`."""
    pids: tuple[int, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def wanted(self) -> int:
        """How many processes it wants."""
        return self.number("numprocesses", 1)

    @property
    def respawns(self) -> bool:
        return self.options.get("respawn") is not False

    @property
    def uses_sockets(self) -> bool:
        """Whether circusd holds the listening socket for it."""
        return self.options.get("use_sockets") is True and bool(self.sockets)

    @property
    def sockets(self) -> tuple[str, ...]:
        """Names of the sockets of circusd that its command line takes."""
        words = f"{self.text('cmd')} {self.options.get('args') or ''}"
        return tuple(dict.fromkeys(match["name"].lower() for match in _SOCKET.finditer(words)))

    @property
    def command(self) -> tuple[str, ...]:
        """Program and arguments, as far as they can be divided."""
        args = self.options.get("args")
        words = [str(one) for one in args] if isinstance(args, list) else _split(args if isinstance(args, str) else "")
        return (*_split(self.text("cmd")), *words)

    @property
    def logs(self) -> tuple[Path, ...]:
        """The files that its output goes to; none where it goes to circusd's own or nowhere."""
        found = (self.stream(which).get("filename") for which in ("stdout", "stderr"))
        return tuple(dict.fromkeys(Path(one) for one in found if isinstance(one, str) and one.startswith("/")))

    def stream(self, which: str) -> Mapping[str, Any]:
        """Return how its standard output or error is kept."""
        found = self.options.get(f"{which}_stream_conf")
        return found if isinstance(found, dict) else {}

    def text(self, key: str) -> str:
        """Return an option that is a text; empty where it is none."""
        value = self.options.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str, default: int) -> int:
        """Return an option that is a whole number."""
        value = self.options.get(key)
        return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def statuses_of(answer: Mapping[str, Any]) -> dict[str, str]:
    """Read the answer of `status`. Raises SupervisorUnreachable for what is none."""
    found = answer.get("statuses")
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise SupervisorUnreachable("circusd sends what cannot be read (no statuses)")
    return {str(name): status for name, status in found.items()}


def pids_of(answer: Mapping[str, Any]) -> tuple[int, ...]:
    """Read the answer of `list`."""
    found = answer.get("pids")
    if not isinstance(found, list) or not all(isinstance(one, int) and one > 0 for one in found):
        raise SupervisorUnreachable("circusd sends what cannot be read (no pids)")
    return tuple(found)


def options_of(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the answer of `get`, `options` or `globaloptions`."""
    found = answer.get("options")
    if not isinstance(found, dict):
        raise SupervisorUnreachable("circusd sends what cannot be read (no options)")
    return found


def sockets_of(answer: Mapping[str, Any]) -> dict[str, int]:
    """Read the answer of `listsockets`: port by name, 0 for a unix socket."""
    found = answer.get("sockets")
    if not isinstance(found, list):
        raise SupervisorUnreachable("circusd sends what cannot be read (no sockets)")
    ports = {}
    for one in found:
        if isinstance(one, dict) and isinstance(one.get("name"), str):
            port = one.get("port")
            ports[one["name"].lower()] = port if isinstance(port, int) else 0
    return ports


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return [text]
