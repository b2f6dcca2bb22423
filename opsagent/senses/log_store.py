"""What the log sense knows, kept over restarts: how far each log was read, each unit's signatures, the miner's state.

`logs.jsonl` is only appended to, one line for each time that something is kept, in one write: what a kill interrupts is
the last line, and that is left out. What is read further than was kept is read again, and counted once. A file that
is broken is set aside and told. `miner.json` is replaced as a whole, and less often. Both are 0600.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

_log = logging.getLogger(__name__)

_VERSION = 1
_SIZE_MAX = 256 * 1024 * 1024
_GROWN = 3
"""So many times the size that it has when it is written as a whole, the file may have."""
_LEAST = 2 * 1024 * 1024
FORGET_S = 30 * 86_400.0
"""Units that logged nothing for so long are forgotten."""
_BROKEN = (OSError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
"""What reading a file raises that somebody wrote anything into."""


@dataclass(slots=True)
class KeptUnit:
    """What is kept of one unit."""

    since: float
    seen: float = 0.0
    """When something was kept of it last."""
    rows: dict[str, list[Any]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Positions, by the name of the source."""


Batch = dict[str, dict[str, Any]]
"""By unit: `since`, `rows` (whole), `counts` (`[key, count, last, level]`), `gone` (keys), `sources`."""


class LogStore:
    """The files. `keep` may be called in another thread than the rest, one call at a time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "logs.jsonl"
        self._miner = folder / "miner.json"
        self._lock = threading.Lock()
        self._file = -1
        self._size = 0
        self._whole = 0
        self._complained = False
        self._behind = False
        """Something that was to be kept was not."""
        self._closed = False

    def load(self) -> dict[str, KeptUnit]:
        """Return what was kept. Never raises: what cannot be read is told, and learnt again."""
        units: dict[str, KeptUnit] = {}
        try:
            content = _content(self._path)
            self._replay(content, units)
        except FileNotFoundError:
            return units
        except _BROKEN as error:
            self._set_aside(self._path, error)
        horizon = time.time() - FORGET_S
        return {name: unit for name, unit in units.items() if unit.seen >= horizon}

    def load_miner(self) -> dict[str, Any] | None:
        """Return the miner's state; None where there is none."""
        try:
            return dict(msgspec.json.decode(_content(self._miner)))
        except FileNotFoundError:
            return None
        except _BROKEN as error:
            self._set_aside(self._miner, error)
            return None

    def keep(
        self, batch: Batch, whole: Batch | None = None, miner: Mapping[str, Any] | None = None, *, last: bool = False
    ) -> None:
        """Add what changed; `whole`: everything there is, in the place of all that was kept before. After the `last` time
        nothing is kept any more.
        """
        with self._lock:
            if self._closed:
                return
            try:
                if whole is not None:
                    self._begin(whole)
                elif batch:
                    self._append(batch)
                if miner is not None:
                    _replace(self._miner, msgspec.json.encode(miner))
            except OSError as error:
                self._behind = True
                self._complain(error)
            else:
                self._complained = False
            if last:
                self._close()

    @property
    def wants_all(self) -> bool:
        """Tell whether everything should be kept anew: nothing is kept yet, something could not be, or much of it is old."""
        return self._file < 0 or self._behind or self._size > max(_LEAST, _GROWN * self._whole)

    def _close(self) -> None:
        self._closed = True
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _replay(self, content: bytes, units: dict[str, KeptUnit]) -> None:
        lines = content.split(b"\n")
        for number, line in enumerate(lines[:-1]):  # what stands after the last end of a line was not written whole
            kept = msgspec.json.decode(line)
            if number == 0 and kept["v"] != _VERSION:
                raise ValueError(f"version {kept['v']}")
            for name, change in kept["units"].items():
                unit = units.setdefault(name, KeptUnit(since=float(change["since"])))
                unit.seen = float(kept["at"])
                unit.rows.update((row[0], row) for row in change.get("rows", ()))
                for key in change.get("gone", ()):
                    unit.rows.pop(key, None)
                for key, count, last, level in change.get("counts", ()):
                    row = unit.rows.get(key)
                    if row is not None:
                        row[2], row[3], row[5] = level, count, last
                unit.sources.update((name, dict(place)) for name, place in change.get("sources", {}).items())

    def _begin(self, whole: Batch) -> None:
        content = _line(whole)
        _replace(self._path, content)
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._size = self._whole = len(content)
        self._behind = False

    def _append(self, batch: Batch) -> None:
        content = _line(batch)
        written = os.write(self._file, content)
        self._size += written
        if written < len(content):  # a full disk: what was begun is no line
            self._size -= written
            os.ftruncate(self._file, self._size)
            raise OSError("no space left")

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            _log.warning("what is known of logs cannot be kept: %s", error.strerror or error)

    def _set_aside(self, path: Path, error: Exception) -> None:
        aside = path.with_name(f"{path.name}.broken")
        with suppress(OSError):
            path.replace(aside)
        _log.warning(
            "%s is broken (%s): it stands in %s now, and what it held is learnt again", path, error, aside.name
        )


def _line(batch: Batch) -> bytes:
    return msgspec.json.encode({"v": _VERSION, "at": time.time(), "units": batch}) + b"\n"


def _content(path: Path) -> bytes:
    """Return what a file of ours holds. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(fd, "rb") as file:
        if os.fstat(fd).st_size > _SIZE_MAX:
            raise OSError(f"has more than {_SIZE_MAX:,} bytes")
        return file.read()


def _replace(path: Path, content: bytes) -> None:
    """Put a file in the place of another, whole or not at all. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
