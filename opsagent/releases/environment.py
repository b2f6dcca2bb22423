"""The environment of a release by reference: which variables its supervisor gives it, and a keyed hash of each value.

Values are read from the kernel (`/proc/PID/environ`) for this moment only. The key is a private file of this home, so
that not even a short password can be found again from its hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from opsagent_tools.redact_mask import MASK
from opsagent_tools.services.variables import OF_THE_SUPERVISOR
from opsagent_tools.units import Unit, UnitSetup

_KEY_BYTES = 32
_ENVIRON_LIMIT = 2 * 1024 * 1024


def signer(folder: Path) -> Callable[[bytes], str]:
    """Return the keyed hash of this home, whose key is made where there is none. Raises OSError."""
    key = _key(folder / "release.key")
    return lambda content: hmac.new(key, content, hashlib.sha256).hexdigest()


def environment_of(unit: Unit, setup: UnitSetup, sign: Callable[[bytes], str]) -> dict[str, str]:
    """Return the variables that the supervisor gives a unit, with the hash of each value that the kernel has for it.

    Of a unit that does not run only the values that are not masked are known; the hash of the others is empty.
    """
    real = _real(unit)
    return {name: _hash(real.get(name), setup.env[name], sign) for name in _named(setup)}


def _hash(real: bytes | None, told: str, sign: Callable[[bytes], str]) -> str:
    if real is not None:
        return sign(real)
    return "" if MASK.search(told) else sign(told.encode("utf-8", "surrogateescape"))


def _named(setup: UnitSetup) -> Iterable[str]:
    return (name for name in setup.env if name not in OF_THE_SUPERVISOR and not name.startswith("OPSAGENT_"))


def _real(unit: Unit) -> Mapping[str, bytes]:
    found = (environment_of_process(process.pid, unit.uid) for process in unit.processes)
    return next((environment for environment in found if environment), {})


def environment_of_process(pid: int, uid: int) -> Mapping[str, bytes]:
    """Return what the kernel has of a process's environment at its start, if it is `uid`'s; else nothing."""
    with contextlib.suppress(OSError):
        folder = Path(f"/proc/{pid}")
        if folder.stat().st_uid != uid:
            return {}
        with (folder / "environ").open("rb") as file:
            raw = file.read(_ENVIRON_LIMIT)
        pairs = (entry.partition(b"=") for entry in raw.split(b"\0") if b"=" in entry)
        return {name.decode("utf-8", "surrogateescape"): value for name, _, value in pairs}
    return {}


def _key(path: Path) -> bytes:
    with contextlib.suppress(FileNotFoundError):
        found = path.read_bytes()
        if len(found) == _KEY_BYTES:
            return found
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)  # whoever was first has made the key
    finally:
        beside.unlink(missing_ok=True)
    return path.read_bytes()
