"""Starts a PM2 daemon again: the very PM2 that ran, as the user of its home, with little more than it needs."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from opsagent_tools.supervisors.pm2.daemon_log import last_daemon
from opsagent_tools.supervisors.pm2.revive_seen import LastSeen, Program, service_of
from opsagent_tools.supervisors.port import NotPermitted, NotSupported, SupervisorError
from opsagent_tools.text import escape_for_terminal

_START_S = 40.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_COMMAND = ("bin", "pm2")


async def start_daemon(home: Path, uid: int, program: Program) -> None:
    """Run `pm2 ping`, which starts the daemon, and with it PM2's modules. Raises SupervisorError."""
    command = [str(program.node), str(program.package.joinpath(*_COMMAND)), "ping"]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=home,
        env=environment(home, uid, program),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        **_as_user(uid),
    )
    try:
        async with asyncio.timeout(_START_S):
            said, _ = await process.communicate()
    except TimeoutError:
        raise SupervisorError(f"`{' '.join(command)}` did not end within {_START_S:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        last = escape_for_terminal(said.decode("utf-8", "replace").strip()[-300:]).replace("\n", " ")
        raise SupervisorError(f"`{' '.join(command)}` exited with {process.returncode}: {last}")


def environment(home: Path, uid: int, program: Program) -> dict[str, str]:
    """Return the daemon's environment: who it is, its home, and how the one before was told to behave.

    Apps bring their own, out of PM2's list; only cluster workers see this one too.
    """
    name, folder = _user(uid, home)
    path = program.env.get("PATH") or _PATH
    node_dir = str(program.node.parent)
    found = {"HOME": folder, "USER": name, "LOGNAME": name, **program.env, "PM2_HOME": str(home)}
    found["PATH"] = path if node_dir in path.split(os.pathsep) else f"{node_dir}{os.pathsep}{path}"
    return found


def program_for(home: Path, uid: int, seen: LastSeen) -> Program:
    """Return the PM2 to start: the one that was seen running, else `pm2` on the PATH with the node of `pm2.log`.

    Raises NotSupported where the daemon is not ours to start, and where no PM2 is found; NotPermitted where what would
    be run belongs to others.
    """
    program = seen.program or _on_path(home, uid)
    if program is None:
        raise NotSupported(f"no PM2 is found that could start the daemon of {home}; install it, or start it by hand")
    if program.in_foreground:
        raise NotSupported(f"the daemon of {home} ran in the foreground (pm2-runtime): what started it starts it again")
    service = service_of(program.cgroup)
    if service:
        raise NotSupported(f"systemd keeps the daemon of {home}: `systemctl start {service}` brings it back")
    for file in (program.node, program.package.joinpath(*_COMMAND)):
        _demand_trusted(file, uid)
    return program


def _on_path(home: Path, uid: int) -> Program | None:
    found = shutil.which("pm2", path=os.environ.get("PATH") if uid == os.geteuid() else _PATH)
    if found is None:
        return None
    package = Path(found).resolve().parent.parent
    log = last_daemon(home, uid)
    node = log.node if log.node is not None and log.node.exists() else None
    beside = shutil.which("node", path=f"{Path(found).parent}{os.pathsep}{os.environ.get('PATH', _PATH)}")
    if node is None and beside is not None:
        node = Path(beside)
    if node is None or not package.joinpath(*_COMMAND).exists():
        return None
    return Program(node=node, package=package, version=version_of(package))


def version_of(package: Path) -> str:
    """Return the version in PM2's package.json; nothing where it cannot be read."""
    import json

    try:
        found = json.loads((package / "package.json").read_text())
    except (OSError, ValueError):
        return ""
    return str(found.get("version", "")) if isinstance(found, Mapping) else ""


def _demand_trusted(file: Path, uid: int) -> None:
    """Run nothing that a third user could have put there."""
    try:
        real = file.resolve(strict=True)
        for part in (real, *real.parents):
            status = part.stat()
            loose = status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX
            if status.st_uid not in {0, uid} or loose:
                raise NotPermitted(f"{part} can be changed by others than uid {uid}: {file} is not run")
    except OSError as error:
        raise NotSupported(f"{file} is not there any more ({error.strerror}); start PM2 by hand") from error


def _user(uid: int, home: Path) -> tuple[str, str]:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return str(uid), str(home.parent)
    return entry.pw_name, entry.pw_dir


def _as_user(uid: int) -> dict[str, Any]:
    if uid == os.geteuid():
        return {}
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return {"user": uid, "group": uid, "extra_groups": []}
    return {"user": uid, "group": entry.pw_gid, "extra_groups": os.getgrouplist(entry.pw_name, entry.pw_gid)}
