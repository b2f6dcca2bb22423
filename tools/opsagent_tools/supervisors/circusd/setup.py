"""How circusd was told to run a watcher."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsagent_tools.redact import redact, redact_env
from opsagent_tools.supervisors.circusd.conf import read_conf
from opsagent_tools.supervisors.circusd.desk import Desk
from opsagent_tools.supervisors.circusd.told import Told
from opsagent_tools.units import UnitId, UnitSetup

_INTERPRETERS = re.compile(r"(python|node|ruby|perl|php|bash|sh|dash)[\d.]*")
_MORE = (
    "respawn",
    "singleton",
    "max_age",
    "max_retry",
    "warmup_delay",
    "stop_children",
    "shell",
    "on_demand",
    "copy_env",
    "priority",
)


def setup_of(unit: UnitId, told: Told, options: Mapping[str, Any], desk: Desk) -> UnitSetup:
    """Return how a watcher is set up. `options`: all of them, its environment among them."""
    origin = desk.origin
    path = origin.conf_path() if origin is not None else None
    conf = read_conf(path, desk.book.daemon_uid) if path is not None else None
    section = conf.watchers.get(told.name) if conf is not None else None
    env = options.get("env")
    cwd, grace = told.text("working_dir"), options.get("graceful_timeout")
    return UnitSetup(
        id=unit,
        command=tuple(redact(part) for part in told.command),
        script=_script(told.command, cwd),
        cwd=Path(cwd) if cwd else None,
        env=redact_env({str(key): str(value) for key, value in env.items()}) if isinstance(env, dict) else {},
        shape="shared socket"
        if told.uses_sockets
        else "singleton"
        if options.get("singleton") is True
        else "processes",
        stop_signal=told.number("stop_signal", 15),
        stop_timeout_s=float(grace) if isinstance(grace, (int, float)) else 30.0,
        config_file=section.file if section is not None else None,
        at_boot=True if origin is not None and origin.service else None,
        more={key: options[key] for key in _MORE if isinstance(options.get(key), (str, int, float, bool))},
    )


def _script(command: tuple[str, ...], directory: str) -> Path | None:
    if len(command) < 2 or _INTERPRETERS.fullmatch(Path(command[0]).name) is None:
        return None
    first = next((part for part in command[1:] if not part.startswith("-")), "")
    path = Path(directory or "/", first)
    return path if first and path.is_file() else None
