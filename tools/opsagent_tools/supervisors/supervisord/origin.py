"""How a supervisord was started, as /proc shows it while it lives: its configuration, and how to start it again."""

from __future__ import annotations

import getopt
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsagent_tools.processes.proc import key_of, read_stat
from opsagent_tools.supervisors.supervisord.conf import DEFAULT_PLACES
from opsagent_tools.units import ProcessKey

_SHORT = "c:hnsvu:m:d:l:y:z:e:j:i:q:ka:t"
_LONG = (
    "configuration= help nodaemon silent version user= umask= directory= logfile= logfile_maxbytes= logfile_backups= "
    "loglevel= pidfile= identifier= childlogdir= nocleanup minfds= minprocs= strip_ansi profile_options="
).split()
_READ_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One supervisord that lives, or lived."""

    key: ProcessKey
    uid: int
    argv: tuple[str, ...] = field(repr=False)
    cwd: str
    environ: tuple[tuple[str, str], ...] | None = field(default=None, repr=False)
    """What it was started with; secrets among it: it leaves this record only to start it again. None: not ours to see."""
    parent: int = 1
    service: str = ""
    """systemd's unit that it belongs to."""

    @property
    def options(self) -> dict[str, str]:
        """Return the options of its command line, long names for short ones; empty where it cannot be read."""
        return _options(self.argv)

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
    key, stat = key_of(pid), read_stat(pid)
    if key is None or stat is None or stat.dead:
        return None
    proc = Path(f"/proc/{pid}")
    try:
        argv = tuple(os.fsdecode(part) for part in _read(proc / "cmdline").split(b"\0")[:-1])
        uid = proc.stat().st_uid
    except OSError:
        return None
    if program_at(argv) is None:
        return None
    return Origin(
        key=key,
        uid=uid,
        argv=argv,
        cwd=_cwd(proc),
        environ=_environ(proc),
        parent=stat.parent,
        service=_service(proc),
    )


def program_at(argv: Sequence[str]) -> int | None:
    """Return where in a command line supervisord's own name stands (`python -m supervisor.supervisord` too)."""
    for index, part in enumerate(argv[:4]):
        if Path(part).name in {"supervisord", "supervisord.py", "supervisor.supervisord"}:
            return index
    return None


def _options(argv: Sequence[str]) -> dict[str, str]:
    at = program_at(argv)
    if at is None:
        return {}
    try:
        found, _ = getopt.getopt(list(argv[at + 1 :]), _SHORT, _LONG)
    except getopt.GetoptError:
        return {}
    names = {"-c": "configuration", "-n": "nodaemon", "-d": "directory", "-u": "user", "-l": "logfile", "-j": "pidfile"}
    return {names.get(key, key.lstrip("-")): value for key, value in found}


def _service(proc: Path) -> str:
    """The last `NAME.service` of its control group, but not the session's or the user manager's own."""
    try:
        lines = _read(proc / "cgroup").decode(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        last = line.rpartition("/")[2]
        if last.endswith(".service") and not last.startswith("user@"):
            return last
    return ""


def _cwd(proc: Path) -> str:
    try:
        return str((proc / "cwd").readlink())
    except OSError:
        return "/"


def _environ(proc: Path) -> tuple[tuple[str, str], ...] | None:
    try:
        parts = _read(proc / "environ").split(b"\0")
    except OSError:
        return None
    pairs = (os.fsdecode(part).partition("=") for part in parts if b"=" in part)
    return tuple((key, value) for key, _, value in pairs)


def _read(path: Path) -> bytes:
    with path.open("rb", buffering=0) as file:
        return file.read(_READ_MAX) or b""
