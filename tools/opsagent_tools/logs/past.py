"""A log and what was rotated away of it, packed or not, oldest first; read whole, as its owner, in bounded memory.

Names that belong to `api.log`: `api.log.1`, `api.log.2.gz`, `api.log-20261128` (logrotate), `api.log.20261128T150000Z`
(ours), `api.log.2026-11-28` (Python), `api__2026-11-28_00-00-00.log` (pm2-logrotate), `api-2026-11-28.log` (winston).
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from opsagent_tools.files import UnsafeFile
from opsagent_tools.logs.cuts import data_begins
from opsagent_tools.logs.opening import open_log

LINE_MAX = 16 * 1024
"""Bytes of one line; the rest of a longer one is dropped."""
_CHUNK = 256 * 1024
FILES_MOST = 5000
"""Files of one log; of more the newest are taken."""
_NAMES = 200_000
"""Names of one folder that are looked at."""
_BLANK = re.compile(rb"\n{4,}")
_BLOWN_UP = 2000
"""A packed file may become so many times as large as it is …"""
_BLOWN_UP_FREE = 64 * 1024 * 1024
"""… beyond this many bytes; one that becomes more was made to harm."""
_PACKED = (".gz", ".bz2", ".xz")
_UNKNOWN = (".zst", ".lz4", ".zip", ".lzma")
_DATE = r"\d{4}-?\d\d-?\d\d(?:[T_-]?\d{2}(?:[-:]?\d\d){0,2}(?:\.\d+)?Z?)?"
_BEHIND = re.compile(
    rf"(?:\.(?P<number>\d{{1,5}})|[.-](?P<date>{_DATE}|\d{{9,10}})(?:-\d{{1,4}})?)(?:\.(?P<number2>\d{{1,3}}))?"
)
_WITHIN = re.compile(rf"(?:__|[-_.])(?P<date>{_DATE})")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFile:
    """One file of a log's past."""

    path: Path
    size: int
    mtime: float
    identity: tuple[int, int]
    current: bool
    """It is the log itself, and may still be written to."""
    rank: tuple[int, float, str]
    """Puts files in order whose times say nothing: older ones first."""


def family(path: Path, *, since: float = 0.0) -> list[PastFile]:
    """Return a log and its rotated siblings, oldest first, without those that were last written before `since`.

    Names only; nothing is opened. A log that is not there has no files; nor has a folder that may not be listed, but for
    the log itself.
    """
    names = {path.name: None} | dict.fromkeys(_siblings(path))
    plain = {name for name in names if not name.endswith(_PACKED)}
    found = [
        one
        for name in names
        if not (name.endswith(_PACKED) and name.rpartition(".")[0] in plain and name != path.name)
        and (one := _look(path, name)) is not None
        and one.mtime >= since
    ]
    return sorted(found, key=lambda one: (one.current, one.rank, one.path.name))[-FILES_MOST:]


def is_unknown_packing(path: Path) -> bool:
    """Tell whether it is packed in a way that nothing here can read."""
    return path.name.endswith(_UNKNOWN)


def _siblings(path: Path) -> Iterator[str]:
    stem, suffix = path.stem, path.suffix
    try:
        with os.scandir(path.parent) as entries:
            looked_at = (entry.name for entry, _ in zip(entries, range(_NAMES), strict=False))
            names = [name for name in looked_at if name.startswith(stem)]
    except OSError:
        return
    for name in sorted(names):
        bare = next((name.removesuffix(end) for end in (*_PACKED, *_UNKNOWN) if name.endswith(end)), name)
        if (bare.startswith(path.name) and (bare == path.name or _BEHIND.fullmatch(bare[len(path.name) :]))) or (
            suffix
            and bare.startswith(stem)
            and bare.endswith(suffix)
            and _WITHIN.fullmatch(bare[len(stem) : -len(suffix)])
        ):
            yield name


def _look(path: Path, name: str) -> PastFile | None:
    try:
        info = path.with_name(name).stat(follow_symlinks=name == path.name)
    except OSError:
        return None
    if not stat.S_ISREG(info.st_mode):
        return None
    return PastFile(
        path=path.with_name(name),
        size=info.st_size,
        mtime=info.st_mtime,
        identity=(info.st_dev, info.st_ino),
        current=name == path.name,
        rank=_rank(path, name, info.st_mtime),
    )


def _rank(path: Path, name: str, mtime: float) -> tuple[int, float, str]:
    """Numbers count backwards; dates are read as they stand; else the time of the last write decides."""
    behind = _BEHIND.match(name[len(path.name) :]) if name.startswith(path.name) else None
    if behind is not None and behind["number"]:
        return (1, -float(behind["number"]), "")
    dated = behind["date"] if behind is not None else None
    if dated is None and (within := _WITHIN.match(name[len(path.stem) :])) is not None:
        dated = within["date"]
    if dated:
        return (0, 0.0, re.sub(r"\D", "", dated).ljust(20, "0"))
    return (1, mtime, "")


@dataclass(slots=True)
class Reading:
    """How far the reading of one file came."""

    lines: int = 0
    bytes: int = 0
    problem: str = ""
    """Why not all of it was read; empty: it was."""


def read(
    file: PastFile,
    uid: int | None,
    reading: Reading,
    *,
    start: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[list[bytes]]:
    """Give the lines of a file, some thousands at a time. `uid`: whose it must be (`open_log`). What goes wrong is noted.

    `start`: the byte to begin at, of a file that is not packed. `progress` hears of bytes as they lie on the disk.
    """
    try:
        descriptor = _open(file, uid)
    except (UnsafeFile, OSError) as error:
        reading.problem = _why(error)
        return
    with os.fdopen(descriptor, "rb") as raw:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or (info.st_dev, info.st_ino) != file.identity:
            reading.problem = "is no regular file" if not stat.S_ISREG(info.st_mode) else "is another file meanwhile"
            return
        if not file.current and info.st_nlink != 1:  # a rotated log has one name; what was planted beside it may not
            reading.problem = f"has {info.st_nlink} links"
            return
        if is_unknown_packing(file.path):
            reading.problem = "is packed in a way that is not read here"
            return
        try:
            raw.seek(max(start, 0 if file.path.name.endswith(_PACKED) else data_begins(descriptor)))
            yield from _lines(_unpacked(file.path.name, raw), raw, info.st_size, reading, progress)
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            reading.problem = f"breaks off: {_why(error)}"


def _open(file: PastFile, uid: int | None) -> int:
    """The log itself may be a link, where its owner wants that; nothing beside it may."""
    if uid is not None or file.current:
        return open_log(file.path, uid)
    return os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)


def _why(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _unpacked(name: str, raw: IO[bytes]) -> IO[bytes]:
    if name.endswith(".gz"):
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if name.endswith(".bz2"):
        return bz2.BZ2File(raw)
    if name.endswith(".xz"):
        return lzma.LZMAFile(raw)
    return raw


def _lines(
    source: IO[bytes], raw: IO[bytes], size: int, reading: Reading, progress: Callable[[int], None]
) -> Iterator[list[bytes]]:
    """Cut chunks into lines; NULs at the beginning of one are what a writer left after it was truncated under it."""
    half, cutting, seen = b"", False, raw.tell()
    while chunk := source.read(_CHUNK):
        reading.bytes += len(chunk)
        at = raw.tell()
        progress(at - seen)
        seen = at
        if source is not raw and reading.bytes > _BLOWN_UP_FREE + _BLOWN_UP * size:
            reading.problem = "becomes far too large when it is unpacked"
            break
        if b"\n\n\n\n" in chunk:  # millions of empty lines fit into a small packed file; they say nothing
            ends, chunk = chunk.count(b"\n"), _BLANK.sub(b"\n\n\n", chunk)
            reading.lines += ends - chunk.count(b"\n")
        *whole, rest = chunk.split(b"\n")
        if whole:
            whole[0] = b"" if cutting else half + whole[0]
            if cutting:
                del whole[0]
            half, cutting = b"", False
            if whole:
                reading.lines += len(whole)
                yield [_clean(line) for line in whole] if _needs_cleaning(chunk, whole) else whole
        if not cutting:
            half += rest
            if len(half) > LINE_MAX:
                reading.lines += 1
                yield [_clean(half)]
                half, cutting = b"", True
    if half:
        reading.lines += 1
        yield [_clean(half)]


def _needs_cleaning(chunk: bytes, lines: list[bytes]) -> bool:
    return b"\r" in chunk or b"\0" in chunk or max(map(len, lines)) > LINE_MAX


def _clean(line: bytes) -> bytes:
    return line[:LINE_MAX].rstrip(b"\r").strip(b"\0")
