"""Where systemd listens, and how one says hello there. No I/O but looks at paths; standard library only.

Its private socket comes first: it needs no bus daemon, and is what `systemctl` itself uses. It answers nobody but root
(PID 1's) or the user (a user's instance); everybody else goes over the bus, where polkit decides.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Scope = Literal["system", "user"]
SERVICE = "org.freedesktop.systemd1"
MANAGER_PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
UNIT = "org.freedesktop.systemd1.Unit"
UNIT_PATH = "/org/freedesktop/systemd1/unit/"
SERVICE_UNIT = "org.freedesktop.systemd1.Service"
PROPERTIES = "org.freedesktop.DBus.Properties"
BUS, BUS_PATH, BUS_INTERFACE = "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"
_GREETING_MAX = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One unix socket to talk to systemd through."""

    path: Path
    private: bool
    """True: systemd itself is at the other end, no bus daemon between."""
    uids: frozenset[int]
    """Who may be at the other end."""


def kind_of(scope: Scope) -> str:
    """Return the kind of the supervisor of this scope, the first part of its units' ids."""
    return "systemd" if scope == "system" else "systemd-user"


def endpoints(scope: Scope, environ: Mapping[str, str] | None = None) -> tuple[Endpoint, ...]:
    """Return where to try, in order."""
    if scope == "system":
        trusted = frozenset({0})
        bus = Endpoint(path=Path("/run/dbus/system_bus_socket"), private=False, uids=trusted)
        private = Endpoint(path=Path("/run/systemd/private"), private=True, uids=trusted)
        return (private, bus) if os.geteuid() == 0 else (bus,)
    trusted = frozenset({os.geteuid()})
    run = runtime_dir(environ)
    return (
        Endpoint(path=run / "systemd/private", private=True, uids=trusted),
        Endpoint(path=run / "bus", private=False, uids=trusted),
    )


def runtime_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return the user's runtime folder: XDG_RUNTIME_DIR, or where logind makes it."""
    found = (os.environ if environ is None else environ).get("XDG_RUNTIME_DIR", "")
    return Path(found) if found.startswith("/") else Path(f"/run/user/{os.geteuid()}")


def greeting() -> bytes:
    """Return what is sent first: authentication by uid (SASL EXTERNAL), and the end of it in the same breath.

    Nothing may follow before the answer has come: systemd's private socket loses what arrives together with BEGIN
    (seen with version 252: it then waits for more for ever).
    """
    return b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\nBEGIN\r\n"


def greeted(answer: bytes) -> bool | None:
    """Tell whether the answer to the greeting is yes; None while it is not complete."""
    if b"\n" not in answer:
        return False if len(answer) > _GREETING_MAX else None
    return answer.startswith(b"OK ") and answer.endswith(b"\r\n")


def demand_greeted(answer: bytes) -> None:
    """Demand that the whole answer to the greeting is yes. Raises OSError."""
    if greeted(answer) is not True:
        raise OSError(0, "it does not accept us")


def demand_owner(endpoint: Endpoint, uid: int | None) -> None:
    """Demand that who listens there may be believed. Raises OSError."""
    if uid not in endpoint.uids:
        raise OSError(0, f"it belongs to user {uid}")


def unit_path(name: str) -> str:
    """Return the object path of a unit, `api.service` as `…/unit/api_2eservice`."""
    escaped = "".join(
        char if char.isascii() and char.isalnum() and not (at == 0 and char.isdigit()) else _escaped(char)
        for at, char in enumerate(name)
    )
    return UNIT_PATH + (escaped or "_")


def unit_of_path(path: str) -> str:
    """Return the name of the unit with this object path; empty where it is no unit's."""
    if not path.startswith(UNIT_PATH):
        return ""
    raw, out, at = path[len(UNIT_PATH) :], bytearray(), 0
    while at < len(raw):
        if raw[at] == "_" and len(raw) >= at + 3:
            try:
                out.append(int(raw[at + 1 : at + 3], 16))
            except ValueError:
                return ""
            at += 3
        else:
            out.extend(raw[at].encode())
            at += 1
    return out.decode("utf-8", "replace")


def _escaped(char: str) -> str:
    return "".join(f"_{byte:02x}" for byte in char.encode())
