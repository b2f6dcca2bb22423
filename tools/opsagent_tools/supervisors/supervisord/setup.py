"""How supervisord was told to run a program: what it says itself, and what only its configuration file says."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from opsagent_tools.redact import redact, redact_env
from opsagent_tools.supervisors.supervisord.conf import Section, expand
from opsagent_tools.supervisors.supervisord.desk import Desk
from opsagent_tools.supervisors.supervisord.info import Config, Info
from opsagent_tools.units import UnitId, UnitSetup

_PAIR = re.compile(r"""\s*(?P<key>[A-Za-z_][\w.%()]*)\s*=\s*(?P<value>"[^"]*"|'[^']*'|[^,]*)\s*,?""")
_INTERPRETERS = re.compile(r"(python|node|ruby|perl|php|bash|sh|dash)[\d.]*")
_TOLD = ("autostart", "startretries", "redirect_stderr", "killasgroup", "stdout_logfile_maxbytes", "process_prio")
_WRITTEN = ("autorestart", "stopasgroup", "user", "umask", "numprocs", "exitcodes")


def setup_of(unit: UnitId, info: Info, desk: Desk) -> UnitSetup:
    """Return how the first process of a unit is set up (they differ in their number only)."""
    book = desk.book
    config = book.configs.get(info.full) or Config(group=info.group, name=info.name, in_use=True, values={})
    section = book.section(info.full)
    command = command_of(config)
    more: dict[str, str | int | float | bool] = {key: config.values[key] for key in _TOLD if key in config.values}
    if section is not None:
        more.update({key: section.get(key) for key in _WRITTEN if section.get(key)})
    more["autorestart"] = book.autorestart(info.full)
    directory = config.text("directory")
    return UnitSetup(
        id=unit,
        command=tuple(redact(part) for part in command),
        script=_script(command, directory),
        cwd=Path(directory or (desk.origin.cwd if desk.origin is not None else "/")),
        env=redact_env(environment_of(section)) if section is not None else {},
        shape=section.kind if section is not None else "program",
        stop_signal=config.number("stopsignal", 15),
        stop_timeout_s=float(config.number("stopwaitsecs", 10)),
        max_restarts=config.number("startretries", 3),
        min_uptime_s=float(config.number("startsecs", 1)),
        config_file=section.at.file if section is not None else None,
        at_boot=at_boot(desk, config),
        more={key: redact(value) if isinstance(value, str) else value for key, value in more.items()},
    )


def command_of(config: Config) -> tuple[str, ...]:
    """Return program and arguments as supervisord divides them."""
    text = config.text("command")
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return (text,)


def environment_of(section: Section) -> dict[str, str]:
    """Return the variables that a section sets, as written; secrets among them."""
    names = {"program_name": section.name, "here": str(section.at.file.parent), "host_node_name": os.uname().nodename}
    found = {}
    for match in _PAIR.finditer(section.get("environment").replace("\n", " ")):
        value = match["value"].strip()
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        value = value[1:-1] if quoted else value
        found[match["key"]] = expand(value, names) or value
    return found


def at_boot(desk: Desk, config: Config) -> bool | None:
    """Tell whether a reboot brings it back: supervisord has to be started, and to start it."""
    if config.values.get("autostart") is False:
        return False
    if desk.origin is None:
        return None
    return True if desk.origin.service else None


def _script(command: tuple[str, ...], directory: str) -> Path | None:
    if len(command) < 2 or _INTERPRETERS.fullmatch(Path(command[0]).name) is None:
        return None
    first = next((part for part in command[1:] if not part.startswith("-")), "")
    path = Path(directory or "/", first)
    return path if first and path.is_file() else None
