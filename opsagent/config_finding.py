"""Which files that nobody declared are a service's configuration: those that its processes name, and name as that.

A file that a service writes itself is its data, whatever it is called: putting an old content of that back would lose
work. So only what is a small text file of the service's own user counts, that no process of it has open for writing, and
that its command line or its environment names as configuration; or that lies beside the program under a name which
nothing but configuration has, where no other service starts in that folder.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from opsagent_tools.units import Unit

MACHINE_FILES = (Path("/etc/resolv.conf"), Path("/etc/hosts"), Path("/etc/nsswitch.conf"))
"""Read anew by every process when it needs them: nobody has to be restarted for them."""
_SIZE_LIMIT = 64 * 1024
_MOST = 16
_ENVIRON_LIMIT = 256 * 1024
_CONFIG_WORD = re.compile(
    r"conf(?!irm)|config|cfg|settings|properties|env[-_]?file|dotenv|options|parameters|einstellung|ajustes|r[ée]glages",
    re.IGNORECASE,
)
_SUFFIXES = frozenset({".toml", ".ini", ".cfg", ".conf", ".yaml", ".yml", ".properties", ".env"})
_MAYBE = frozenset({".json", ".xml", ".pem", ".crt", ".cert", ".cer"})
"""Configuration where the word before it says so, or where it is an argument of the program."""
_BESIDE = re.compile(r"(?:config|settings|application|appsettings)\.(?:json|toml|ya?ml|ini|cfg|conf|properties)|\.env")
_NOBODYS = ("/proc", "/sys", "/dev", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot", "/etc", "/run", "/var/run")
_OURS = frozenset({"services.toml", "config.toml", "package.json", "tsconfig.json", "package-lock.json"})
_WRITABLE = os.O_WRONLY | os.O_RDWR


def named_by(unit: Unit, others: Iterable[Unit] = ()) -> tuple[Path, ...]:
    """Return the configuration files that the unit's first process names, at most 16. Blocks for about a millisecond.

    `others`: units that may start in the same folder, where what lies beside the program is nobody's in particular.
    """
    if not unit.processes:
        return ()
    pid = unit.processes[0].pid
    cwd = _cwd(pid)
    if cwd is None:
        return ()
    shared = any(_cwd(process.pid) == cwd for other in others for process in other.processes[:1])
    candidates = (
        *_of_argv(_words(pid), cwd),
        *_of_environment(_environment(pid), cwd),
        *(() if shared else _beside(cwd)),
    )
    written = {path for process in unit.processes for path in _written(process.pid)}
    found = dict.fromkeys(path for path in candidates if path not in written and _is_fit(path, unit.uid))
    return tuple(found)[:_MOST]


def machine_files(uid: int) -> tuple[Path, ...]:
    """Return what the machine tells every process of where names are, as far as it is this user's own."""
    return tuple(path for path in MACHINE_FILES if _owner_of(path) == uid)


def _owner_of(path: Path) -> int:
    try:
        return path.lstat().st_uid
    except OSError:
        return -1


def words_of(pid: int, *, named: bool = False) -> tuple[tuple[str, ...], Path | None]:
    """Return the words of a process's command line and the values of its environment, and where it started.

    `named`: the variables with their names (`DB_HOST=db.internal`).
    """
    environment = _environment(pid)
    values = (f"{name}={value}" if named else value for name, value in environment.items())
    return (*_words(pid), *values), _cwd(pid)


def _of_argv(words: list[str], cwd: Path) -> Iterator[Path]:
    before = ""
    for number, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if word.startswith("-"):
            if equals:
                yield from _named(flag, value, cwd)
        elif number:
            # the program of an interpreter is code, whatever its suffix
            yield from _named(before or "argument", word, cwd)
        before = word if word.startswith("-") and not equals else ""


def _of_environment(environment: Mapping[str, str], cwd: Path) -> Iterator[Path]:
    for name, value in environment.items():
        if not name.startswith("OPSAGENT_"):
            yield from _named(name, value, cwd)


def _named(name: str, value: str, cwd: Path) -> Iterator[Path]:
    """Yield the file that a value names, where name or suffix says that it is configuration."""
    if not value or len(value) > 1024 or "\0" in value or "\n" in value or value.startswith(("http:", "https:")):
        return
    path = Path(os.path.normpath(cwd / value.removeprefix("file://")))
    suffix = path.suffix.lower() or (path.name if path.name.startswith(".env") else "")
    says_so = bool(_CONFIG_WORD.search(name)) or name in {"-c", "-f"}
    sure = suffix in _SUFFIXES or suffix.startswith(".env")
    if sure or (suffix in _MAYBE and (says_so or bool(_CONFIG_WORD.search(path.name)))) or (says_so and not suffix):
        yield path


def _beside(cwd: Path) -> Iterator[Path]:
    for folder in (cwd, cwd / "config", cwd / "conf"):
        try:
            with os.scandir(folder) as entries:
                yield from (folder / entry.name for entry in entries if _BESIDE.fullmatch(entry.name.lower()))
        except OSError:
            continue


def _is_fit(path: Path, uid: int) -> bool:
    if path.name in _OURS or any(str(path).startswith(f"{root}/") for root in _NOBODYS):
        return False
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_uid != uid or status.st_nlink != 1:
            return False
        return status.st_size <= _SIZE_LIMIT and not status.st_mode & 0o111
    except OSError:
        return False


def _cwd(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None


def _words(pid: int) -> list[str]:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()[:_ENVIRON_LIMIT]
    except OSError:
        return []
    return [os.fsdecode(word) for word in raw.split(b"\0")][:200]


def _environment(pid: int) -> dict[str, str]:
    try:
        with Path(f"/proc/{pid}/environ").open("rb") as file:
            raw = file.read(_ENVIRON_LIMIT)
    except OSError:
        return {}
    pairs = (os.fsdecode(entry).partition("=") for entry in raw.split(b"\0") if b"=" in entry)
    return {name: value for name, _, value in pairs}


def _written(pid: int) -> Iterator[Path]:
    """Yield the files that the process has open for writing now."""
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            target = entry.readlink()
            if not target.is_absolute():
                continue
            lines = Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text(encoding="ascii").splitlines()
            flags = next((line.split()[1] for line in lines if line.startswith("flags:")), "0")
            if int(flags, 8) & _WRITABLE:
                yield target
    except OSError:
        return
