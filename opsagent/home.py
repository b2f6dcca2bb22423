"""Where the agent keeps its state, and who may use it: one private folder, one owner at a time. Standard library only.

HomeError
└── LockTaken   another process acts for this home
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from opsagent.runtime_dir import NoRuntimeDir, runtime_dir

_SUBFOLDERS = ("chroma", "engine", "logs", "last_good", "notify", "senses")
_OURS = (
    *_SUBFOLDERS, "log_archives", "quarantine", "releases", "runbooks", "runbook_runs", "screens", "owner.lock", "runtime", ".runtime-*", "config.toml*", "opsagent*.db*",
    "supervisors.json", ".supervisors.json.*", "claims", ".import-*", "chat_history*", "mcp",
)  # fmt: skip
"""Names (shell patterns) of everything that belongs into a home."""
_POLL_S = 0.05


class HomeError(Exception):
    """The home cannot be used. The text is one line: what, where, how to mend it."""


class LockTaken(HomeError):
    """Another process owns the home. `pid` and `command` say which; they are None while it does not tell."""

    def __init__(self, home: Path, owner: Owner | None) -> None:
        self.pid = owner.pid if owner else None
        self.command = owner.command if owner else None
        who = f"process {owner.pid} ({owner.command})" if owner else "another process"
        super().__init__(
            f"{home}: already in use by {who}: stop that one first, or choose another home with --home DIR"
        )


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that acts for a home, as it wrote itself into the lock file."""

    pid: int
    command: str
    started: float
    """When it took the lock, seconds since the epoch."""


class OwnerLock:
    """The right to act for a home; kept until `release()`, the end of a `with` block, or the process's death."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._open = True

    def release(self) -> None:
        """Give the home back. Harmless when called twice."""
        if self._open:
            with contextlib.suppress(OSError):  # a broken disk must not keep the lock
                os.ftruncate(self.descriptor, 0)
        self.abandon()

    def abandon(self) -> None:
        """Close the file without touching what the owner wrote into it."""
        if self._open:
            os.close(self.descriptor)
            self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


@dataclass(frozen=True, slots=True)
class Home:
    """The folder with everything that the agent knows, and the short private folder with its sockets."""

    path: Path
    runtime_dir: Path

    @classmethod
    def open(cls, path: Path | None = None) -> Home:
        """Return the home at `path` (else `$OPSAGENT_HOME`, else the user's state folder), creating it 0700.

        Raises HomeError where it cannot be written, belongs to someone else or others may write to it.
        """
        folder = Path(path or _default_path()).expanduser().resolve()
        _make_private(folder)
        for name in _SUBFOLDERS:
            with contextlib.suppress(FileExistsError):
                _mkdir(folder / name)
        try:
            return cls(folder, runtime_dir(folder))
        except NoRuntimeDir as error:
            raise HomeError(str(error)) from error

    @property
    def database(self) -> Path:
        return self.path / "opsagent.db"

    @property
    def senses_dir(self) -> Path:
        """What the senses know across restarts: how far logs were read, signatures, who talks to whom."""
        return self.path / "senses"

    @property
    def chroma_dir(self) -> Path:
        return self.path / "chroma"

    @property
    def engine_dir(self) -> Path:
        return self.path / "engine"

    @property
    def logs_dir(self) -> Path:
        return self.path / "logs"

    @property
    def last_good_dir(self) -> Path:
        return self.path / "last_good"

    @property
    def notify_dir(self) -> Path:
        """Addresses of channels, and messages that are kept in files (docs/telling.md)."""
        return self.path / "notify"

    @property
    def claims_dir(self) -> Path:
        return self.path / "claims"

    @property
    def config_file(self) -> Path:
        return self.path / "config.toml"

    @property
    def lock_file(self) -> Path:
        return self.path / "owner.lock"

    @property
    def api_socket(self) -> Path:
        return self.runtime_dir / "api.sock"

    def owner(self) -> Owner | None:
        """Return who wrote itself into the lock file last. It may be dead: only taking the lock tells."""
        try:
            written = json.loads(self.lock_file.read_text())
            return Owner(int(written["pid"]), str(written["command"]), float(written["started"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def owner_lock(self, wait_s: float = 0.0, give_up: Callable[[], bool] = lambda: False) -> OwnerLock:
        """Take the lock, waiting at most `wait_s` seconds (blocking: not for an event loop unless it is 0), and no longer
        once `give_up` is true.

        Raises LockTaken, which names the owner. The lock is an flock: it goes when its process goes, however it goes.
        """
        deadline = time.monotonic() + wait_s
        lock = OwnerLock(_open_lock(self.lock_file))
        while not _try_lock(lock.descriptor):
            if time.monotonic() >= deadline or give_up():
                lock.abandon()
                raise LockTaken(self.path, self.owner())
            time.sleep(_POLL_S)
        _write_owner(lock.descriptor)
        return lock

    @classmethod
    def demand_own(cls, path: Path | None = None) -> None:
        """Raise HomeError where the folder that `open` would take holds what is not ours; it is not created or changed.

        For whoever removes or replaces a home: `--home ~` is a slip.
        """
        folder = Path(path or _default_path()).expanduser().resolve()
        strangers = _strangers(folder) if folder.is_dir() else ()
        if strangers:
            names = ", ".join(strangers[:3]) + (" …" if len(strangers) > 3 else "")
            raise HomeError(f"{folder}: holds what is not ours ({names}): move that away, or name the right --home DIR")

    def strangers(self) -> tuple[str, ...]:
        """Return the names of what is in the folder and not ours: whoever removes or replaces a home leaves those."""
        return _strangers(self.path)

    def discard_runtime_dir(self) -> None:
        """Remove the sockets' folder (of a temporary home, or when uninstalling). Nothing may use it any more."""
        with contextlib.suppress(OSError):
            for entry in self.runtime_dir.iterdir():
                entry.unlink()
            self.runtime_dir.rmdir()


def _strangers(folder: Path) -> tuple[str, ...]:
    from fnmatch import fnmatchcase

    found = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name for name in found if not any(fnmatchcase(name, ours) for ours in _OURS)))


def refuse_shared(path: Path, what: str) -> None:
    """Raise HomeError unless the file or folder `path` is the user's (or root's) and only they can write to it.

    For what decides about actions: configuration, runbooks. `what` names it in the error.
    """
    found = path.stat()
    if found.st_uid not in {os.geteuid(), 0}:
        raise HomeError(
            f"{path}: this {what} belongs to user {found.st_uid}: `chown {os.geteuid()} {shlex.quote(str(path))}`"
        )
    if found.st_mode & 0o022:
        raise HomeError(f"{path}: others may write to this {what}: `chmod go-w {shlex.quote(str(path))}`")


def _default_path() -> Path:
    chosen = os.environ.get("OPSAGENT_HOME")
    if chosen:
        return Path(chosen)
    try:
        user = Path.home()
    except RuntimeError as error:
        raise HomeError("no home folder is known for this user: choose one with --home DIR") from error
    if sys.platform == "darwin":
        return user / "Library" / "Application Support" / "opsagent"
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    # The XDG specification: relative values are to be ignored.
    return (state if state.is_absolute() else user / ".local" / "state") / "opsagent"


def _mkdir(folder: Path) -> None:
    try:
        folder.mkdir(0o700)
    except FileExistsError:
        raise
    except OSError as error:
        raise _unusable(folder, error.strerror or str(error)) from error


def _make_private(folder: Path) -> None:
    missing = [parent for parent in (folder, *folder.parents) if not os.path.lexists(parent)]
    for parent in reversed(missing):
        with contextlib.suppress(FileExistsError):
            _mkdir(parent)
    try:
        found = folder.stat()
    except OSError as error:
        raise _unusable(folder, error.strerror or str(error)) from error
    if not stat.S_ISDIR(found.st_mode):
        raise _unusable(folder, "not a folder")
    if found.st_uid != os.geteuid():
        raise HomeError(f"{folder}: this home belongs to user {found.st_uid}: choose another with --home DIR")
    if found.st_mode & 0o022:
        raise HomeError(f"{folder}: others may write to this home: `chmod 700 {shlex.quote(str(folder))}`")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise _unusable(folder, "no right to write there")


def _unusable(folder: Path, why: str) -> HomeError:
    return HomeError(f"{folder}: cannot be used as home ({why}): make it writable or choose another with --home DIR")


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HomeError(f"{path}: cannot be locked ({error.strerror}): make the home writable") from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_owner(descriptor: int) -> None:
    """Write down who owns it, for the message that others get. On a full disk the lock holds without a name, so that a
    person can still make room by forgetting.
    """
    from opsagent_tools.redact import redact  # only whoever acts needs it

    command = redact(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]))
    text = json.dumps({"pid": os.getpid(), "command": command[:200], "started": time.time()})
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
