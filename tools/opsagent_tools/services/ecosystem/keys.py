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
    DIFFERENTLY = "differently"
    """Honoured, and not in all as PM2 does it: `says` tells the difference."""
    NO_EFFECT = "no effect"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an app."""

    fate: Fate
    says: str
    """What it does here; why it has no effect, or is refused."""
    mend: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it is read at all."""
        return self.fate in (Fate.HONOURED, Fate.DIFFERENTLY)


def _honoured(says: str, *aliases: str) -> Key:
    return Key(Fate.HONOURED, says, aliases=aliases)


def _differently(says: str, *aliases: str) -> Key:
    return Key(Fate.DIFFERENTLY, says, aliases=aliases)


def _no_effect(says: str, *aliases: str) -> Key:
    return Key(Fate.NO_EFFECT, says, aliases=aliases)


_APM = "is for PM2's own monitoring, which this engine has not"
_OF_PM2 = "is set by PM2 itself"

KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "script": _honoured(
            "a file relative to cwd, a program in PATH, or a whole command line, which no shell runs",
            "exec",
            "cmd",
            "command",
        ),
        "name": _honoured("default: the script's name without its ending"),
        "name_prefix": _honoured("`prefix:name`"),
        "namespace": _differently(
            "the unit is called `namespace/name`; `--only` takes the name alone where it is clear"
        ),
        "append_env_to_name": _honoured("with `--env NAME`: `name-NAME`"),
        "cwd": _honoured("default: the file's folder"),
        "args": _honoured("list, or string that is split into words"),
        "exec_interpreter": _honoured(
            "default: by the script's ending; `none` runs it itself. `node@version` is refused: nothing is installed",
            "interpreter",
        ),
        "node_args": _honoured("list or string; before the script", "interpreterArgs", "interpreter_args"),
        "source_map_support": _differently("Node's own `--enable-source-maps`, unless false"),
        "disable_source_map_support": _differently("true: without `--enable-source-maps`"),
        "execute_command": _honoured("true: as `exec_mode: 'fork'`"),
        "env": _differently(
            "over a base of PATH, HOME, USER, LANG, TZ and the like: the caller's other variables are not copied"
        ),
        "filter_env": _honoured(
            "withholds of that base what contains one of these; a string: that one; true: all of it"
        ),
        "port": _honoured("the port that it listens on, in PORT"),
        "instances": _honoured("a number; `max` or 0: one a core; below 0: so many fewer than cores"),
        "exec_mode": _differently(
            "fork. cluster is PM2's own: with several instances it is refused, unless they share a socket (see below)"
        ),
        "instance_var": _honoured("default NODE_APP_INSTANCE: 0, 1 …; a safe reload keeps the numbers"),
        "increment_var": _honoured("this variable grows by one for each further instance"),
        "autostart": _honoured("false: known, and started only when a person says so"),
        "autorestart": _honoured("false: it ends when it ends"),
        "stop_exit_codes": _honoured("an instance that ends with one of these is not started again"),
        "min_uptime": _honoured("ms, or 5s, 2m, 1h; default 1000"),
        "max_restarts": _differently("default 16: so many deaths in a row sooner than min_uptime, and it is given up"),
        "restart_delay": _differently("ms; where it is not set the delay grows from 0 to 3 s, and does not stay 0"),
        "exp_backoff_restart_delay": _honoured(
            "ms; each further delay half as long again, up to 15 s, anew after 30 s up"
        ),
        "max_memory_restart": _differently(
            "bytes, or 300M; looked at every second, not every 30; replaced where possible before it is ended"
        ),
        "cron_restart": _differently(
            "five or six fields, in the machine's time zone (`opsagent: { cron_zone }`); what a person stopped stays stopped",
            "cron",
        ),
        "watch": _differently("true: cwd; files and folders, no patterns; the engine's own logs do not count"),
        "ignore_watch": _honoured("paths and patterns; default: what begins with a dot, and node_modules"),
        "watch_delay": _honoured("ms without a further change"),
        "wait_ready": _honoured("a new instance counts once it has called `process.send('ready')`"),
        "listen_timeout": _differently(
            "ms, default 3000; a new instance that is not ready by then is ended and the old one kept"
        ),
        "kill_timeout": _honoured("ms, default 1600; then SIGKILL"),
        "kill_signal": _honoured("default SIGINT"),
        "treekill": _differently("true: its whole process group gets the signal; false: it alone"),
        "shutdown_with_message": _honoured(
            "`process.on('message')` gets `shutdown`, no signal is sent before kill_timeout"
        ),
        "uid": _honoured("name or number; only root's engine may start another user's processes", "user"),
        "gid": _honoured("name or number; default: the user's own group"),
        "out_file": _differently(
            "default: the engine's own log, both streams in one. Folders are made, the file is the engine's (0600)",
            "out",
            "output",
            "out_log",
        ),
        "error_file": _differently("as out_file", "error", "err", "err_file", "err_log"),
        "log_file": _honoured("both streams, beside the other two", "log"),
        "merge_logs": _differently(
            "default true without `instances`; false: `api-0.log`, `api-1.log` by the instance's number, not PM2's id",
            "combine_logs",
        ),
        "log_date_format": _honoured("day.js' format before each line"),
        "time": _honoured("as `log_date_format: 'YYYY-MM-DDTHH:mm:ss'`"),
        "log_type": _honoured("`json`: an object a line"),
        "disable_logs": _honoured("output is kept nowhere"),
        "pid_file": _differently("as named with one instance, `api-0.pid` with several; removed when it ends", "pid"),
        "opsagent": _honoured("an object of keys of services.toml; PM2 passes over it (see below)"),
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
    "share_socket", "health", "depends_on", "logs", "config_files", "mode", "protected", "surge", "cron_zone", "reopen_signal",
    "log_level_signal",
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
