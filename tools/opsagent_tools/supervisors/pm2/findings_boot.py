"""Whether a reboot brings a PM2 home back: the unit that `pm2 startup` writes, or what people use in its place."""

from __future__ import annotations

import pwd
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SYSTEMD = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup:
    """What would start PM2 at boot."""

    name: str
    """As a person would name it: `pm2-deploy.service`."""
    enabled: bool


def startup_of(home: Path, uid: int, *, root: Path = Path("/")) -> Startup | None:
    """Return what brings `home` back at boot; one that is enabled before one that is not."""
    user, folder = _user(uid)
    found = [
        *_systemd(home, user, folder, root),
        *_openrc(home, user, root),
        *_launchd(home, user, folder),
        *_cron(home, user, folder, root),
    ]
    return next((one for one in found if one.enabled), found[0] if found else None)


def _systemd(home: Path, user: str, folder: Path, root: Path) -> Iterator[Startup]:
    places = [(root / place, root / "etc/systemd/system") for place in _SYSTEMD]
    own = folder / ".config/systemd/user"
    for place, wants in (*places, (own, own)):
        for file in _files(place, "*.service"):
            text = _text(file)
            if "resurrect" in text and _is_for(text, home, user, folder, system=place is not own):
                yield Startup(name=file.name, enabled=any(wants.glob(f"*.wants/{file.name}")))


def _is_for(text: str, home: Path, user: str, folder: Path, *, system: bool) -> bool:
    """Tell whether a unit file starts this home: it names it, or its user, whose default home it is."""
    named = re.search(r"""^Environment=["']?PM2_HOME=([^"'\s]+)""", text, re.MULTILINE)
    if named is not None:
        return Path(named[1]) == home
    owner = re.search(r"^User=(\S+)", text, re.MULTILINE)
    runs_as = owner[1] if owner is not None else ("root" if system else user)
    return runs_as == user and home == folder / ".pm2"


def _openrc(home: Path, user: str, root: Path) -> Iterator[Startup]:
    for file in _files(root / "etc/init.d", "pm2*"):
        text = _text(file)
        if "resurrect" in text and (str(home) in text or f'user="{user}"' in text or f"user={user}" in text):
            levels = (*root.glob(f"etc/runlevels/*/{file.name}"), *root.glob(f"etc/rc[2345].d/S??{file.name}"))
            yield Startup(name=f"/etc/init.d/{file.name}", enabled=bool(levels))


def _launchd(home: Path, user: str, folder: Path) -> Iterator[Startup]:
    for file in _files(folder / "Library/LaunchAgents", f"pm2.{user}*.plist"):
        if str(home) in _text(file):
            yield Startup(name=file.name, enabled=True)


def _cron(home: Path, user: str, folder: Path, root: Path) -> Iterator[Startup]:
    """`@reboot pm2 resurrect` in the user's table, where it may be read."""
    for place in ("var/spool/cron/crontabs", "var/spool/cron"):
        for line in _text(root / place / user).splitlines():
            resurrects = line.strip().startswith("@reboot") and "pm2" in line and "resurrect" in line
            if resurrects and (str(home) in line or home == folder / ".pm2"):
                yield Startup(name=f"crontab of {user}", enabled=True)


def _files(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def _text(file: Path) -> str:
    try:
        if not file.is_file() or file.stat().st_size > _LONGEST:
            return ""
        return file.read_text(errors="replace")
    except OSError:
        return ""


def _user(uid: int) -> tuple[str, Path]:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return str(uid), Path("/nonexistent")
    return entry.pw_name, Path(entry.pw_dir)
