"""What comes back after a reboot: `systemctl enable` for what runs, and what cannot be enabled, with the reason."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from opsagent_tools.supervisors.port import SupervisorError
from opsagent_tools.supervisors.systemd.endpoint import Scope
from opsagent_tools.supervisors.systemd.jobs import Jobs
from opsagent_tools.supervisors.systemd.polkit import user_name
from opsagent_tools.supervisors.systemd.setup import ENABLED

_LINGER = Path("/var/lib/systemd/linger")
_CAN = frozenset({"disabled", "linked", "linked-runtime", "enabled-runtime"})
_WHY_NOT = {
    "transient": "was started by systemd-run and has no unit file",
    "static": "has no [Install] section",
    "indirect": "names others in its [Install] section",
    "generated": "is made by a generator",
    "masked": "is masked",
}


async def enable(jobs: Jobs, scope: Scope, files: Sequence[str]) -> str:
    """Enable these unit files, which run now; return one line that says what was done and what could not be.

    Raises NotPermitted.
    """
    enabled, left, before = [], [], 0
    for file in files:
        state = await _state(jobs, file)
        if state in _CAN:
            await jobs.call("enable", file, "EnableUnitFiles", "asbb", [file], False, False)
            state = await _state(jobs, file)
            enabled.append(file) if state in ENABLED else left.append(f"{file} has nothing to enable ({state})")
        elif state in ENABLED:
            before += 1
        else:
            left.append(f"{file} {_WHY_NOT.get(state, f'is {state}')}")
    said = [f"enabled {', '.join(enabled)}"] if enabled else []
    if before:
        said.append(f"{before} {'was' if before == 1 else 'were'} enabled already")
    said += [f"{one}: it is not started at boot" for one in left]
    if scope == "user" and not lingers():
        said.append(f"they start with the first login only: loginctl enable-linger {user_name()}")
    return "; ".join(said) or "nothing runs that could be enabled"


async def _state(jobs: Jobs, file: str) -> str:
    try:
        (state,) = await jobs.call("look at", file, "GetUnitFileState", "s", file)
    except SupervisorError:
        return "transient"
    return str(state)


def lingers(uid: int | None = None, folder: Path = _LINGER) -> bool:
    """Tell whether a user's services start at boot, and go on after the last logout."""
    return (folder / user_name(os.geteuid() if uid is None else uid)).exists()
