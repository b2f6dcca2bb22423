"""What PM2 gives an app to run with, so that it can be given that again: environment and arguments, secrets and all.

A restart of PM2's changes both, and neither the script nor its folder. Variables of PM2's own, of the terminal that it
was last called from, and those that number instances are nobody's configuration: they are left as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from opsagent_tools.services.variables import OF_THE_SUPERVISOR
from opsagent_tools.supervisors.pm2.setup import command_of, variables
from opsagent_tools.supervisors.pm2.units import App
from opsagent_tools.supervisors.port import NotSupported

_OF_PM2 = ("PM2_", "pm_", "axm_", "OPSAGENT_")
_FIXED = {"pm_exec_path": "script", "pm_cwd": "folder", "exec_interpreter": "interpreter"}
"""What no restart changes."""
_ARGUMENTS = ("args", "node_args")


def definition_of(apps: Sequence[App]) -> bytes:
    """Return what the first process of a unit is given; the others differ in their number only."""
    app = min(apps, key=lambda one: one.pm_id)
    told = {
        "command": list(command_of(app.env)),
        "cwd": str(app.env.get("pm_cwd", "")),
        "env": _own(app),
        **{key: app.env.get(key) for key in (*_FIXED, *_ARGUMENTS)},
    }
    return json.dumps(told, sort_keys=True).encode()


def update_for(app: App, definition: bytes) -> tuple[dict[str, str | None], dict[str, Any]]:
    """Return the variables to set (None: to take away) and the settings that make it run with `definition` again.

    Raises NotSupported where a restart would not do it.
    """
    good: Mapping[str, Any] = json.loads(definition)
    for key, word in _FIXED.items():
        if good.get(key) != app.env.get(key):
            raise NotSupported(
                f"{app.unit} ran with another {word} then, which no restart of PM2 changes: delete it first"
            )
    now, then = _own(app), {str(name): str(value) for name, value in good["env"].items()}
    env: dict[str, str | None] = {name: value for name, value in then.items() if now.get(name) != value}
    env |= dict.fromkeys(now.keys() - then.keys())
    settings = {key: good[key] for key in _ARGUMENTS if good.get(key) is not None and good[key] != app.env.get(key)}
    return env, settings


def _own(app: App) -> dict[str, str]:
    numbered = {str(app.env.get(key)) for key in ("instance_var", "increment_var") if app.env.get(key)}
    return {
        name: value
        for name, value in variables(app.env).items()
        if name not in OF_THE_SUPERVISOR and name not in numbered and not name.startswith(_OF_PM2)
    }
