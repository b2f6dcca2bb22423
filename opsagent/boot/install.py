"""Put boot units in place and take them away, through systemctl or launchctl, never through a shell."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsagent.boot.errors import BootError
from opsagent.boot.units import BootFile, Launch, launchd_files, systemd_files
from opsagent.home import Home

_SYSTEM_UNITS = Path("/etc/systemd/system")
_COMMAND_S = 60.0
_PASSED_ON = ("LANG", "LC_ALL", "TZ", "PM2_HOME", "VIRTUAL_ENV")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """How this machine starts things for this user."""

    kind: str
    """`systemd` or `launchd`."""
    system: bool
    """True: for the whole machine (root); False: for this user."""
    files: tuple[BootFile, ...]
    running: bool
    """Whether it runs now, so that units can be started now."""
    notes: tuple[str, ...] = field(default=())

    @property
    def standing(self) -> tuple[BootFile, ...]:
        """Return those that stand at their place for this home, whatever their content."""
        return tuple(file for file in self.files if file.path.exists() and not file.whose)

    @property
    def there(self) -> bool:
        """Whether all of its files are in place with this content."""
        return all(file.path.is_file() and file.path.read_text() == file.text for file in self.files)


def boot_of(home: Home, *, unit_dir: Path | None = None) -> Boot:
    """Return the boot units of this home for this user. Raises BootError where there is no way to start at boot."""
    system = os.geteuid() == 0
    launch = _launch(home, system=system)
    if sys.platform == "darwin":
        where = Path("/Library/LaunchDaemons") if system else Path.home() / "Library" / "LaunchAgents"
        return Boot(kind="launchd", system=system, files=launchd_files(launch, unit_dir or where), running=True)
    if shutil.which("systemctl") is None:
        raise BootError(
            "neither systemd nor launchd is here: let your own init run "
            f"`{' '.join(launch.engine())}` and `{' '.join(launch.agent())}` at boot"
        )
    target = "multi-user.target" if system else "default.target"
    folder = unit_dir or (_SYSTEM_UNITS if system else _user_units())
    running = _systemd_runs(system=system)
    notes: tuple[str, ...] = ()
    if not running:
        notes = ("systemd does not run here now: the units count from its next start",)
    if not system and not _lingers():
        user = pwd.getpwuid(os.geteuid()).pw_name
        notes += (
            f"user units start at your first login; to have them start at boot: sudo loginctl enable-linger {user}",
        )
    files = systemd_files(launch, folder, target=target)
    return Boot(kind="systemd", system=system, files=files, running=running, notes=notes)


def install(boot: Boot, *, now: bool, say: Say) -> None:
    """Write the units and have them start at boot, and with `now` at once. Raises BootError, OSError."""
    for file in boot.files:
        if file.whose:
            raise BootError(
                f"{file.path}: is there, for {file.whose}: take that away first (`opsagent unstartup --home`)"
            )
    for file in boot.files:
        _write(file)
        say(f"wrote {file.path}")
    if boot.kind == "launchd":
        for file in boot.files if now else ():
            _run(["launchctl", "load", "-w", str(file.path)], say)
        return
    names = [file.name for file in boot.files]
    if boot.running:
        _run([*_systemctl(boot), "daemon-reload"], say)
    _run([*_systemctl(boot), "enable", *names], say)
    if now and boot.running:
        _run([*_systemctl(boot), "restart", *names], say)


def remove(boot: Boot, *, engine_too: bool, say: Say) -> int:
    """Take the units of this home away; the agent ends, the engine and its services go on unless `engine_too`.

    Returns how many files were removed. Raises BootError, OSError.
    """
    for file in boot.files:
        if file.whose:
            say(f"left alone: {file.path}, which is for {file.whose}")
    there = boot.standing
    if not there:
        return 0
    names = [file.name for file in there]
    if boot.kind == "launchd":
        for file in there:
            _run(["launchctl", "unload", "-w", str(file.path)], say, must=False)
    else:
        if boot.running:
            from opsagent.boot.units import AGENT

            ending = names if engine_too else [name for name in names if name.startswith(f"{AGENT}.")]
            _run([*_systemctl(boot), "stop", *ending], say, must=False)
            if not engine_too:
                _kill_keeper(boot, [name for name in names if name not in ending], say)
        _run([*_systemctl(boot), "disable", *names], say, must=False)
    for file in there:
        file.path.unlink(missing_ok=True)
        say(f"removed {file.path}")
    if boot.kind == "systemd" and boot.running:
        _run([*_systemctl(boot), "daemon-reload"], say, must=False)
    return len(there)


def _kill_keeper(boot: Boot, names: Sequence[str], say: Say) -> None:
    """End what keeps the engine without letting it end the engine: SIGKILL reaches the keeper alone (KillMode)."""
    for name in names:
        _run([*_systemctl(boot), "kill", "--kill-whom=main", "--signal=SIGKILL", name], say, must=False)
        _run([*_systemctl(boot), "stop", name], say, must=False)
        _run([*_systemctl(boot), "reset-failed", name], lambda _: None, must=False)  # it was killed, as was wanted


def _launch(home: Home, *, system: bool) -> Launch:
    user = pwd.getpwuid(os.geteuid()).pw_name if system else ""
    environment = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}
    if system or sys.platform == "darwin":
        environment["HOME"] = pwd.getpwuid(os.geteuid()).pw_dir
    path = os.environ.get("PATH", os.defpath)
    return Launch(python=Path(sys.executable), home=home.path, path=path, user=user, environment=environment)


def _user_units() -> Path:
    given = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".config") / "systemd" / "user"


def _systemd_runs(*, system: bool) -> bool:
    if system:
        return Path("/run/systemd/system").is_dir()
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return bool(runtime) and Path(runtime, "systemd", "private").exists()


def _lingers() -> bool:
    return Path("/var/lib/systemd/linger", pwd.getpwuid(os.geteuid()).pw_name).exists()


def _systemctl(boot: Boot) -> list[str]:
    return ["systemctl"] if boot.system else ["systemctl", "--user"]


def _write(file: BootFile) -> None:
    """Write one unit file in one atomic step. Raises BootError where a link or a stranger's file stands there."""
    file.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if file.path.is_symlink():
        raise BootError(f"{file.path}: is a link: take it away first (a masked unit? `systemctl unmask {file.name}`)")
    beside = file.path.with_name(f".{file.name}.{os.getpid()}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    try:
        with os.fdopen(descriptor, "w") as opened:
            opened.write(file.text)
        beside.replace(file.path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _run(command: list[str], say: Say, *, must: bool = True) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_COMMAND_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BootError(f"`{' '.join(command)}` could not be run: {error}") from error
    said = " ".join((done.stderr or done.stdout).split())
    if done.returncode == 0:
        say(" ".join(command))
    elif must:
        raise BootError(f"`{' '.join(command)}` failed ({done.returncode}): {said}")
    else:
        say(f"`{' '.join(command)}` said: {said}")
