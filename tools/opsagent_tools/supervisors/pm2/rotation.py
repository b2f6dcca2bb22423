"""How large the logs of PM2's apps are, how fast they grow, and whether anything rotates them. PM2 itself does not."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsagent_tools.files import UnsafeFile, read_owned
from opsagent_tools.logs.logrotate import rule_for
from opsagent_tools.supervisors.pm2.dump import App

MODULE = "pm2-logrotate"
_FRESH_S = 1.0
"""Two looks closer than this say nothing about growth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """One log of one app."""

    path: Path
    size: int
    grows_bps: float | None = None
    """Bytes a second since the look before; None at the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotator:
    """Something that rotates these logs, or was meant to."""

    name: str
    runs: bool
    says: str = ""
    """Its settings in a few words."""


@dataclass(slots=True)
class Sizes:
    """Remembers sizes from one look to the next."""

    _before: dict[Path, tuple[float, int, int]] = field(default_factory=dict)

    def look(self, paths: Iterable[Path], uid: int, now: float) -> tuple[LogFile, ...]:
        """Return the logs that are plain files of `uid`; links and files of others are none of its logs."""
        found, seen = [], {}
        for path in dict.fromkeys(paths):
            try:
                status = path.lstat()
            except OSError:
                continue
            if not stat.S_ISREG(status.st_mode) or uid not in (0, status.st_uid):
                continue
            seen[path] = (now, status.st_size, status.st_ino)
            found.append(LogFile(path=path, size=status.st_size, grows_bps=self._growth(path, seen[path])))
        for path, entry in seen.items():
            before = self._before.get(path)
            if before is None or before[2] != entry[2] or now - before[0] >= _FRESH_S:
                self._before[path] = entry
        self._before = {path: entry for path, entry in self._before.items() if path in seen}
        return tuple(found)

    def _growth(self, path: Path, now: tuple[float, int, int]) -> float | None:
        before = self._before.get(path)
        if before is None or before[2] != now[2] or now[0] - before[0] < _FRESH_S or now[1] < before[1]:
            return None
        return (now[1] - before[1]) / (now[0] - before[0])


def log_paths(app: App) -> tuple[Path, ...]:
    """Return the files that PM2 writes an app's output to."""
    given = (app.get(key) for key in ("pm_out_log_path", "pm_err_log_path", "pm_log_path"))
    return tuple(
        dict.fromkeys(Path(one) for one in given if isinstance(one, str) and one.startswith("/") and one != "/dev/null")
    )


def rotators(
    home: Path, uid: int, listed: Sequence[App], logs: Iterable[Path], *, root: Path = Path("/")
) -> tuple[Rotator, ...]:
    """Return what rotates `logs`: PM2's module, and logrotate where a rule of it names them."""
    found = [_module(home, uid, app) for app in listed if app.get("pmx_module") and app.get("name") == MODULE]
    rule = rule_for((str(path) for path in logs), root)
    if rule:
        found.append(Rotator(name="logrotate", runs=True, says=f"by {rule}"))
    return tuple(found)


def _module(home: Path, uid: int, app: App) -> Rotator:
    settings: object = None
    try:
        conf = json.loads(read_owned(home / "module_conf.json", uid))
        settings = conf.get(MODULE) if isinstance(conf, Mapping) else None
    except (OSError, UnsafeFile, ValueError):
        pass
    values = settings if isinstance(settings, Mapping) else {}
    size, keep = values.get("max_size", "10M"), values.get("retain", "30")
    return Rotator(name=MODULE, runs=app.get("status") == "online", says=f"at {size!s:.12}, {keep!s:.12} kept")
