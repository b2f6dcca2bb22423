"""The last known good content of a service's configuration files: noted while it is well, asked when it is not.

A content is good once a process that was started with it has been well; a file that changed under a running process
proves nothing until the process is started anew, or has been well beside it for long. A content that takes the place of
a good one is on trial at first: what was good before it stays known until the unit has been well with the new one for
long, since not everything that a change spoils shows at the start. That there is no such file can be good, too.
Where it is kept is `opsagent.kept_contents`' matter.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsagent.kept_contents import content_path, keep, read_record, record_path, write_private
from opsagent_tools.files import UnsafeFile, read_owned, sha256_of
from opsagent_tools.processes.proc import started_at
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

_LOG = logging.getLogger(__name__)
_SIZE_LIMIT = 1024 * 1024
"""A larger file is no configuration; it is neither kept nor rolled back."""
_WELL_BESIDE_S = 900.0
"""A file that changed this long ago under a process that has been well ever since counts as good (it may reload)."""
_AT_START_S = 5.0
"""What a unit writes itself while it starts (a certificate of its own) it runs with; counts where nothing else is known."""
_TRIAL_S = 900.0
"""A content is no longer on trial once a unit has been well with it for this long."""
_TRIAL_NOTED_S = 5.0
"""How often it is noted that a trial goes well."""
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A configuration file that is not what it was when its service was last well."""

    path: Path
    good: str
    """SHA-256 of the last known good content; empty where it was good that there was no such file."""
    current: str
    """SHA-256 of what stands there now; empty where it is missing or cannot be read."""
    mode: int
    """Permissions that the good content had."""
    changed_at: float
    """Seconds since the epoch; of the last change to content, name or mode. Of a missing file: no later than this."""
    restorable: bool
    """Whether the good content is kept and the file may be given it."""
    why: str = ""
    """Why it is not restorable."""
    trial_s: float = 0.0
    """For how long the unit has been well with what stands there now; 0: it was never seen well with it."""
    on_trial: bool = False
    """The unit came up with it and was well, which does not say yet that it is good."""
    declared: bool = True
    """False: nobody named it; its unit was seen to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the configuration of a unit that is well."""

    unit: Unit
    folder: Path
    now: float
    looked_at: float
    """When its files were looked at before; 0: not in this life of the agent. A file that was another then has changed
    since, whatever its times say (a file may be mounted over it, or moved in its place with the times it had).
    """
    oldest_start: float

    def proven(self, changed_at: float) -> bool:
        """Tell whether its processes were started with what changed then, or have been well beside it for long."""
        return changed_at < self.oldest_start or self.now - changed_at >= _WELL_BESIDE_S


def note(
    unit: Unit, spec: ServiceSpec | None, folder: Path, *, looked_at: float = 0.0, named: Iterable[Path] = ()
) -> None:
    """Take the configuration files of a unit that is well now for good, as far as that is proven. Cheap if unchanged.

    `named`: files that nobody declared, and that its processes name (`opsagent.config_finding`).
    """
    declared = spec.config_files if spec is not None else ()
    named = tuple(path for path in named if path not in declared)
    if not (declared or named) or not unit.processes:
        return
    record = read_record(folder, unit.id)
    before = json.dumps(record, sort_keys=True)
    oldest_start = min(started_at(process.key) for process in unit.processes)
    now = datetime.now(UTC).timestamp()
    look = Look(unit=unit, folder=folder, now=now, looked_at=looked_at, oldest_start=oldest_start)
    for path in (*declared, *named):
        try:
            _note_file(path, look, record, declared=path in declared)
        except (OSError, UnsafeFile) as error:
            _LOG.debug("%s of %s is not noted: %s", path, unit.name, error)
    if json.dumps(record, sort_keys=True) != before:
        write_private(record_path(folder, unit.id), json.dumps(record).encode(), replace=True)


def changed(unit: Unit, spec: ServiceSpec | None, folder: Path) -> tuple[Change, ...]:
    """Return which configuration files differ from the last known good, in the order of the specification.

    What the unit has come up with, and was well with, is left out.
    """
    return tuple(change for change in differing(unit, spec, folder) if not change.on_trial and change.declared)


def differing(unit: Unit, spec: ServiceSpec | None, folder: Path) -> tuple[Change, ...]:
    """Return the same with what is on trial, and with files that nobody declared."""
    record = read_record(folder, unit.id)
    declared = spec.config_files if spec is not None else ()
    named = (Path(path) for path in record if Path(path) not in declared)
    found = (
        *(_change_of(path, unit, folder, record, declared=True) for path in declared),
        *(_change_of(path, unit, folder, record, declared=False) for path in named if record[str(path)].get("named")),
    )
    return tuple(change for change in found if change is not None)


@dataclass(frozen=True, slots=True)
class Good:
    """What is noted of one configuration file."""

    sha256: str
    mode: int


def good_files(unit: UnitId, folder: Path) -> dict[str, Good]:
    """Return the content that every declared configuration file had when the unit was last well, by path."""
    record = read_record(folder, unit)
    newest = {path: entry.get("trial") or entry for path, entry in record.items() if not entry.get("named")}
    return {path: Good(str(entry["sha256"]), _mode_of(entry)) for path, entry in newest.items() if entry["sha256"]}


def good_content(unit: UnitId, folder: Path, path: Path) -> bytes:
    """Return the last known good content of a file, or nothing."""
    entry = read_record(folder, unit).get(str(path))
    try:
        return content_path(folder, str(entry["sha256"])).read_bytes() if entry and entry["sha256"] else b""
    except OSError:
        return b""


def is_known(unit: Unit, spec: ServiceSpec, folder: Path) -> bool:
    """Tell whether a last known good is there for every configuration file."""
    record = read_record(folder, unit.id)
    return bool(spec.config_files) and all(str(path) in record for path in spec.config_files)


def _note_file(path: Path, look: Look, record: dict[str, Any], *, declared: bool) -> None:
    status = _status(path)
    seen = _seen(status)
    known = record.get(str(path))
    if known is not None and known["seen"] == seen:
        known.pop("trial", None)
        known.pop("moved", None)
        return
    trial = known.get("trial") if known is not None else None
    if trial is not None and trial["seen"] == seen:
        _go_on_trial(record, path, trial, look.now)
        return
    changed_at = _changed_at(path, status)
    if known is not None:
        changed_at = _moved_at(known, seen, max(changed_at, look.looked_at))
    at_start = known is None and changed_at - look.oldest_start <= _AT_START_S
    if not (at_start or look.proven(changed_at)) or (status is None and not declared):
        return
    if status is not None and status.st_size > _SIZE_LIMIT:
        return
    kept = keep(look.folder, read_owned(path, look.unit.uid)) if status is not None else ""
    mode = stat.S_IMODE(status.st_mode) if status is not None else _PRIVATE
    entry: dict[str, Any] = {"sha256": kept, "seen": seen, "mode": mode, **({} if declared else {"named": True})}
    if known is None or known["sha256"] == kept or look.now - changed_at >= _WELL_BESIDE_S:
        record[str(path)] = entry
    else:
        known["trial"] = {**entry, "since": look.now, "until": look.now}


def _go_on_trial(record: dict[str, Any], path: Path, trial: dict[str, Any], now: float) -> None:
    if now - float(trial["since"]) >= _TRIAL_S:
        record[str(path)] = {key: value for key, value in trial.items() if key not in {"since", "until"}}
    elif now - float(trial["until"]) >= _TRIAL_NOTED_S:
        trial["until"] = now


def _moved_at(known: dict[str, Any], seen: list[int], changed_at: float) -> float:
    """Return since when at least the file is another; the first look that finds it so is remembered."""
    moved = known.get("moved")
    if not (isinstance(moved, dict) and moved.get("seen") == seen):
        moved = known["moved"] = {"seen": seen, "at": changed_at}
    return float(moved["at"])


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _seen(status: os.stat_result | None) -> list[int]:
    return [] if status is None else [status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino]


def _changed_at(path: Path, status: os.stat_result | None) -> float:
    return max(status.st_mtime, status.st_ctime) if status is not None else path.parent.lstat().st_mtime


def _change_of(path: Path, unit: Unit, folder: Path, record: dict[str, Any], *, declared: bool) -> Change | None:
    known = record.get(str(path))
    if known is None:
        return None
    good, current, why, changed_at = str(known["sha256"]), "", "", datetime.now(UTC).timestamp()
    seen: list[int] = []
    try:
        status = path.lstat()
        seen, changed_at = _seen(status), max(status.st_mtime, status.st_ctime)
        if status.st_size > _SIZE_LIMIT:
            why = f"{path.name} is larger than {_SIZE_LIMIT} bytes"
        else:
            current = sha256_of(read_owned(path, unit.uid))
    except FileNotFoundError:
        if good:
            changed_at, why = _missing_since(path, unit.uid, changed_at)
    except (OSError, UnsafeFile) as error:
        why = f"{path.name} cannot be read safely ({type(error).__name__})"
    if current == good and not why:
        return None
    moved, trial = known.get("moved"), known.get("trial") or {}
    if isinstance(moved, dict) and moved.get("seen") == seen:
        changed_at = max(changed_at, float(moved["at"]))
    if not why and good and not content_path(folder, good).is_file():
        why = f"the last known good content of {path.name} is gone"
    on_trial = trial.get("sha256") == current and trial.get("seen") == seen
    return Change(
        path=path,
        good=good,
        current=current,
        mode=_mode_of(known),
        changed_at=changed_at,
        restorable=not why,
        why=why,
        trial_s=max(0.0, float(trial["until"]) - float(trial["since"])) if on_trial else 0.0,
        on_trial=on_trial,
        declared=declared,
    )


def _missing_since(path: Path, uid: int, now: float) -> tuple[float, str]:
    """Return since when at most a file is missing, and why it cannot be made anew (or nothing)."""
    try:
        folder = path.parent.lstat()
    except OSError:
        return now, f"{path.name} is missing, and its folder with it"
    if not stat.S_ISDIR(folder.st_mode) or folder.st_uid != uid:
        return folder.st_mtime, f"{path.name} is missing, and its folder is not that of uid {uid}"
    return folder.st_mtime, ""


def _mode_of(entry: dict[str, Any]) -> int:
    mode = entry.get("mode", _PRIVATE)
    return mode & 0o777 if isinstance(mode, int) else _PRIVATE
