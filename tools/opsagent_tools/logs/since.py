"""What was written to log files since a moment: the error lines, and the one line that says why something ended.

Bounded: at most 256 KiB of each file are looked at, from its end. Lines are redacted; who shows them escapes them.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsagent_tools.logs.levels import ErrorLines
from opsagent_tools.logs.signature import signature
from opsagent_tools.redact import redact

_LOOK = 256 * 1024
_FILES = 500
"""Files of one folder that are noted."""
_LINE = 300
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_INSTANCE = re.compile(r"-\d+(?=(?:\.[a-z]+)?$)")
_Id = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMark:
    """Where the files of some folders ended at a moment: a new instance may begin a file of its own there."""

    ends: dict[_Id, int] = field(default_factory=dict)

    @classmethod
    def now(cls, files: Iterable[Path]) -> LogMark:
        """Note where these files, and their neighbours, end."""
        ends: dict[_Id, int] = {}
        for folder in {path.parent for path in files}:
            try:
                with os.scandir(folder) as entries:
                    for entry, _ in zip(entries, range(_FILES), strict=False):
                        info = entry.stat()
                        ends[info.st_dev, info.st_ino] = info.st_size
            except OSError:
                continue
        return cls(ends=ends)

    def lines(self, files: Iterable[Path], owners: frozenset[int] | None = None) -> list[bytes]:
        """Return the lines that came since, file by file. `owners`: whose files may be read (None: anybody's)."""
        return [line for path in dict.fromkeys(files) for line in self._of(path, owners)]

    def with_siblings(self, files: Iterable[Path]) -> tuple[Path, ...]:
        """Return these files and those beside them that are named alike but for the number of an instance
        (`api-error-4.log`): an instance that is gone by now may have had one of its own.
        """
        listed = list(files)
        wanted = {(path.parent, _INSTANCE.sub("-#", path.name)) for path in listed if _INSTANCE.search(path.name)}
        found: list[Path] = []
        for folder in {folder for folder, _ in wanted}:
            try:
                with os.scandir(folder) as entries:
                    names = [entry.name for entry, _ in zip(entries, range(_FILES), strict=False)]
            except OSError:
                continue
            found += [folder / name for name in sorted(names) if (folder, _INSTANCE.sub("-#", name)) in wanted]
        return tuple(dict.fromkeys([*listed, *found]))

    def _of(self, path: Path, owners: frozenset[int] | None) -> Iterator[bytes]:
        try:
            descriptor = os.open(path, _FLAGS)
        except OSError:
            return
        with os.fdopen(descriptor, "rb") as file:
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode) or (owners is not None and info.st_uid not in owners):
                return  # a log that is a link to somebody else's file, say
            end = self.ends.get((info.st_dev, info.st_ino), 0)
            if end > info.st_size:  # it was truncated meanwhile
                end = 0
            file.seek(max(end, info.st_size - _LOOK))
            yield from (line.rstrip(b"\r") for line in file.read(_LOOK).split(b"\n") if line.strip())


def errors(lines: Sequence[bytes]) -> list[str]:
    """Return the error lines among them, redacted."""
    return [_clean(line) for line in ErrorLines().pick(list(lines))]


def known_signatures(files: Iterable[Path], owners: frozenset[int] | None = None) -> frozenset[str]:
    """Return the signatures of the error lines that the ends of these files have now."""
    return frozenset(signature(line) for line in errors(LogMark().lines(files, owners)))


def reason(lines: Sequence[bytes]) -> str:
    """Return the one line that says why a program ended: its first error line, else its last line; "" for silence."""
    found = errors(lines)
    if found:
        return found[0]
    return _clean(lines[-1]) if lines else ""


def _clean(line: bytes | str) -> str:
    text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
    text = redact(" ".join(text.split()))
    return text if len(text) <= _LINE else text[: _LINE - 1] + "…"
