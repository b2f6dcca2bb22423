"""How systemd was told to run a unit: its properties as everybody's words, secrets masked. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsagent_tools.redact import redact, redact_env
from opsagent_tools.supervisors.systemd import reading
from opsagent_tools.units import UnitId, UnitSetup

ENABLED = frozenset({"enabled", "enabled-runtime", "generated"})
NOT_ENABLED = frozenset({"disabled", "linked", "linked-runtime", "transient"})
_INTERPRETERS = re.compile(r"(python|node|ruby|perl|php|bash|sh|dash)[\d.]*")
_TOLD = (
    "Restart",
    "KillMode",
    "User",
    "Group",
    "Slice",
    "UnitFileState",
    "UnitFilePreset",
    "NeedDaemonReload",
    "Description",
)
_NUMBERS = ("StartLimitBurst", "LimitNOFILE", "LimitNOFILESoft", "TasksMax", "MemoryHigh", "NRestarts")
_SPANS = ("RestartUSec", "StartLimitIntervalUSec", "WatchdogUSec", "RuntimeMaxUSec")


def setup_of(unit: UnitId, properties: reading.Properties) -> UnitSetup:
    """Return how this unit, or the first instance of this template, is set up."""
    command = next(iter(reading.commands(properties, "ExecStart")), ())
    interval = reading.seconds(properties.get("StartLimitIntervalUSec"))
    fragment, cwd = str(properties.get("FragmentPath", "")), str(properties.get("WorkingDirectory", "")).lstrip("!-")
    return UnitSetup(
        id=unit,
        command=tuple(redact(part) for part in command),
        script=_script(command, cwd),
        cwd=Path(cwd or "/"),
        env=redact_env(environment_of(properties)),
        shape="template" if unit.name.endswith("@") else str(properties.get("Type", "")),
        stop_signal=int(properties.get("KillSignal", 15)),
        stop_timeout_s=reading.seconds(properties.get("TimeoutStopUSec")),
        says_ready=reading.says_ready(properties),
        ready_timeout_s=reading.seconds(properties.get("TimeoutStartUSec")),
        max_memory=reading.limit(properties.get("MemoryMax")),
        max_restarts=int(properties.get("StartLimitBurst", 0)) or None,
        min_uptime_s=interval,
        config_file=Path(fragment) if fragment else None,
        busy=f"systemd has a {properties.get('JobType') or 'job'} of it under way"
        if reading.has_job(properties)
        else "",
        at_boot=at_boot(properties),
        more=_more(properties),
    )


def environment_of(properties: reading.Properties) -> dict[str, str]:
    """Return the variables that the unit sets itself, secrets among them; files that it names are not read."""
    pairs = (str(one).partition("=") for one in properties.get("Environment") or ())
    return {name: value for name, _, value in pairs}


def at_boot(properties: reading.Properties) -> bool | None:
    """Tell whether it is started at boot; None where that depends on other units (no `[Install]` section)."""
    state = str(properties.get("UnitFileState", ""))
    return True if state in ENABLED else False if state in NOT_ENABLED else None


def _more(properties: reading.Properties) -> Mapping[str, str | int | float | bool]:
    found: dict[str, str | int | float | bool] = {}
    for name in _TOLD:
        value: Any = properties.get(name)
        if value not in {None, ""}:
            found[name] = redact(value) if isinstance(value, str) else bool(value)
    for name in _NUMBERS:
        number = reading.limit(properties.get(name))
        if number is not None:
            found[name] = number
    for name in _SPANS:
        span = reading.seconds(properties.get(name))
        if span is not None:
            found[name.replace("USec", "_s")] = span
    reload = next(iter(reading.commands(properties, "ExecReload")), ())
    if reload:
        found["ExecReload"] = redact(" ".join(reload))
    for name in ("DropInPaths", "TriggeredBy"):
        if properties.get(name):
            found[name] = ", ".join(str(one) for one in properties[name])
    files = [str(one[0]) for one in properties.get("EnvironmentFiles") or () if one]
    if files:
        found["EnvironmentFiles"] = ", ".join(files)
    return found


def _script(command: tuple[str, ...], cwd: str) -> Path | None:
    if len(command) < 2 or _INTERPRETERS.fullmatch(Path(command[0]).name) is None:
        return None
    first = next((part for part in command[1:] if not part.startswith("-")), "")
    path = Path(cwd or "/", first)
    return path if first and path.is_file() else None
