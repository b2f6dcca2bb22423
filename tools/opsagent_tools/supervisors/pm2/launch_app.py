"""One app of an ecosystem file as PM2's daemon takes it (`prepare`): paths in full, times in milliseconds, sizes in bytes.

What PM2's command line does, without what it adds from the shell that it runs in: the environment of an app is what its
file says, and where its user's programs are.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsagent_tools.services.ecosystem import values
from opsagent_tools.services.ecosystem.environment import environment_of
from opsagent_tools.services.ecosystem.keys import ALIASES, ENV_OF
from opsagent_tools.services.fields import Wrong
from opsagent_tools.services.fields import path as full_path

_INTERPRETERS = {
    ".sh": "bash",
    ".py": "python",
    ".rb": "ruby",
    ".php": "php",
    ".pl": "perl",
    ".ts": "bun",
    ".tsx": "bun",
}
_NODE = frozenset({".js", ".mjs", ".cjs"})
_MODES = {"fork": "fork_mode", "fork_mode": "fork_mode", "cluster": "cluster_mode", "cluster_mode": "cluster_mode"}
_NO_FILE = frozenset({"NULL", "/dev/null"})
_TEXT_BYTES = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What counts for all apps of a file."""

    base: Path
    """Where relative paths begin."""
    home: Path
    """PM2's own home: logs and pid files go there."""
    user: Mapping[str, str] = field(repr=False)
    """PATH, HOME and their like of the user whose PM2 it is."""
    env_name: str = ""
    deployed: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """One app, ready."""

    name: str
    namespace: str
    app: dict[str, Any] = field(repr=False)
    """What `prepare` takes; secrets and all."""
    settings: dict[str, Any] = field(repr=False)
    """The part of it that a restart can give to an app that runs."""
    env: dict[str, str] = field(repr=False)
    """Its own variables, as the file says."""
    ignored: tuple[str, ...] = ()
    """Keys that the daemon makes nothing of."""


def _milliseconds(value: object) -> int:
    return round(values.milliseconds(value) * 1000)


def _uptime(value: object) -> int:
    return round(values.uptime(value) * 1000)


def _codes(value: object) -> list[int]:
    return [values.number(one, -255, 255) for one in (value if isinstance(value, list) else [value])]


def _watch(value: object) -> bool | list[str]:
    return value if isinstance(value, bool) else values.texts(value)


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise values.wrong_type(value, "an object")
    return dict(value)


_SETTINGS: Mapping[str, Callable[[object], object]] = {
    "args": lambda value: list(values.words(value)),
    "node_args": lambda value: list(values.words(value)),
    "max_memory_restart": values.memory,
    "kill_timeout": _milliseconds,
    "listen_timeout": _milliseconds,
    "restart_delay": _milliseconds,
    "exp_backoff_restart_delay": _milliseconds,
    "watch_delay": _milliseconds,
    "min_uptime": _uptime,
    "max_restarts": lambda value: values.number(value, 0, 1_000_000),
    "cron_restart": lambda value: "0" if value in (0, "0") else values.text(value),
    "autorestart": values.flag,
    "stop_exit_codes": _codes,
    "watch": _watch,
    "ignore_watch": values.texts,
    "watch_options": _mapping,
    "wait_ready": values.flag,
    "shutdown_with_message": values.flag,
    "treekill": values.flag,
    "log_date_format": values.text,
    "log_type": values.text,
    "source_map_support": values.flag,
    "disable_source_map_support": values.flag,
}
"""Keys that a restart can change, and how each is read."""
_AT_START: Mapping[str, Callable[[object], object]] = {
    "instance_var": values.text,
    "increment_var": values.text,
    "merge_logs": values.flag,
    "autostart": values.flag,
    "vizion": values.flag,
    "pmx": values.flag,
    "automation": values.flag,
    "disable_logs": values.flag,
    "kill_retry_time": _milliseconds,
    "force": values.flag,
}
_READ_HERE = frozenset(
    {
        "script", "name", "name_prefix", "namespace", "cwd", "exec_interpreter", "exec_mode", "instances", "env", "port",
        "out_file", "error_file", "log_file", "pid_file", "append_env_to_name", "time", "uid", "gid", "username",
        "execute_command", "filter_env",
    }
)  # fmt: skip


def resolve(raw: Mapping[str, object], around: Around) -> Resolved:
    """Return an app as the daemon takes it. Raises Wrong; its key is the key of the app."""
    app, profiles = _by_their_names(raw)
    for key in ("uid", "gid"):
        if key in app:
            raise Wrong("lets PM2 start it as another user", "let a PM2 of that user run it", key)
    name, namespace = _name(app, around), values.text(app.get("namespace") or "default")
    cwd = full_path(values.text(app["cwd"]), around.base) if "cwd" in app else around.base
    env = environment_of(app, profiles, around.env_name, around.deployed)
    if app.get("port") is not None:
        env["PORT"] = str(values.number(app["port"], 1, 65535))
    script = _script(app, cwd, around)
    interpreter = _interpreter(app, script, around)
    settings = _read(app, _SETTINGS)
    if app.get("time") is True:
        settings["log_date_format"] = "YYYY-MM-DDTHH:mm:ss"
    found = {**_defaults(), **settings, **_read(app, _AT_START), **_mode(app, interpreter)}
    found.setdefault("merge_logs", "instances" not in app and found["exec_mode"] == "fork_mode")
    found |= {"name": name, "namespace": namespace, "pm_exec_path": str(script), "pm_cwd": str(cwd)}
    found |= {
        "exec_interpreter": interpreter,
        "username": around.user.get("USER", ""),
        **_files(app, name, cwd, around),
    }
    python = {"PYTHONUNBUFFERED": "1"} if "python" in Path(interpreter).name else {}
    found["env"] = {**around.user, **python, **env, "PM2_HOME": str(around.home)}
    known = _READ_HERE | _SETTINGS.keys() | _AT_START.keys()
    ignored = tuple(sorted(key for key in app if key not in known))
    return Resolved(name=name, namespace=namespace, app=found, settings=settings, env=env, ignored=ignored)


def _by_their_names(raw: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Return the app under PM2's own names, and its `env_NAME`s."""
    app: dict[str, object] = {}
    profiles: dict[str, object] = {}
    for key, value in raw.items():
        if profile := ENV_OF.fullmatch(key):
            profiles[profile[1]] = value
        elif value is not None:
            app.setdefault(ALIASES.get(key, key), value)
    return app, profiles


def _name(app: Mapping[str, object], around: Around) -> str:
    given = app.get("name")
    if given is None:
        script = values.text(app.get("script", ""))
        given = Path(script).stem if script else ""
    name = values.text(given).strip()
    if not name:
        raise Wrong("has no name", 'add name: "api"', "name")
    if app.get("append_env_to_name") is True and around.env_name:
        name += f"-{around.env_name}"
    prefix = values.text(app.get("name_prefix", ""))
    return f"{prefix}:{name}" if prefix and prefix not in name else name


def _script(app: Mapping[str, object], cwd: Path, around: Around) -> Path:
    if "script" not in app:
        raise Wrong("has no script", 'add script: "api.js"', "script")
    said = values.text(app["script"]).strip()
    file = full_path(said, cwd)
    if file.is_file():
        return file
    if len(said.split()) > 1:
        raise Wrong(
            "is a whole command line, for which PM2 takes a shell", "write script, and the rest as args", "script"
        )
    found = shutil.which(said, path=around.user.get("PATH")) if "/" not in said else None
    if found is None:
        raise Wrong(f"{said!r} is no file in {cwd}, nor a program", "correct script or cwd, or put it there", "script")
    return Path(found)


def _interpreter(app: Mapping[str, object], script: Path, around: Around) -> str:
    path = around.user.get("PATH")
    said = values.text(app.get("exec_interpreter", "")) or _by_suffix(script)
    if "@" in said:
        raise Wrong(f"{said!r} lets PM2 install a Node by nvm", "write the path of that node", "exec_interpreter")
    if said == "python" and shutil.which("python", path=path) is None:
        said = "python3"
    if said != "none" and shutil.which(said, path=path) is None:
        raise Wrong(f"there is no program {said}", "install it, or name another", "exec_interpreter")
    return said


def _by_suffix(script: Path) -> str:
    if script.suffix in _NODE:
        return "node"
    known = _INTERPRETERS.get(script.suffix)
    if known is not None:
        return known
    try:
        with script.open("rb") as file:
            begin = file.read(_TEXT_BYTES)
    except OSError:
        return "none"
    runs_alone = begin.startswith(b"#!") or b"\0" in begin
    return "none" if runs_alone or os.access(script, os.X_OK) else "node"


def _mode(app: Mapping[str, object], interpreter: str) -> dict[str, Any]:
    said = app.get("exec_mode", "")
    if said not in ("", *_MODES):
        raise Wrong(f"{said!r} is no way to run an app", "write fork or cluster", "exec_mode")
    is_node = Path(interpreter).name == "node"
    mode = _MODES.get(str(said)) or ("cluster_mode" if is_node and "instances" in app else "fork_mode")
    if app.get("execute_command") is True:
        mode = "fork_mode"
    if mode == "cluster_mode" and not is_node:
        raise Wrong("is cluster, which is for Node alone", "write exec_mode: 'fork'", "exec_mode")
    return {"exec_mode": mode, "instances": values.instances(app.get("instances", 1))}


def _files(app: Mapping[str, object], name: str, cwd: Path, around: Around) -> dict[str, str]:
    stem = re.sub(r"[^a-zA-Z0-9.\-]", "-", name)
    logs, pids = around.home / "logs", around.home / "pids"
    found = {
        "pm_out_log_path": _file(app, "out_file", logs / f"{stem}-out.log", cwd),
        "pm_err_log_path": _file(app, "error_file", logs / f"{stem}-error.log", cwd),
        "pm_pid_path": _file(app, "pid_file", pids / f"{stem}.pid", cwd),
    }
    if app.get("log_file") is True:
        found["pm_log_path"] = str(logs / f"{stem}.log")
    elif app.get("log_file"):
        found["pm_log_path"] = _file(app, "log_file", logs, cwd)
    return found


def _file(app: Mapping[str, object], key: str, default: Path, cwd: Path) -> str:
    if key not in app:
        return str(default)
    said = values.text(app[key])
    if said in _NO_FILE:
        return "/dev/null"
    file = full_path(said, cwd)
    if not file.parent.is_dir():
        raise Wrong(f"there is no folder {file.parent}", f"mkdir -p {file.parent}", key)
    return str(file)


def _read(app: Mapping[str, object], readers: Mapping[str, Callable[[object], object]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, reader in readers.items():
        if key in app:
            try:
                found[key] = reader(app[key])
            except Wrong as wrong:
                raise Wrong(wrong.problem, wrong.mend, key) from None
    return found


def _defaults() -> dict[str, Any]:
    """Return what PM2's own schema gives to every app."""
    return {
        "autostart": True, "autorestart": True, "treekill": True, "vizion": True, "pmx": True, "automation": True,
        "windowsHide": True, "kill_retry_time": 100, "instance_var": "NODE_APP_INSTANCE", "node_args": [], "args": [],
    }  # fmt: skip


def apps_of(document: object) -> tuple[Sequence[object], Mapping[str, Any]]:
    """Return the apps of a document and what it says of deployments, as PM2 finds them."""
    deployed: Mapping[str, Any] = {}
    if isinstance(document, Mapping):
        deploy = document.get("deploy")
        deployed = deploy if isinstance(deploy, Mapping) else {}
        document = document.get("apps") or document.get("pm2") or document
    if isinstance(document, list):
        return document, deployed
    return [document], deployed
