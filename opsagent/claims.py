"""One change of a unit at a time, across processes: a second one is refused at once, with the first one's name.

A claim is a flock on a small file in the home: it goes when its process goes, however it goes. The daemon and a
command without a daemon see the same files. Standard library only: `opsagent do` looks here before it loads anything.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from opsagent_tools.units import UnitId

_TEXT_MAX = 4096
_TRIES, _PAUSE_S = 5, 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who changes a unit now."""

    plan: str
    what: str
    """As a person would say it: `reload of api`."""
    pid: int
    since: str
    """ISO 8601, UTC."""

    def __str__(self) -> str:
        since = datetime.fromisoformat(self.since)
        return f"another {self.what} is under way since {since:%H:%M:%S} UTC (process {self.pid})"


class Claimed(Exception):
    """Another change of this unit is under way."""

    def __init__(self, claim: Claim | None) -> None:
        super().__init__(str(claim) if claim is not None else "another change of it is under way")


class Claims:
    """The claims of one home."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: dict[UnitId, str] = {}

    @contextmanager
    def of(self, unit: UnitId, plan: str, what: str) -> Iterator[None]:
        """Hold the claim on `unit` for one plan, which may take it again inside. Raises Claimed, at once."""
        if self._mine.get(unit) == plan:
            yield
            return
        descriptor = self._open(unit)
        try:
            if not _try_awhile(descriptor):
                raise Claimed(_read(descriptor))
            _write(descriptor, Claim(plan=plan, what=what, pid=os.getpid(), since=datetime.now(UTC).isoformat()))
            self._mine[unit] = plan
            try:
                yield
            finally:
                self._mine.pop(unit, None)
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def held(self, unit: UnitId) -> Claim | None:
        """Return the claim that is held on `unit` now, by whomever; None where it is free."""
        try:
            descriptor = os.open(self._path(unit), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return None if _try(descriptor) else _read(descriptor)
        finally:
            os.close(descriptor)

    def _open(self, unit: UnitId) -> int:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        return os.open(self._path(unit), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def _path(self, unit: UnitId) -> Path:
        return self._folder / f"{hashlib.sha256(str(unit).encode()).hexdigest()[:24]}.lock"


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _try_awhile(descriptor: int) -> bool:
    """Try, past those who only look: they hold the lock for some microseconds."""
    for _ in range(_TRIES):
        if _try(descriptor):
            return True
        time.sleep(_PAUSE_S)
    return False


def _write(descriptor: int, claim: Claim) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(asdict(claim)).encode(), 0)


def _read(descriptor: int) -> Claim | None:
    try:
        return Claim(**json.loads(os.pread(descriptor, _TEXT_MAX, 0)))
    except (ValueError, TypeError):  # it is being written this very moment
        return None
