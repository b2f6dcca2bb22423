"""Whether the certificates that a unit, or what it depends on, was given and shows are valid and fit their keys."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from opsagent import last_good
from opsagent.config_finding import words_of
from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.reading_certificates import Shown, presented, public_keys, read_certificate
from opsagent.probes.room import Found, Room
from opsagent_tools.files import UnsafeFile, read_owned
from opsagent_tools.processes.proc import started_at
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

_SUFFIXES = frozenset({".pem", ".crt", ".cert", ".cer"})
_KEY_SUFFIXES = frozenset({".key", ".pem"})
_MOST = 16
_PRESENTED_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whose:
    """Whose certificates are looked at, and when."""

    unit: Unit
    spec: ServiceSpec | None
    folder: Path | None
    """Where last known good contents are kept."""
    now: float

    def good(self, path: Path) -> Shown | None:
        """Return the certificate that the file held when the unit was last well."""
        good = last_good.good_content(self.unit.id, self.folder, path) if self.folder is not None else b""
        return read_certificate(good) if good else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    path: Path
    shown: Shown | None
    """None: there is no certificate in it that can be read."""
    fits: bool
    """False: keys are there, and none of them is its own."""
    changed_at: float
    older: bool
    """The unit's processes were started before it was changed."""


async def certificates(room: Room, unit_id: UnitId) -> Found:
    """Look at the unit's certificates, and at those of what it depends on: the nearest that is bad is told."""
    told: dict[str, Scalar] = {}
    for near in (unit_id, *room.world.all_upstream(unit_id)):
        unit = room.world.units.get(near)
        if unit is None:
            continue
        whose = _Whose(unit=unit, spec=room.spec(near), folder=room.last_good_dir, now=room.now.timestamp())
        facts = await asyncio.to_thread(_look, whose)
        if facts["bad"]:
            return Found(kind=EvidenceKind.KERNEL, facts=facts)
        told = told or (facts if facts["files"] or "ends_at" in facts else {})
    said: dict[str, Scalar] = {"bad": False, "files": 0, "said": f"{unit_id.name} has no certificate that is known"}
    return Found(kind=EvidenceKind.KERNEL, facts=told or said)


def _look(whose: _Whose) -> dict[str, Scalar]:
    return _judge(whose, tuple(_files(whose)), _presented(whose.spec))


def _presented(spec: ServiceSpec | None) -> Shown | None:
    """Return what the server of a configured https probe shows; None: nothing. No other port is asked."""
    url = urlsplit(spec.health.http) if spec is not None and spec.health is not None and spec.health.http else None
    if url is None or url.scheme != "https" or not url.hostname:
        return None
    try:
        return presented(url.hostname, url.port or 443, _PRESENTED_S)
    except (OSError, ValueError):
        return None


def _files(whose: _Whose) -> Iterator[_File]:
    unit = whose.unit
    paths = tuple(dict.fromkeys(_candidates(unit, whose.spec)))[:_MOST]
    keys = public_keys((path for path in paths if path.suffix.lower() in _KEY_SUFFIXES), unit.uid)
    started = min((started_at(process.key) for process in unit.processes), default=0.0)
    for path in paths:
        if path.suffix.lower() not in _SUFFIXES:
            continue
        try:
            content, status = read_owned(path, unit.uid), path.lstat()
        except (OSError, UnsafeFile):
            continue
        shown = read_certificate(content)
        if shown is None and b"CERTIFICATE" not in content and whose.good(path) is None:
            continue
        if shown is not None and shown.authority and shown.key not in keys:
            continue  # it is trusted, and not shown
        changed_at = max(status.st_mtime, status.st_ctime)
        fits = shown is None or not keys or shown.key in keys or not _beside_a_key(path, paths)
        yield _File(path=path, shown=shown, fits=fits, changed_at=changed_at, older=0 < started < changed_at)


def _beside_a_key(path: Path, paths: tuple[Path, ...]) -> bool:
    """Tell whether it is a server's own rather than one of an authority that it trusts: its key is named like it."""
    stem = path.name.removesuffix(path.suffix)
    named_like_it = any(one.stem == stem and one.suffix.lower() == ".key" for one in paths)
    return named_like_it or sum(one.suffix.lower() in _SUFFIXES for one in paths) == 1


def _candidates(unit: Unit, spec: ServiceSpec | None) -> Iterator[Path]:
    """Yield the files that may hold certificates or keys: declared, named by its processes, or open."""
    if spec is not None:
        yield from spec.config_files
        yield from _named((*spec.command, *spec.env.values()), spec.cwd)
    for process in unit.processes[:1]:
        words, cwd = words_of(process.pid)
        if cwd is not None:
            yield from _named(words, cwd)


def _named(words: tuple[str, ...], cwd: Path) -> Iterator[Path]:
    for word in words:
        value = word.rpartition("=")[2]
        if 0 < len(value) < 1024 and Path(value).suffix.lower() in {*_SUFFIXES, ".key"}:
            yield Path(os.path.normpath(cwd / value))


def _judge(whose: _Whose, files: tuple[_File, ...], shown: Shown | None) -> dict[str, Scalar]:
    unit, now = whose.unit, whose.now
    facts: dict[str, Scalar] = {"unit": str(unit.id), "bad": False, "files": len(files)}
    ends = [one.shown.not_after for one in files if one.shown is not None] + ([shown.not_after] if shown else [])
    if ends:
        facts["ends_at"] = min(ends)
    shows = shown.problem(now) if shown is not None else ""
    facts["presented_bad"] = bool(shows)
    worst = next((one for one in files if _problem(one, now)), None)
    if worst is not None:
        return {**facts, **_bad_file(whose, worst)}
    renewed = next((one for one in files if one.older and _serves_another(whose, one, shown)), None)
    if renewed is not None:
        ended = shown if shown is not None else whose.good(renewed.path)
        what = f"the certificate that {unit.name} {'shows' if shown is not None else 'was started with'}"
        said = f"{what} {ended.problem(now) if ended is not None else ''}; {renewed.path.name} was renewed and is valid"
        since = ended.not_after if ended is not None else renewed.changed_at
        return {**facts, "bad": True, "renewed": True, "path": str(renewed.path), "bad_since": since, "said": said}
    if shown is not None and shows:
        when = datetime.fromtimestamp(shown.not_after, UTC)
        said = f"the certificate that {unit.name} shows ({shown.subject}) {shows} ({when:%Y-%m-%d %H:%M} UTC)"
        return {**facts, "bad": True, "renewed": False, "bad_since": shown.not_after, "said": said}
    return {**facts, "said": _well(unit, ends, now)}


def _well(unit: Unit, ends: list[float], now: float) -> str:
    if not ends:
        return f"{unit.name} has no certificate that is known"
    return f"the certificates of {unit.name} are valid for {(min(ends) - now) / 86400:.0f} days"


def _problem(file: _File, now: float) -> str:
    if file.shown is None:
        return "is no certificate any more"
    return file.shown.problem(now) or ("" if file.fits else "does not fit its key")


def _bad_file(whose: _Whose, file: _File) -> dict[str, Scalar]:
    """Return what is told of a file that is not valid, and whether the last known good one still is."""
    expires = file.shown if file.shown is not None and file.fits else None
    when = f" ({datetime.fromtimestamp(expires.not_after, UTC):%Y-%m-%d %H:%M} UTC)" if expires is not None else ""
    facts: dict[str, Scalar] = {
        "bad": True,
        "renewed": False,
        "path": str(file.path),
        "restorable": False,
        "bad_since": max(file.changed_at, expires.not_after) if expires is not None else file.changed_at,
        "said": f"{file.path.name} of {whose.unit.name} {_problem(file, whose.now)}{when}",
    }
    changes = last_good.differing(whose.unit, whose.spec, whose.folder) if whose.folder is not None else ()
    change = next((one for one in changes if one.path == file.path and one.restorable and one.good), None)
    good = whose.good(file.path)
    if change is None or good is None:
        return facts
    if good.problem(whose.now):
        return {**facts, "said": f"{facts['said']}; the last known good one {good.problem(whose.now)}, too"}
    until = datetime.fromtimestamp(good.not_after, UTC)
    return {
        **facts,
        "restorable": True,
        "good": change.good,
        "current": change.current,
        "mode": change.mode,
        "said": f"{facts['said']}; the last known good one is valid until {until:%Y-%m-%d %H:%M} UTC",
    }


def _serves_another(whose: _Whose, file: _File, shown: Shown | None) -> bool:
    """Tell whether what runs shows, or was started with, a certificate that is not valid while the one on disk is."""
    if file.shown is None:
        return False
    before = shown if shown is not None else whose.good(file.path)
    return before is not None and before.fingerprint != file.shown.fingerprint and bool(before.problem(whose.now))
