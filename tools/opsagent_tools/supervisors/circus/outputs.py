"""All output of one service: pipes that its instances write into, and the files behind them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus.logfile import LogFile
from opsagent_tools.supervisors.circus.logpipe import Lines, LogPipe, shape_of
from opsagent_tools.supervisors.circus.logplaces import all_files, files_for

_ALL = 0
"""Stands for every instance where all write into one pipe."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class _Stream:
    pipe: LogPipe
    lines: Lines | None

    def flush(self) -> None:
        while self.pipe.drain():
            pass
        if self.lines is not None:
            self.lines.flush()


class Outputs:
    """What the instances of a service write. Needs a running loop, which reads it.

    `own`: the engine's own file for this service. Where nothing else was asked for, all instances write into one pipe
    and what they write is kept as it comes; else each has pipes of its own, and whole lines are kept.
    """

    def __init__(self, spec: ServiceSpec, own: Path, *, max_bytes: int | None = None) -> None:
        self._spec = spec
        self._own = own
        self._max_bytes = max_bytes
        self._loop = asyncio.get_running_loop()
        self._streams: dict[tuple[int, str], _Stream] = {}
        self._files: dict[Path, LogFile] = {}
        named = spec.out_file or spec.error_file or spec.log_file
        self._plain = not (named or spec.log_date_format or spec.log_type != "raw" or not spec.merge_logs)

    def open_for_child(self, number: int) -> tuple[int, int]:
        """Return new descriptors for the standard output and error of an instance; the caller closes both.

        Raises OSError for a file that a person named and that cannot be written.
        """
        if self._spec.disable_logs:
            nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            return nowhere, os.dup(nowhere)
        out, err = (files_for(self._spec, self._own, number, stream) for stream in ("out", "err"))
        for path in dict.fromkeys((*out, *err)):
            self._must_open(path)
        if self._plain:
            first = second = self._stream(_ALL, "out", out)
        elif out == err and self._spec.log_type == "raw":
            first = second = self._stream(number, "out", out)  # in one pipe they keep their order
        else:
            first, second = self._stream(number, "out", out), self._stream(number, "err", err)
        descriptor = first.pipe.open_for_child()
        try:
            return descriptor, second.pipe.open_for_child()
        except BaseException:
            os.close(descriptor)
            raise

    def files(self, instances: int) -> tuple[Path, ...]:
        """Return the files that so many instances write to."""
        return all_files(self._spec, self._own, range(1, instances + 1))

    def ended(self, number: int) -> None:
        """Take the last words of an instance that has ended."""
        for (owner, _), stream in list(self._streams.items()):
            if owner in (_ALL, number):
                stream.flush()

    def reopen(self) -> None:
        """Write to no file any more that was renamed: what comes next goes to those that have the names then."""
        for stream in self._streams.values():
            stream.flush()
        for file in self._files.values():
            file.close()

    def close(self) -> None:
        """Take what is still in the pipes, then close everything."""
        for stream in self._streams.values():
            self._loop.remove_reader(stream.pipe.fileno())
            stream.pipe.close()
            if stream.lines is not None:
                stream.lines.flush()
        for file in self._files.values():
            file.close()
        self._streams.clear()
        self._files.clear()

    def _must_open(self, path: Path) -> None:
        file = self._file(path)
        if path == self._own or path.parent == self._own.parent:
            return  # the engine's own: `append` says what is wrong with it
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file.open()
        except OSError as error:
            if error.errno not in _FULL:
                raise OSError(error.errno, f"its log cannot be written ({error.strerror})", str(path)) from None

    def _file(self, path: Path) -> LogFile:
        if path not in self._files:
            own = path.parent == self._own.parent
            kept = {} if self._max_bytes is None else {"max_bytes": self._max_bytes}
            self._files[path] = LogFile(path, **kept) if own else LogFile(path, max_bytes=None)
        return self._files[path]

    def _stream(self, number: int, name: str, paths: tuple[Path, ...]) -> _Stream:
        found = self._streams.get((number, name))
        if found is None:
            write = _to_all([self._file(path) for path in paths])
            lines = None if self._plain else Lines(shape_of(self._spec, number, name, _now), write)
            found = _Stream(LogPipe(lines.take if lines is not None else write), lines)
            self._streams[number, name] = found
            self._loop.add_reader(found.pipe.fileno(), found.pipe.drain)
        return found


def _now() -> datetime:
    return datetime.now(UTC).astimezone()


def _to_all(files: list[LogFile]) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        for file in files:
            with contextlib.suppress(OSError):
                file.append(data)

    return write
