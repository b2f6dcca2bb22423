"""How a home's daemon stands: gone or there, missed or not, and what `revive` would do about it. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsagent_tools.supervisors.pm2 import survivors
from opsagent_tools.supervisors.pm2.daemon_log import EndedBy, last_daemon
from opsagent_tools.supervisors.pm2.dump import App, DumpUnreadable, count, is_module, is_stopped, read
from opsagent_tools.supervisors.pm2.home import booted_at
from opsagent_tools.supervisors.pm2.revive import hangs, trouble
from opsagent_tools.supervisors.pm2.revive_seen import LastSeen
from opsagent_tools.supervisors.pm2.revive_start import program_for
from opsagent_tools.supervisors.pm2.saved_since import since
from opsagent_tools.supervisors.port import SupervisorError
from opsagent_tools.text import escape_for_terminal

_ON_PURPOSE = {
    EndedBy.NEVER: "it never ran",
    EndedBy.A_PERSON: "a person ended it (pm2 kill)",
    EndedBy.A_SIGNAL: "it was told to end by a signal, and stopped its apps first",
}
_NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The fields of the same names of `Daemon`."""

    pid: int | None = None
    """Of a daemon that lives and does not answer."""
    ended: str = ""
    trouble: str = ""
    revival: str = ""
    outlived: int = 0
    hint: str = ""
    version: str = ""


def standing(home: Path, uid: int, seen: LastSeen, listed: Sequence[Mapping[str, Any]] | None) -> Standing:
    """Look at a home. `listed`: what its daemon answers; None where none does. It blocks for some milliseconds."""
    left = survivors.find(home, uid, seen.noted)
    if listed is not None:
        wrong = trouble(home, uid, seen, listed)
        would = "ends what outlived the daemon before, and starts what that ran and this one lacks" if wrong else ""
        return Standing(trouble=wrong, revival=would, outlived=len(left.sure))
    log = last_daemon(home, uid)
    ended = "" if left.sure else _on_purpose(log.ended_by, home)
    if not ended and (silent := survivors.living_daemons(home, uid)):
        return Standing(
            pid=silent[0],
            trouble="it lives and does not answer",
            hint=hangs(home, silent[0]),
            version=log.version,
        )
    what = _would_start(home, uid, seen, left)
    try:
        program = program_for(home, uid, seen)
    except SupervisorError as error:
        return Standing(ended=ended, outlived=len(left.sure), hint=str(error), version=log.version)
    first = f"ends {len(left.sure)} that outlived it ({_pids(left.sure)}), " if left.sure else ""
    would = f"{first}starts PM2 {program.version or log.version} and {what}"
    return Standing(ended=ended, revival=would.strip(), outlived=len(left.sure), version=log.version)


def _on_purpose(by: EndedBy, home: Path) -> str:
    """Whoever shuts a machine down sends SIGTERM to everything: that is no wish that PM2 stay away afterwards."""
    if by is EndedBy.A_SIGNAL:
        try:
            if (home / "pm2.log").lstat().st_mtime < booted_at():
                return ""
        except OSError:
            pass
    return _ON_PURPOSE.get(by, "")


def _would_start(home: Path, uid: int, seen: LastSeen, left: survivors.Outlived) -> str:
    apps: list[App] = [app for app in seen.restorable(time.time()) if not is_stopped(app)]
    source = ""
    if not seen.saw_any:
        try:
            saved = read(home, uid)
        except DumpUnreadable as error:
            return f"then no app: {error}"
        apps = [app for app in saved.apps if not is_module(app)] if saved else []
        apps = [app for app in since(apps, home, uid, left).apps if not is_stopped(app)]
        source = " (the saved list)"
    units = sorted(count(apps).items())
    if not units:
        return "no app: none is known"
    shown = ", ".join(
        escape_for_terminal(name) + (f" x{several}" if several > 1 else "") for name, several in units[:_NAMED]
    )
    more = f" and {len(units) - _NAMED} more" if len(units) > _NAMED else ""
    return f"with it {shown}{more}{source}"


def _pids(several: Sequence[survivors.Survivor]) -> str:
    shown = ", ".join(f"{escape_for_terminal(one.unit)} {one.key.pid}" for one in several[:_NAMED])
    return shown + (" …" if len(several) > _NAMED else "")
