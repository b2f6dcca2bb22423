"""How PM2 was told to run an app, out of its own record of one process; secrets are masked here."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from opsagent_tools.redact import redact, redact_env
from opsagent_tools.supervisors.pm2.units import App, number, text, truth
from opsagent_tools.units import UnitId, UnitSetup

_MORE = (
    "namespace", "instance_var", "increment_var", "merge_logs", "treekill", "restart_delay", "exp_backoff_restart_delay",
    "stop_exit_codes", "shutdown_with_message", "node_version", "log_date_format", "watch_delay", "unstable_restarts",
    "username", "source_map_support", "kill_retry_time",
)  # fmt: skip
_MOST_METRICS = 50
_LONGEST = 200
_SCRIPT_INTERPRETERS = frozenset({"", "none"})


def setup_of(
    unit: UnitId, apps: Sequence[App], *, kill_signal: str = "", at_boot: bool | None = None, busy: str = ""
) -> UnitSetup:
    """Return how the first process of a unit is set up (the others differ in their number only).

    `kill_signal`: what its daemon was told to end processes with (`PM2_KILL_SIGNAL`); PM2's own is SIGINT.
    """
    app = apps[0]
    env = app.env
    uptime_ms = number(env.get("min_uptime"), 1000)
    return UnitSetup(
        id=unit,
        command=tuple(redact(part) for part in command_of(env)),
        script=_path(env.get("pm_exec_path")),
        cwd=_path(env.get("pm_cwd")),
        env=redact_env(variables(env)),
        shape="cluster" if app.cluster else "fork",
        stop_signal=int(getattr(signal.Signals, kill_signal, signal.SIGINT)),
        stop_timeout_s=app.kill_timeout_s,
        says_ready=truth(env.get("wait_ready"), default=False),
        ready_timeout_s=app.listen_timeout_s,
        max_memory=number(env.get("max_memory_restart")) or None,
        max_restarts=number(env.get("max_restarts"), 16),
        min_uptime_s=uptime_ms / 1000,
        cron=text(env.get("cron_restart")),
        watches=bool(env.get("watch")) and truth(env.get("watch"), default=False),
        busy=busy,
        at_boot=at_boot,
        more=dict(_more(apps)),
    )


def variables(env: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment that an app gets, unmasked: not to leave the adapter."""
    found = env.get("env")
    own = found if isinstance(found, Mapping) else {}
    return {str(name): _word(value) for name, value in own.items() if isinstance(value, str | int | float | bool)}


def metrics_of(apps: Sequence[App]) -> dict[str, str | int | float | bool]:
    """Return what the processes of a unit measure of themselves (`axm_monitor`): numbers are added up where they are
    counts, and averaged where the app says so; text is the first one's.
    """
    found: dict[str, list[tuple[Mapping[str, Any], str | float]]] = {}
    for app in apps:
        monitor = app.env.get("axm_monitor")
        for name, probe in list(monitor.items())[:_MOST_METRICS] if isinstance(monitor, Mapping) else ():
            if isinstance(probe, Mapping) and (value := _measured(probe.get("value"))) is not None:
                found.setdefault(text(name), []).append((probe, value))
    return {name: _together(values) for name, values in found.items()}


def actions_of(apps: Sequence[App]) -> tuple[str, ...]:
    """Return the names of what an app can be asked to do by itself (`axm_actions`)."""
    names: dict[str, None] = {}
    for app in apps:
        listed = app.env.get("axm_actions")
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, Mapping) and isinstance(one.get("action_name"), str):
                names[text(one["action_name"])] = None
    return tuple(names)[:_MOST_METRICS]


def _more(apps: Sequence[App]) -> Iterator[tuple[str, str | int | float | bool]]:
    env = apps[0].env
    for key in _MORE:
        value = env.get(key)
        if isinstance(value, list):
            value = " ".join(map(str, value))
        if isinstance(value, str | int | float | bool) and value != "":
            yield key, redact(value[:_LONGEST]) if isinstance(value, str) else value
    versioning = env.get("versioning")
    for key in ("revision", "branch", "url"):
        if isinstance(versioning, Mapping) and isinstance(versioning.get(key), str):
            yield f"release.{key}", redact(text(versioning[key]))
    for name, value in metrics_of(apps).items():
        yield f"metric.{name}", redact(value) if isinstance(value, str) else value
    if actions := actions_of(apps):
        yield "actions", ", ".join(actions)


def _together(values: Sequence[tuple[Mapping[str, Any], str | float]]) -> str | int | float:
    numbers = [value for _, value in values if not isinstance(value, str)]
    if len(numbers) < len(values) or not numbers:
        return values[0][1]
    kind = str(values[0][0].get("agg_type", "avg"))
    if kind == "sum":
        return sum(numbers)
    if kind in {"min", "max"}:
        return max(numbers) if kind == "max" else min(numbers)
    return numbers[0] if len(numbers) == 1 else sum(numbers) / len(numbers)


def _measured(value: object) -> str | float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        return None
    try:
        return float(value)
    except ValueError:
        return text(value)


def command_of(env: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words that an app is started with, unmasked: not to leave the adapter."""
    interpreter = text(env.get("exec_interpreter"))
    if interpreter not in _SCRIPT_INTERPRETERS:
        yield interpreter
        yield from _words(env.get("node_args"))
    yield str(env.get("pm_exec_path", ""))
    yield from _words(env.get("args"))


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (_word(part) for part in value if isinstance(part, str | int | float | bool))


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _path(value: object) -> Path | None:
    return Path(value) if isinstance(value, str) and value.startswith("/") and "\0" not in value else None
