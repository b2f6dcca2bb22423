"""The archives of a log, beside it: `api.log.20261128T150000Z`, later `….gz`. Named, listed, packed, and the oldest let go.

Only names of exactly this form are ever touched. The newest archive stays unpacked until the next one is made, or for a
minute: who follows the log reads its end there.
"""

from __future__ import annotations

import os
import re
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from opsagent_tools.files import UnsafeFile
from opsagent_tools.logs.rotate_holders import writers
from opsagent_tools.logs.rotate_place import Place

PART = ".part"
"""Ending of an archive whose log may not have been cut yet."""
_STAMP = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d{1,4}))?(\.gz)?")
_CHUNK = 1 << 20
_FRESH_S = 60.0
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One archive of a log."""

    name: str
    made_at: datetime
    number: int
    """Tells several of one second apart."""
    packed: bool
    size: int

    @property
    def age(self) -> tuple[datetime, int]:
        """Return what archives are sorted by."""
        return self.made_at, self.number


def archives(place: Place) -> list[Archive]:
    """Return the archives of a log, oldest first; what is a link, linked twice or somebody else's is none of them."""
    found = []
    for name in place.names():
        rest = name.removeprefix(f"{place.name}.")
        match = _STAMP.fullmatch(rest) if rest != name else None
        if match is None:
            continue
        status = place.status(name)
        if status is None or not place.is_plain(status):
            continue
        try:
            made_at = datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            continue
        number = int(match[2] or 0)
        found.append(Archive(name=name, made_at=made_at, number=number, packed=bool(match[3]), size=status.st_size))
    return sorted(found, key=lambda one: one.age)


def newest(log: Path) -> str:
    """Return the stamp of the newest archive of a log, packed or not; empty: it has none. A look at names only."""
    try:
        names = os.listdir(log.parent)  # noqa: PTH208  # hundreds of names
    except OSError:
        return ""
    prefix = f"{log.name}."
    stamps = [match for name in names if name.startswith(prefix) and (match := _STAMP.fullmatch(name[len(prefix) :]))]
    return max((f"{match[1]}-{int(match[2] or 0):04}" for match in stamps), default="")


def new_name(place: Place, now: datetime) -> str:
    """Return a name for a further archive, later than all that are there."""
    last = max((one.age for one in archives(place)), default=None)
    stamp, number = now.astimezone(UTC).replace(microsecond=0), 0
    if last is not None and last[0] >= stamp:  # several in one second, or a clock that was set back
        stamp, number = last[0], last[1] + 1
    return f"{place.name}.{stamp:%Y%m%dT%H%M%SZ}" + (f"-{number}" if number else "")


def pack(place: Place, *, now: float | None = None) -> list[str]:
    """Compress the archives that nobody writes to or follows any more; return their new names.

    One for which the disk has no room stays as it is: OSError, nothing is lost.
    """
    now = time.time() if now is None else now
    plain = [one for one in archives(place) if not one.packed]
    packed = []
    for one in plain:
        if one is plain[-1] and now - one.made_at.timestamp() < _FRESH_S:
            continue
        status = place.status(one.name)
        if status is not None and not writers(status):
            packed.append(_pack(place, one.name))
    return packed


def _pack(place: Place, name: str) -> str:
    """Write the compressed one whole before the plain one goes."""
    staged, final = f"{name}.gz{PART}", f"{name}.gz"
    place.remove(staged)
    with place.file(name) as source:
        before = os.fstat(source)
        with place.fresh(staged, before) as target:
            deflate = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
            while chunk := os.read(source, _CHUNK):
                write_all(target, deflate.compress(chunk))
            write_all(target, deflate.flush())
            os.fsync(target)
            os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
            after = os.fstat(source)
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise UnsafeFile(f"{place.path.with_name(name)} was written to while it was packed")
    place.rename(staged, final)
    place.remove(name)
    place.sync()
    return final


def prune(place: Place, *, keep: int, total: int) -> list[str]:
    """Remove the oldest archives beyond `keep` in number and `total` bytes together; return their names.

    The newest one stays in any case.
    """
    newest_first = archives(place)[::-1]
    size, gone = 0, []
    for at, one in enumerate(newest_first):
        size += one.size
        if at and (at >= keep or size > total):
            place.remove(one.name)
            gone.append(one.name)
    return gone


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything. OSError: the disk is full, say."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def parts(place: Place) -> Iterable[str]:
    """Return archives that were begun and not ended: their maker was killed."""
    prefix = f"{place.name}."
    return [
        name
        for name in sorted(place.names())
        if name.startswith(prefix)
        and name.endswith(PART)
        and _STAMP.fullmatch(name[len(prefix) :].removesuffix(PART))
        and place.is_plain(place.status(name))
    ]
