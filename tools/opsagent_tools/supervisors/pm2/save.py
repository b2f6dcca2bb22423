"""What `pm2 save` does: the list of what runs goes into `dump.pm2`, and the list before it into `dump.pm2.bak`.

The daemon has no method for it, and PM2's command line would start an empty daemon, and save that, where the real one
has just died.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from opsagent_tools.files import UnsafeFile, read_owned, replace_content, sha256_of, write_missing
from opsagent_tools.supervisors.pm2.dump import BACKUP, DUMP, count, is_module, is_parked, saved_form
from opsagent_tools.supervisors.port import NotPermitted, SupervisorError

_MODE = 0o600
"""Of files that we make: they hold every environment."""


def save(home: Path, uid: int, listed: Sequence[Mapping[str, Any]], *, without: Collection[int] = ()) -> str:
    """Save what runs, without modules and without the numbers in `without`; return one line that says what was saved.

    `listed`: the answer to `getMonitorData`. Raises SupervisorError where nothing runs (an empty list is never saved
    over a full one), NotPermitted where a file is a link or somebody else's.
    """
    found = [one["pm2_env"] for one in listed if isinstance(one.get("pm2_env"), Mapping)]
    apps = [app for app in found if not is_module(app) and not is_parked(app) and app.get("pm_id") not in without]
    if not apps:
        raise SupervisorError(f"PM2 runs nothing in {home}: the saved list stays as it is")
    content = json.dumps([saved_form(app) for app in apps], indent=2, ensure_ascii=False).encode("utf-8", "replace")
    try:
        before = _content(home / DUMP, uid)
        if before is not None and before != content:
            _write(home / BACKUP, uid, before, _content(home / BACKUP, uid))
        _write(home / DUMP, uid, content, before)
    except UnsafeFile as error:
        raise NotPermitted(f"nothing was saved: {error}") from error
    except OSError as error:
        raise SupervisorError(f"{home / DUMP} could not be written: {error.strerror}") from error
    units = count(apps)
    return f"saved {len(units)} app{'s' if len(units) > 1 else ''} ({len(apps)} processes) in {home / DUMP}"


def _content(path: Path, uid: int) -> bytes | None:
    try:
        return read_owned(path, uid)
    except FileNotFoundError:
        return None


def _write(path: Path, uid: int, content: bytes, before: bytes | None) -> None:
    if before is None:
        write_missing(path, content, mode=_MODE, uid=uid)
    elif before != content:
        replace_content(path, content, replaces=sha256_of(before), uid=uid)
