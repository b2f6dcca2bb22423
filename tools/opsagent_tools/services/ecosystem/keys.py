"""Every key of PM2's ecosystem files, and what the embedded engine makes of it. docs/ecosystem.md shows the same table.

The names and their aliases are those of PM2 7.0.4 (its schema of an app's configuration). Nothing is ignored in silence: a
key is honoured, has no effect and is noted, or is refused; what is not here is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Fate(StrEnum):
    """What becomes of a key."""

    HONOURED = "honoured"
    NO_EFFECT = "no effect"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an app."""

    fate: Fate
    says: str = ""
    """Why it has no effect, or is refused."""
    mend: str = ""
    aliases: tuple[str, ...] = ()


def _honoured(*aliases: str) -> Key:
    return Key(Fate.HONOURED, aliases=aliases)


def _no_effect(says: str, *aliases: str) -> Key:
    return Key(Fate.NO_EFFECT, says, aliases=aliases)


_APM = "is for PM2's own monitoring, which this engine has not"
_OF_PM2 = "is set by PM2 itself"

KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "script": _honoured("exec", "cmd", "command"),
        "name": _honoured(),
        "name_prefix": _honoured(),
        "namespace": _honoured(),
        "append_env_to_name": _honoured(),
        "cwd": _honoured(),
        "args": _honoured(),
        "exec_interpreter": _honoured("interpreter"),
        "node_args": _honoured("interpreterArgs", "interpreter_args"),
        "source_map_support": _honoured(),
        "disable_source_map_support": _honoured(),
        "execute_command": _honoured(),
        "env": _honoured(),
        "filter_env": _honoured(),
        "port": _honoured(),
        "instances": _honoured(),
        "exec_mode": _honoured(),
        "instance_var": _honoured(),
        "increment_var": _honoured(),
        "autostart": _honoured(),
        "autorestart": _honoured(),
        "stop_exit_codes": _honoured(),
        "min_uptime": _honoured(),
        "max_restarts": _honoured(),
        "restart_delay": _honoured(),
        "exp_backoff_restart_delay": _honoured(),
        "max_memory_restart": _honoured(),
        "cron_restart": _honoured("cron"),
        "watch": _honoured(),
        "ignore_watch": _honoured(),
        "watch_delay": _honoured(),
        "wait_ready": _honoured(),
        "listen_timeout": _honoured(),
        "kill_timeout": _honoured(),
        "kill_signal": _honoured(),
        "treekill": _honoured(),
        "shutdown_with_message": _honoured(),
        "uid": _honoured("user"),
        "gid": _honoured(),
        "out_file": _honoured("out", "output", "out_log"),
        "error_file": _honoured("error", "err", "err_file", "err_log"),
        "log_file": _honoured("log"),
        "merge_logs": _honoured("combine_logs"),
        "log_date_format": _honoured(),
        "time": _honoured(),
        "log_type": _honoured(),
        "disable_logs": _honoured(),
        "pid_file": _honoured("pid"),
        "opsagent": _honoured(),
        "force": _no_effect("lets PM2 run one script twice: here each app has a name of its own, and runs"),
        "kill_retry_time": _no_effect(
            "is how often PM2 looks whether a process has ended: the kernel tells this engine"
        ),
        "vizion": _no_effect("lets PM2 read the version control: `opsagent rollback` notes releases by itself"),
        "username": _no_effect(_OF_PM2),
        "windowsHide": _no_effect("is for Windows"),
        "write": _no_effect(_OF_PM2),
        "pmx": _no_effect(_APM),
        "automation": _no_effect(_APM),
        "trace": _no_effect(_APM),
        "disable_trace": _no_effect(_APM),
        "deep_monitoring": _no_effect(_APM),
        "event_loop_inspector": _no_effect(_APM),
        "v8": _no_effect(_APM),
        "io": _no_effect(_APM),
        "post_update": _no_effect("is run by PM2's dashboard after a pull: nobody pulls here"),
        "install_url": Key(
            Fate.REFUSED, "lets PM2 install the app from the network", "install it yourself, and name its script"
        ),
        "watch_options": Key(
            Fate.REFUSED,
            "is for chokidar, and this engine watches by other means",
            "remove it; ignore_watch and watch_delay are honoured",
        ),
    }
)
TOP_LEVEL = ("apps", "pm2", "deploy", "static")
"""Keys beside the apps: `pm2` is another name of `apps`."""
OWN_KEYS = (
    "share_socket", "health", "depends_on", "logs", "config_files", "mode", "protected", "surge", "cron_zone",
)  # fmt: skip
"""What may stand in `opsagent: { … }` of an app, as in services.toml: PM2 passes over it."""
ENV_OF = re.compile(r"env_(\S+)")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] if len(part) > 1 else part for part in rest)


ALIASES: Mapping[str, str] = MappingProxyType(
    {
        alias: name
        for name, key in KEYS.items()
        for alias in (*key.aliases, *map(_camel, (name, *key.aliases)))
        if alias != name
    }
)
