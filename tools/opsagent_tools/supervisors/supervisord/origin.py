"""How a supervisord was started: the options of its command line, and which configuration it read."""

from __future__ import annotations

import getopt
import os
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.supervisors.started import Started, program_at, started_as
from opsagent_tools.supervisors.supervisord.conf import DEFAULT_PLACES

NAMES = frozenset({"supervisord", "supervisord.py", "supervisor.supervisord"})
"""What its program is called (`python -m supervisor.supervisord` too)."""
_SHORT = "c:hnsvu:m:d:l:y:z:e:j:i:q:ka:t"
_LONG = (
    "configuration= help nodaemon silent version user= umask= directory= logfile= logfile_maxbytes= logfile_backups= "
    "loglevel= pidfile= identifier= childlogdir= nocleanup minfds= minprocs= strip_ansi profile_options="
).split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin(Started):
    """One supervisord that lives, or lived."""

    @property
    def options(self) -> dict[str, str]:
        """Return the options of its command line, long names for short ones; empty where it cannot be read."""
        at = program_at(self.argv, NAMES)
        if at is None:
            return {}
        try:
            found, _ = getopt.getopt(list(self.argv[at + 1 :]), _SHORT, _LONG)
        except getopt.GetoptError:
            return {}
        names = {
            "-c": "configuration",
            "-n": "nodaemon",
            "-d": "directory",
            "-u": "user",
            "-l": "logfile",
            "-j": "pidfile",
        }
        return {names.get(key, key.lstrip("-")): value for key, value in found}

    def conf_path(self) -> Path | None:
        """Return its configuration file: from `-c`, else the first place where supervisord itself would look."""
        given = self.options.get("configuration")
        if given:
            return Path(os.path.normpath(Path(self.cwd, given)))
        program = next((part for part in self.argv if Path(part).name.startswith("supervisord")), "")
        for place in DEFAULT_PLACES:
            base = Path(program).parent if place.startswith("../") else Path(self.cwd)
            path = Path(os.path.normpath(base / place))
            if path.is_file():
                return path
        return None


def origin_of(pid: int) -> Origin | None:
    """Look at a living supervisord; None where there is no such process, or it is no supervisord."""
    return started_as(pid, NAMES, Origin)
