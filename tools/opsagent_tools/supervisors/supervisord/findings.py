"""What supervisord does not notice, or would not survive. Looks only; nothing is reread by supervisord."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.processes.proc import read_stat
from opsagent_tools.redact import redact
from opsagent_tools.supervisors.supervisord.desk import Desk
from opsagent_tools.supervisors.supervisord.drift import drift
from opsagent_tools.supervisors.supervisord.info import FATAL, STOPPED, Info
from opsagent_tools.supervisors.supervisord.setup import command_of
from opsagent_tools.units import UnitId

LOOP_STARTS = 5
"""Starts within LOOP_S from which on it is a loop."""
LOOP_S = 600.0
_LOG_LARGE = 50 * 1024 * 1024
"""What supervisord itself would rotate at by default."""
_FD_SHARE = 0.7
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
_BOOT_FOLDERS = ("/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system", "/etc/init.d")


def findings_of(desk: Desk) -> tuple[Finding, ...]:
    """Return everything that was found, the daemon's own first."""
    return (*_daemon(desk), *drift(desk.book), *_units(desk))


def _daemon(desk: Desk) -> Iterator[Finding]:
    origin = desk.origin
    if origin is not None and not origin.service and origin.key.pid != 1 and not _boot_unit():
        yield Finding(
            check="supervisord/no_boot_unit",
            unit=None,
            severity=Severity.WARNING,
            says=f"nothing starts supervisord (process {origin.key.pid}) after a reboot: its programs would be missing",
            mend="systemctl enable --now supervisor (its package has the unit), or a unit of your own with "
            f"ExecStart={redact(' '.join(origin.argv))} and Type=forking",
        )
    address = desk.wire.address
    if address.host and desk.wire.credentials is None:
        yield Finding(
            check="supervisord/open_to_everyone",
            unit=None,
            severity=Severity.WARNING,
            says=f"every user of this machine commands supervisord at {address}: it asks for no password",
            mend="set username and password in [inet_http_server], or use [unix_http_server] with chmod=0700",
        )


def _boot_unit() -> bool:
    return any(next(Path(folder).glob("supervisor*"), None) is not None for folder in _BOOT_FOLDERS)


def _units(desk: Desk) -> Iterator[Finding]:
    book = desk.book
    for unit in book.units():
        members = book.members(unit.name)
        yield from _loops(desk, unit.id, members)
        yield from _fatal(unit.id, members)
        yield from _logs(desk, unit.id, members)
        yield from _descriptors(desk, unit.id, members)
        yield from _wrapper(desk, unit.id, members)
        yield from _stopped(desk, unit.id, members)


def _loops(desk: Desk, unit: UnitId, members: tuple[Info, ...]) -> Iterator[Finding]:
    now = time.time()
    starts = {info.full: desk.book.log.starts_within(info.name, LOOP_S, now) for info in members if info.state != FATAL}
    worst = max(starts, key=lambda full: starts[full], default="")
    if worst and starts[worst] > LOOP_STARTS:
        code = desk.book.exit_of(desk.book.infos[worst])
        how = "" if code is None else f", last with {f'exit code {code}' if code >= 0 else f'signal {-code}'}"
        config = desk.book.configs.get(worst)
        stay = config.number("startsecs", 1) if config is not None else 1
        yield Finding(
            check="supervisord/crash_loop",
            unit=unit,
            severity=Severity.SERIOUS,
            says=f"{worst} was started {starts[worst]} times within {LOOP_S / 60:.0f} minutes{how}; it lives longer than "
            f"startsecs={stay} each time, so supervisord never gives up and shows it as RUNNING",
            mend=f"see its log; raise startsecs above the time that it lives, so that it becomes FATAL: {unit.name}",
            facts={"starts": starts[worst], "within_s": LOOP_S, "startsecs": stay},
        )


def _fatal(unit: UnitId, members: tuple[Info, ...]) -> Iterator[Finding]:
    dead = [info for info in members if info.state == FATAL]
    if dead:
        why = redact(dead[0].spawn_error) or "it ended too quickly each time"
        yield Finding(
            check="supervisord/fatal",
            unit=unit,
            severity=Severity.SERIOUS,
            says=f"supervisord gave up on {len(dead)} of {len(members)}: {why}",
            mend=f"mend the cause, then supervisorctl start {dead[0].full}",
            facts={"fatal": len(dead), "instances": len(members)},
        )


def _logs(desk: Desk, unit: UnitId, members: tuple[Info, ...]) -> Iterator[Finding]:
    for info in members:
        config = desk.book.configs.get(info.full)
        for channel, text in (("stdout", info.stdout), ("stderr", info.stderr)):
            path = Path(text)
            if config is None or path not in info.logs() or config.number(f"{channel}_logfile_maxbytes", -1) != 0:
                continue
            try:
                size = path.stat().st_size
            except OSError:
                continue
            if size:
                yield Finding(
                    check="supervisord/log_unbounded",
                    unit=unit,
                    severity=Severity.WARNING if size > _LOG_LARGE else Severity.NOTE,
                    says=f"{path} is never rotated ({channel}_logfile_maxbytes=0) and has {size / 1e6:.1f} MB",
                    mend=f"{channel}_logfile_maxbytes=50MB, or rotate it from outside and signal SIGUSR2 to supervisord",
                    facts={"bytes": size},
                )


def _descriptors(desk: Desk, unit: UnitId, members: tuple[Info, ...]) -> Iterator[Finding]:
    for info in members:
        key = desk.book.key(info.full)
        if key is None:
            continue
        limit, used = _fd_limit(key.pid), _fds(key.pid)
        if limit and used is not None and used >= limit * _FD_SHARE:
            yield Finding(
                check="supervisord/minfds_low",
                unit=unit,
                severity=Severity.SERIOUS,
                says=f"{info.full} has {used} files open and may have {limit}",
                mend="raise minfds in [supervisord] (its programs inherit that limit) and restart supervisord",
                facts={"open": used, "limit": limit},
            )


def _wrapper(desk: Desk, unit: UnitId, members: tuple[Info, ...]) -> Iterator[Finding]:
    info = members[0]
    config, section, key = desk.book.configs.get(info.full), desk.book.section(info.full), desk.book.key(info.full)
    if config is None or section is None or key is None or section.flag("stopasgroup"):
        return
    command = command_of(config)
    children = _children(key.pid)
    if _exe(key.pid) in _SHELLS and children:
        yield Finding(
            check="supervisord/shell_wrapper",
            unit=unit,
            severity=Severity.WARNING,
            says=f"a shell stands between supervisord and the program ({redact(' '.join(command))[:60]}): a stop ends the shell, "
            f"and process {children[0]} lives on with its port",
            mend=f"begin the last command of the shell with `exec`, or set stopasgroup=true at {section.at}",
            facts={"children": len(children)},
        )


def _stopped(desk: Desk, unit: UnitId, members: tuple[Info, ...]) -> Iterator[Finding]:
    config = desk.book.configs.get(members[0].full)
    stopped = all(info.state == STOPPED and info.stop > 0 for info in members)
    if stopped and config is not None and config.values.get("autostart") is True:
        yield Finding(
            check="supervisord/stop_forgotten",
            unit=unit,
            severity=Severity.NOTE,
            says=f"{unit.name} was stopped, and starts again with supervisord (autostart=true)",
            mend="set autostart=false if it is to stay stopped",
        )


def _exe(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return ""


def _children(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            stat = read_stat(int(folder.name))
            if stat is not None and stat.parent == pid and not stat.dead:
                found.append(int(folder.name))
    return sorted(found)


def _fds(pid: int) -> int | None:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return None


def _fd_limit(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
        words = next(line for line in lines if line.startswith("Max open files")).split()
        return int(words[3])
    except (OSError, StopIteration, ValueError):
        return None
