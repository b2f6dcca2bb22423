"""Where the release of a unit is: behind a link, in a work tree of git, or in a plain folder."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from opsagent.releases.git import Checkout, checkout_of
from opsagent.releases.manifest import Kind
from opsagent_tools.files import UnsafeFile
from opsagent_tools.units import UnitSetup

_SHALLOW = 2
"""A folder this near to the root of the file system (`/srv`, `/home/kim`) is nobody's application."""
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/etc", "/dev", "/proc", "/sys", "/boot", "/run", "/var/lib", "/var/log")
_MARKS = ("package.json", "pyproject.toml", "requirements.txt", "Gemfile", "composer.json", "go.mod", "setup.py")
_UP = 3
"""A script is looked for its application's own folder at most this far up (`dist/src/main.js`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a release is, as it is now."""

    kind: Kind
    root: Path | None = None
    """The folder with its files, no link on the way; None: it has none of its own."""
    link: Path | None = None
    target: str = ""
    link_changed_at: float = 0.0
    checkout: Checkout | None = None
    entry: str = ""
    """The script that is started, relative to the root; empty where that is not known."""
    why: str = ""
    """Why it has no folder that could be kept."""


def place_of(setup: UnitSetup, uid: int) -> Place:
    """Look where the release of a unit is. Never raises: what cannot be trusted is no place, and says why."""
    script, cwd = script_of(setup), setup.cwd
    start = script.parent if script is not None else cwd
    if start is None:
        return Place(kind="setup", why="its supervisor does not say where it runs")
    try:
        behind = _link_on_the_way(script or start, uid) or (_link_on_the_way(cwd, uid) if cwd is not None else None)
        root = behind[1] if behind is not None else _root_of(start.resolve(), cwd)
        why = _no_application(root, uid)
        if why:
            return Place(kind="setup", why=why)
        checkout = checkout_of(root, uid)
        entry = _below(script, root)
    except (OSError, UnsafeFile, RuntimeError) as error:
        return Place(kind="setup", why=str(error) if isinstance(error, UnsafeFile) else f"{start} cannot be looked at")
    if behind is not None:
        link, _, changed_at = behind
        target = str(link.readlink())
        return Place(
            kind="link", root=root, link=link, target=target, link_changed_at=changed_at, checkout=checkout, entry=entry
        )
    return Place(kind="git" if checkout is not None else "files", root=root, checkout=checkout, entry=entry)


def script_of(setup: UnitSetup) -> Path | None:
    """Return the file of the user's own that runs: as its supervisor says, else the first file that the command names."""
    if setup.script is not None:
        return _absolute(setup.script, setup.cwd)
    for word in setup.command[1:]:
        path = _absolute(Path(word), setup.cwd) if not word.startswith("-") and len(word) < 1024 else None
        if path is not None and Path(word).suffix and path.is_file():
            return path
    program = _absolute(Path(setup.command[0]), setup.cwd) if setup.command else None
    outside = program is None or str(program).startswith(_SYSTEM)
    return None if outside or "/" not in setup.command[0] or _is_interpreter(setup.command[0]) else program


def _is_interpreter(program: str) -> bool:
    name = Path(program).name
    return name.rstrip("0123456789.") in {"python", "node", "ruby", "perl", "php", "bun", "deno", "java", "sh", "bash"}


def _absolute(path: Path, cwd: Path | None) -> Path | None:
    if path.is_absolute():
        return path
    return cwd / path if cwd is not None else None


def _link_on_the_way(path: Path, uid: int) -> tuple[Path, Path, float] | None:
    """Return the last link of the user's on the way to `path` that leads to a folder beside or below it, as releases do
    (`current` → `releases/20260301`), with that folder and when the link changed.
    """
    for place in (path, *path.parents):
        status = place.lstat()
        if not stat.S_ISLNK(status.st_mode):
            continue
        folder = place.resolve(strict=True)
        home = place.parent.resolve(strict=True)
        if not folder.is_dir() or home not in folder.parents or status.st_uid != uid or home.lstat().st_uid != uid:
            continue
        return home / place.name, folder, status.st_ctime
    return None


def _root_of(start: Path, cwd: Path | None) -> Path:
    """Return the folder of the application: where its kind of project says it begins, else where it runs."""
    for place in (start, *list(start.parents)[:_UP]):
        if any((place / mark).is_file() for mark in _MARKS) or (place / ".git").exists():
            return place
    if cwd is not None:
        resolved = cwd.resolve()
        if resolved == start or resolved in start.parents:
            return resolved
    return start


def _no_application(root: Path, uid: int) -> str:
    """Return why a folder is not one application's, or nothing."""
    status = root.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return f"{root} is no folder"
    if status.st_uid != uid:
        return f"{root} belongs to uid {status.st_uid}, not to {uid}"
    somebodys_home = len(root.parts) == _SHALLOW + 1 and root.parts[1] in {"home", "Users"}
    if len(root.parts) <= _SHALLOW or somebodys_home or root == Path.home() or str(root).startswith(_SYSTEM):
        return f"{root} is no folder of one application"
    return "" if not status.st_mode & stat.S_ISVTX else f"{root} is shared by everybody"


def _below(path: Path | None, root: Path) -> str:
    if path is None:
        return ""
    real = path.resolve()
    return str(real.relative_to(root)) if real.is_relative_to(root) else ""
