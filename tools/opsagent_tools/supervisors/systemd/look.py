"""See all services of systemd at once and without an event loop, for commands that look and are gone again.

A plain socket and the few calls that it takes: starting `systemctl show` costs more than the whole look.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any

from opsagent_tools.peers import peer_uid
from opsagent_tools.supervisors.port import SupervisorUnreachable
from opsagent_tools.supervisors.systemd import wire
from opsagent_tools.supervisors.systemd.endpoint import (
    BUS,
    BUS_INTERFACE,
    BUS_PATH,
    MANAGER,
    MANAGER_PATH,
    PROPERTIES,
    SERVICE,
    Endpoint,
    Scope,
    demand_owner,
    endpoints,
    greeted,
    greeting,
    unit_path,
)
from opsagent_tools.supervisors.systemd.units import fresh, unit_of
from opsagent_tools.supervisors.systemd.whose import Services, by_unit
from opsagent_tools.units import Unit

LOOK_S = 3.0
_CHUNK = 256 * 1024


def look(
    scope: Scope = "system",
    named: Sequence[str] = (),
    exclude: Sequence[str] = (),
    *,
    address: Endpoint | None = None,
    timeout_s: float = LOOK_S,
) -> tuple[Unit, ...]:
    """Return a person's services of this scope (see `whose.py`). Raises SupervisorUnreachable, after at most `timeout_s`."""
    services = Services(scope, named, exclude)
    files = services.files()
    with _dial(endpoints(scope) if address is None else (address,), time.monotonic() + timeout_s) as line:
        (loaded,) = line.ask([(MANAGER_PATH, MANAGER, "ListUnitsByPatterns", "asas", [], ["*.service"])])
        here = [one[0] for one in (*loaded, [])[0]]
        wanted = {file for file in here if services.is_ours(file, files)}
        wanted |= {file for file in files if "@." not in file}
        for template in (file for file in files if "@." in file):
            wanted |= services.enabled_instances(template)
        asked = sorted(wanted)
        answers = line.ask([(unit_path(file), PROPERTIES, "GetAll", "s", "") for file in asked])
    found = {file: answer[0] for file, answer in zip(asked, answers, strict=True) if answer}
    return tuple(units_of(scope, services, files, found))


def units_of(
    scope: Scope, services: Services, files: frozenset[str], found: dict[str, dict[str, Any]]
) -> Sequence[Unit]:
    """Return the units that these properties, by unit file, make."""
    shown = [file for file, one in found.items() if is_service(one) or (one and services.is_named(file))]
    templates = [file for file in files if "@." in file]
    return [
        unit_of(scope, name, [fresh(file, dict(found[file])) for file in instances])
        for name, instances in by_unit([*shown, *templates]).items()
    ]


def is_service(properties: dict[str, Any]) -> bool:
    """Tell whether it is something that runs for long; `Type=oneshot` is a job that comes to its end."""
    is_there = bool(properties) and properties.get("LoadState") not in {"not-found", "masked"}
    return is_there and properties.get("Type") != "oneshot"


class _Line:
    """One connection, blocking, for questions whose answers come in any order."""

    def __init__(self, talk: socket.socket, deadline: float) -> None:
        self._talk, self._deadline, self._data, self._serial = talk, deadline, bytearray(), 0

    def close(self) -> None:
        self._talk.close()

    def greet(self, *, private: bool) -> None:
        self._talk.sendall(greeting())
        while (said := greeted(bytes(self._data))) is None:
            self._more()
        if not said:
            raise OSError(0, "it does not accept us")
        self._data.clear()
        if not private:
            self.ask([(BUS_PATH, BUS_INTERFACE, "Hello", "")], to=BUS)

    def ask(self, calls: Sequence[tuple[Any, ...]], to: str = SERVICE) -> list[tuple[Any, ...]]:
        """Ask all of it at once; an error is an empty answer."""
        first = self._serial + 1
        for path, interface, member, signature, *body in calls:
            self._serial += 1
            self._talk.settimeout(self._left())
            self._talk.sendall(wire.encode_call(self._serial, to, path, interface, member, signature, *body))
        answers: dict[int, tuple[Any, ...]] = {}
        while len(answers) < len(calls):
            message = self._message()
            if message.kind in {wire.RETURN, wire.ERROR} and first <= message.reply_to <= self._serial:
                answers[message.reply_to] = message.body if message.kind == wire.RETURN else ()
        return [answers[serial] for serial in range(first, self._serial + 1)]

    def _message(self) -> wire.Message:
        while len(self._data) < wire.HEADER or len(self._data) < wire.length_of(bytes(self._data[: wire.HEADER])):
            self._more()
        length = wire.length_of(bytes(self._data[: wire.HEADER]))
        raw = bytes(self._data[:length])
        del self._data[:length]
        return wire.decode(raw)

    def _more(self) -> None:
        self._talk.settimeout(self._left())
        part = self._talk.recv(_CHUNK)
        if not part:
            raise OSError(0, "it hung up")
        self._data += part

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


@contextlib.contextmanager
def _dial(candidates: Sequence[Endpoint], deadline: float) -> Iterator[_Line]:
    """Connect to the first endpoint that answers; whatever goes wrong with it is SupervisorUnreachable."""
    line, failure = None, SupervisorUnreachable("there is no systemd to reach")
    for endpoint in candidates:
        try:
            line = _connect(endpoint, deadline)
            break
        except (OSError, wire.ProtocolError) as error:
            failure = _unreachable(endpoint, error)
    if line is None:
        raise failure
    try:
        yield line
    except (OSError, wire.ProtocolError) as error:
        raise _unreachable(endpoint, error) from error
    finally:
        line.close()


def _connect(endpoint: Endpoint, deadline: float) -> _Line:
    talk = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        talk.settimeout(max(deadline - time.monotonic(), 0.001))
        talk.connect(str(endpoint.path))
        demand_owner(endpoint, peer_uid(talk))
        line = _Line(talk, deadline)
        line.greet(private=endpoint.private)
    except BaseException:
        talk.close()
        raise
    return line


def _unreachable(endpoint: Endpoint, error: Exception) -> SupervisorUnreachable:
    if isinstance(error, TimeoutError):
        return SupervisorUnreachable(f"systemd: {endpoint.path} does not answer")
    said = error.strerror if isinstance(error, OSError) and error.strerror else error
    return SupervisorUnreachable(f"systemd: {endpoint.path} cannot be read ({said})")
