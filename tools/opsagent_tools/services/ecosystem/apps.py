"""One app of an ecosystem file, as a service of the embedded engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from opsagent_tools.services import fields, users
from opsagent_tools.services.described import Note
from opsagent_tools.services.ecosystem import instances, logs, names, values
from opsagent_tools.services.ecosystem.environment import environment_of
from opsagent_tools.services.ecosystem.keys import ALIASES, ENV_OF, KEYS, OWN_KEYS, Fate
from opsagent_tools.services.ecosystem.program import Asked, Program, program_of
from opsagent_tools.services.fields import Wrong
from opsagent_tools.services.keys import complete, nearest, read_value, why_inconsistent
from opsagent_tools.services.schedule import machine_zone
from opsagent_tools.services.spec import ServiceSpec

PM2_MIN_UPTIME_S = 1.0
PM2_MAX_RESTARTS = 16
PM2_KILL_TIMEOUT_S = 1.6
PM2_LISTEN_TIMEOUT_S = 3.0
PM2_INSTANCE_VAR = "NODE_APP_INSTANCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What counts for all apps of a file."""

    base: Path
    """Where relative paths begin."""
    env_name: str = ""
    deployed: Mapping[str, object] = field(default_factory=dict)


def read_app(raw: Mapping[str, object], around: Around) -> tuple[ServiceSpec, tuple[Note, ...]]:
    """Return the service, and what of it has no effect. Raises Wrong; its key is the key of the app."""
    app, profiles = _by_their_names(raw)
    if "script" not in app:
        raise Wrong("has no script", 'add script: "api.js"', "script")
    notes = _noted(app)
    name = names.name_of(app, around.env_name)
    cwd = _read(app, "cwd", lambda value: fields.path(values.text(value), around.base), around.base)
    env = environment_of(app, profiles, around.env_name, around.deployed)
    if around.env_name and profiles and around.env_name not in profiles:
        notes["env"] = f"there is no env_{around.env_name}: env alone counts"
    program = program_of(_asked(app, cwd, env))
    found: dict[str, object] = {"name": name, "cwd": cwd, "env": env, "command": program.command}
    found |= _plain_keys(app, cwd) | logs.keys_of(app, cwd, notes) | _own_keys(app, cwd, around.base)
    found |= instances.keys_of(app, program, found, notes)
    found |= _defaults(found, program)
    _say_zone(found, notes)
    found["independent"] = found.get("depends_on") == ()
    spec = complete(ServiceSpec(**found))  # type: ignore[arg-type]  # each key was read by its own reader
    wrong = why_inconsistent(spec)
    if wrong is not None:
        raise wrong
    return spec, tuple(Note(service=name, key=key, says=says) for key, says in notes.items())


def profiles_of(raw: Mapping[str, object]) -> frozenset[str]:
    """Return the names of the app's `env_NAME` keys."""
    return frozenset(match[1] for key in raw if (match := ENV_OF.fullmatch(key)))


def _by_their_names(raw: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Return the app under PM2's own names, and its `env_NAME`s. Raises Wrong for what nobody knows."""
    app: dict[str, object] = {}
    profiles: dict[str, object] = {}
    for key, value in raw.items():
        profile = ENV_OF.fullmatch(key)
        name = ALIASES.get(key, key)
        if profile:
            profiles[profile[1]] = value
        elif name not in KEYS:
            raise Wrong("unknown key", nearest(key, tuple(KEYS)) if len(key) < 64 else "remove it", key)
        elif value is not None:
            if app.get(name, value) != value:
                raise Wrong(f"says something else than another name of {name}", "keep one of them", key)
            app[name] = value
    return app, profiles


def _noted(app: dict[str, object]) -> dict[str, str]:
    """Take out of the app what has no effect; return it with the reasons. Raises Wrong for what is refused."""
    notes: dict[str, str] = {}
    for name in list(app):
        key = KEYS[name]
        if key.fate is Fate.REFUSED and app[name] not in (False, {}, []):
            raise Wrong(f"is not supported: it {key.says}", key.mend, name)
        if not key.counts:
            if app[name] is not False:
                notes[name] = f"has no effect: it {key.says}"
            del app[name]
    return notes


def _read(app: Mapping[str, object], key: str, reader: Callable[[object], object], default: object) -> object:
    """Return what a reader makes of a key, with the key in its complaints."""
    if key not in app:
        return default
    try:
        return reader(app[key])
    except Wrong as wrong:
        raise Wrong(wrong.problem, wrong.mend, f"{key}.{wrong.key}" if wrong.key else key) from None


def _asked(app: Mapping[str, object], cwd: object, env: dict[str, str]) -> Asked:
    assert isinstance(cwd, Path)
    maps = app.get("source_map_support") is not False and app.get("disable_source_map_support") is not True
    for key in ("source_map_support", "disable_source_map_support", "execute_command", "append_env_to_name"):
        _read(app, key, values.flag, None)
    return Asked(
        script=str(_read(app, "script", values.text, "")).strip(),
        cwd=cwd,
        args=_read(app, "args", values.words, ()),  # type: ignore[arg-type]
        interpreter=str(_read(app, "exec_interpreter", values.text, "")),
        interpreter_args=_read(app, "node_args", values.words, ()),  # type: ignore[arg-type]
        source_maps=maps,
        variables=env,
    )


def _filters(value: object) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("*",) if value else ()
    return (f"={values.text(value)}",) if isinstance(value, str) else tuple(values.texts(value))


def _codes(value: object) -> tuple[int, ...]:
    items = value if isinstance(value, list) else [value]
    return fields.exit_codes([values.number(item, 0, 255) for item in items])


_PLAIN: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "port": ("port", lambda value: values.number(value, 1, 65535)),
    "filter_env": ("filter_env", _filters),
    "instance_var": ("instance_var", fields.variable),
    "increment_var": ("increment_var", fields.variable),
    "autostart": ("autostart", values.flag),
    "autorestart": ("autorestart", values.flag),
    "stop_exit_codes": ("stop_exit_codes", _codes),
    "min_uptime": ("min_uptime_s", values.uptime),
    "max_restarts": ("max_restarts", lambda value: values.number(value, 0, 1_000_000)),
    "restart_delay": ("restart_delay_s", values.milliseconds),
    "exp_backoff_restart_delay": ("restart_backoff_s", lambda value: values.milliseconds(value) or None),
    "max_memory_restart": ("max_memory_restart", values.memory),
    "cron_restart": ("cron_restart", lambda value: "" if value in (0, "0") else values.text(value).strip()),
    "ignore_watch": ("ignore_watch", lambda value: fields.patterns(values.texts(value))),
    "watch_delay": ("watch_delay_s", values.milliseconds),
    "wait_ready": ("wait_ready", values.flag),
    "listen_timeout": ("ready_timeout_s", lambda value: values.milliseconds(value) or PM2_LISTEN_TIMEOUT_S),
    "kill_timeout": ("stop_timeout_s", lambda value: values.milliseconds(value) or PM2_KILL_TIMEOUT_S),
    "kill_signal": ("stop_signal", fields.stop_signal),
    "treekill": ("treekill", values.flag),
    "shutdown_with_message": ("shutdown_with_message", values.flag),
    "uid": ("uid", users.user),
    "gid": ("gid", users.group),
}
"""Keys that are read one by one: the key of the spec, and how."""


def _plain_keys(app: Mapping[str, object], cwd: object) -> dict[str, object]:
    assert isinstance(cwd, Path)
    found = {name: _read(app, key, reader, None) for key, (name, reader) in _PLAIN.items() if key in app}
    if "watch" in app:
        found["watch"] = _read(app, "watch", lambda value: _watched(value, cwd), ())
    return found


def _own_keys(app: Mapping[str, object], cwd: object, base: Path) -> dict[str, object]:
    """Return what stands in `opsagent: { … }`."""
    assert isinstance(cwd, Path)
    raw = app.get("opsagent", {})
    if not isinstance(raw, Mapping):
        raise Wrong("must be an object", "write opsagent: { share_socket: true }", "opsagent")
    found: dict[str, object] = {}
    for key, value in raw.items():
        if key not in OWN_KEYS:
            raise Wrong("unknown key", nearest(key, OWN_KEYS), f"opsagent.{key}")
        try:
            found[key] = read_value(key, value, cwd, base)
        except Wrong as wrong:
            raise Wrong(wrong.problem, wrong.mend, ".".join(filter(None, ("opsagent", key, wrong.key)))) from None
    return found


def _defaults(found: Mapping[str, object], program: Program) -> dict[str, object]:
    """Return PM2's own values for what the app does not say."""
    limit = found.get("max_memory_restart")
    default = {
        "min_uptime_s": PM2_MIN_UPTIME_S,
        "max_restarts": PM2_MAX_RESTARTS,
        "stop_signal": "SIGINT",
        "stop_timeout_s": PM2_KILL_TIMEOUT_S,
        "treekill": True,
        "instance_var": PM2_INSTANCE_VAR,
        "node_channel": program.is_node,
        "surge": bool(found.get("share_socket")),
        "max_memory": limit,
    }
    return {key: value for key, value in default.items() if key not in found}


def _say_zone(found: dict[str, object], notes: dict[str, str]) -> None:
    if found.get("cron_restart"):
        zone = found.setdefault("cron_zone", machine_zone())
        notes["cron_restart"] = f"is meant in the time zone {zone}"


def _watched(value: object, cwd: Path) -> tuple[Path, ...]:
    if isinstance(value, bool) or value == []:
        return fields.watched(value is not False, cwd)
    raw = values.texts(value)
    patterned = next((item for item in raw if set("*?{}[]!") & set(item)), None)
    if patterned is not None:
        raise Wrong(f"{patterned!r} is a pattern", "name files and folders; patterns may stand in ignore_watch")
    return fields.watched(raw, cwd)
