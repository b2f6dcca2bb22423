"""The keys of one `[services.NAME]` table: how each is read, and which do not go together."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from opsagent_tools.services import fields, users
from opsagent_tools.services.schedule import BadSchedule, next_due
from opsagent_tools.services.spec import Health, ServiceSpec

HEALTH_KEYS = ("http", "tcp", "interval_s", "timeout_s", "grace_s", "ca")


def read_value(key: str, value: object, cwd: Path, base: Path) -> object:
    """Return the spec's value of a key. Raises Wrong. `base`: where a relative `cwd` begins; all else begins at `cwd`."""
    if key == "cwd":
        return fields.path(value, base)
    if key in _IN_CWD:
        return _IN_CWD[key](value, cwd)
    return _READERS[key](value)


def complete(spec: ServiceSpec) -> ServiceSpec:
    """Return the spec with what follows from it: the group of the user that it runs as."""
    if spec.uid is not None and spec.gid is None:
        return replace(spec, gid=users.group_of(spec.uid))
    return spec


def why_inconsistent(spec: ServiceSpec) -> fields.Wrong | None:
    """Return what is wrong between the keys of a service; `key` of it names where."""
    if spec.share_socket and spec.port is None:
        return fields.Wrong("needs a port to listen on", "add port = 8000", "share_socket")
    if spec.disable_logs and (spec.out_file or spec.error_file or spec.log_file):
        return fields.Wrong("goes with none of out_file, error_file and log_file", "remove one of them", "disable_logs")
    if spec.gid is None and spec.uid is not None:
        return fields.Wrong(f"is {spec.uid}, a user without a name here", "add the gid that it runs with", "uid")
    if spec.cron_zone and not spec.cron_restart:
        return fields.Wrong("is the zone of no schedule", 'add cron_restart = "0 3 * * *"', "cron_zone")
    return _why_bad_schedule(spec) or _why_bad_increment(spec)


def _why_bad_schedule(spec: ServiceSpec) -> fields.Wrong | None:
    if not spec.cron_restart:
        return None
    try:
        next_due(spec.cron_restart, spec.cron_zone, datetime(2024, 1, 1, tzinfo=UTC))
    except BadSchedule as error:
        if "time zone" in str(error):
            return fields.Wrong(str(error), 'write for example "Europe/Berlin"', "cron_zone")
        mend = 'write minute, hour, day, month and weekday, for example "0 3 * * *"'
        return fields.Wrong(str(error), mend, "cron_restart")
    return None


def _why_bad_increment(spec: ServiceSpec) -> fields.Wrong | None:
    if not spec.increment_var:
        return None
    first = spec.env.get(spec.increment_var, str(spec.port or 0) if spec.increment_var == "PORT" else "0")
    if first.isascii() and first.isdecimal() and len(first) < 10:
        return None
    problem = f"counts up {spec.increment_var}, which is {first!r} in env"
    return fields.Wrong(problem, "give it a number to begin with", "increment_var")


def nearest(key: str, known: Collection[str]) -> str:
    """Return the mend for a key that is not known."""
    near = difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known keys are {', '.join(known)}"


def health(value: object) -> Health:
    """Return a health probe."""
    raw = fields.table(value, 'health = { tcp = "127.0.0.1:8000" }')
    for key in raw:
        if key not in HEALTH_KEYS:
            raise fields.Wrong("unknown key", nearest(key, HEALTH_KEYS), key)
    if ("http" in raw) == ("tcp" in raw):
        problem = "has both http and tcp" if "http" in raw else "has neither http nor tcp"
        raise fields.Wrong(problem, "keep exactly one of them" if "http" in raw else 'add tcp = "127.0.0.1:8000"')
    if "ca" in raw and not str(raw.get("http", "")).startswith("https://"):
        raise fields.Wrong("is for https only", 'remove it, or write http = "https://…"', "ca")
    readers = {"http": fields.http_url, "tcp": fields.tcp_address, "ca": fields.whole_path}
    values: dict[str, object] = {}
    for key, item in raw.items():
        try:
            reader = readers.get(key)
            values[key] = reader(item) if reader else fields.seconds(item, "2", zero=key == "grace_s")
        except fields.Wrong as wrong:
            raise fields.Wrong(wrong.problem, wrong.mend, key) from None
    return Health(**values)  # type: ignore[arg-type]  # each key was read by its own reader


_IN_CWD: Mapping[str, Callable[[object, Path], object]] = {
    "logs": fields.paths,
    "config_files": fields.paths,
    "watch": fields.watched,
    "out_file": fields.log_path,
    "error_file": fields.log_path,
    "log_file": fields.log_path,
    "pid_file": fields.log_path,
}
_READERS: Mapping[str, Callable[[object], object]] = {
    "command": fields.command,
    "env": fields.environment,
    "port": lambda value: fields.integer(value, 1, 65535, "8000"),
    "share_socket": fields.boolean,
    "instances": lambda value: fields.integer(value, 1, 1000, "2"),
    "autostart": fields.boolean,
    "autorestart": fields.boolean,
    "stop_exit_codes": fields.exit_codes,
    "min_uptime_s": lambda value: fields.seconds(value, "1", zero=True),
    "max_restarts": lambda value: fields.integer(value, 0, 1_000_000, "16"),
    "restart_delay_s": lambda value: fields.seconds(value, "1", zero=True),
    "restart_backoff_s": lambda value: fields.seconds(value, "0.1"),
    "cron_restart": fields.schedule,
    "cron_zone": lambda value: fields.text(value, '"Europe/Berlin"'),
    "ignore_watch": fields.patterns,
    "watch_delay_s": lambda value: fields.seconds(value, "1", zero=True),
    "health": health,
    "depends_on": lambda value: tuple(dict.fromkeys(fields.texts(value, '["store"]'))),
    "max_memory": fields.size,
    "max_memory_restart": fields.size,
    "stop_signal": fields.stop_signal,
    "stop_timeout_s": lambda value: fields.seconds(value, "10"),
    "reopen_signal": fields.log_signal,
    "log_level_signal": fields.log_signal,
    "treekill": fields.boolean,
    "shutdown_with_message": fields.boolean,
    "node_channel": fields.boolean,
    "wait_ready": fields.boolean,
    "ready_timeout_s": lambda value: fields.seconds(value, "3"),
    "surge": fields.boolean,
    "instance_var": fields.variable,
    "increment_var": fields.variable,
    "filter_env": lambda value: tuple(dict.fromkeys(fields.texts(value, '["SECRET"]'))),
    "uid": users.user,
    "gid": users.group,
    "merge_logs": fields.boolean,
    "log_date_format": fields.date_pattern,
    "log_type": fields.log_type,
    "disable_logs": fields.boolean,
    "mode": fields.mode,
    "protected": fields.boolean,
    "aliases": lambda value: tuple(dict.fromkeys(fields.texts(value, '["payments"]'))),
}
SERVICE_KEYS = (
    "command", "cwd", "env", "port", "share_socket", "instances", "health", "depends_on", "logs", "max_memory",
    "stop_signal", "stop_timeout_s", "config_files", "mode", "protected", "aliases", "autostart", "autorestart",
    "stop_exit_codes", "min_uptime_s", "max_restarts", "restart_delay_s", "restart_backoff_s", "max_memory_restart",
    "cron_restart", "cron_zone", "watch", "ignore_watch", "watch_delay_s", "wait_ready", "ready_timeout_s",
    "shutdown_with_message", "node_channel", "treekill", "surge", "instance_var", "increment_var", "filter_env",
    "uid", "gid", "reopen_signal", "log_level_signal", "out_file", "error_file", "log_file", "merge_logs", "log_date_format", "log_type", "disable_logs",
    "pid_file",
)  # fmt: skip
