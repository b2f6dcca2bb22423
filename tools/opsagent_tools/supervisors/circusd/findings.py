"""What circusd does not notice, or would not survive. Looks only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.processes.listening import holders, listening
from opsagent_tools.redact import redact
from opsagent_tools.supervisors.circusd.conf import ConfFile, read_conf
from opsagent_tools.supervisors.circusd.desk import Desk
from opsagent_tools.supervisors.circusd.told import Told
from opsagent_tools.units import UnitId

SLOW_S = 1.0
"""A `check_delay` above this leaves a service down for a while after each death."""
LOOP_DEATHS = 5
"""Deaths within LOOP_S from which on it is a loop."""
LOOP_S = 600.0
_LOG_LARGE = 50 * 1024 * 1024
_BOOT_FOLDERS = ("/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system", "/etc/init.d")


def findings_of(desk: Desk) -> tuple[Finding, ...]:
    """Return everything that was found, the daemon's own first."""
    origin = desk.origin
    path = origin.conf_path() if origin is not None else None
    conf = read_conf(path, desk.book.daemon_uid) if path is not None else None
    found = [*_daemon(desk), *(drift(desk, conf) if conf is not None else ())]
    ports = _ports_of_processes(desk)
    for told in desk.book.watchers.values():
        unit = desk.book.unit_id(told.name)
        found += [*_loop(desk, unit, told), *_logs(unit, told), *_socket(unit, told, ports.get(told.name, ()))]
    return tuple(found)


def _daemon(desk: Desk) -> Iterator[Finding]:
    book, origin = desk.book, desk.origin
    where = str(origin.conf_path() or "its configuration") if origin is not None else "its configuration"
    if book.check_delay > SLOW_S and book.watchers:
        yield _finding(
            "slow_check",
            None,
            Severity.WARNING,
            f"circusd looks for deaths every {book.check_delay:g} s only: a process that dies is missing that long",
            f"check_delay = 0.5 in [circus] of {where}, then restart circusd",
            check_delay=book.check_delay,
        )
    if not book.flaps and book.watchers:
        yield _finding(
            "no_flapping_plugin",
            None,
            Severity.NOTE,
            "circusd starts again for ever what ends at once: no flapping plugin is configured",
            f"[plugin:flapping] use = circus.plugins.flapping.Flapping in {where}",
        )
    if desk.endpoint.port:
        yield _finding(
            "open_to_everyone",
            None,
            Severity.SERIOUS if book.daemon_uid == 0 else Severity.WARNING,
            f"every user of this machine commands circusd at {desk.endpoint}, and can have it start any program as user "
            f"{book.daemon_uid}: circus asks for no password",
            f"endpoint = ipc:///run/circus/circus.sock (in a folder of mode 0700) in [circus] of {where}",
        )
    if origin is not None and not origin.service and origin.key.pid != 1 and not _boot_unit():
        yield _finding(
            "no_boot_unit",
            None,
            Severity.WARNING,
            f"nothing starts circusd (process {origin.key.pid}) after a reboot: its watchers would be missing",
            f"a unit of systemd with ExecStart={redact(' '.join(part for part in origin.argv if part != '--daemon'))}",
        )


def _boot_unit() -> bool:
    return any(next(Path(folder).glob("circus*"), None) is not None for folder in _BOOT_FOLDERS)


def drift(desk: Desk, conf: ConfFile) -> Iterator[Finding]:
    """Yield where its configuration on disk differs from what runs: a reboot, or `reloadconfig`, would change that."""
    written, book = conf.watchers, desk.book
    mend = "circusctl reloadconfig (which restarts what differs), or put the file back"
    for name in sorted(written.keys() - book.watchers.keys()):
        says = f"{name} is in the configuration ({written[name].at}) and circusd does not know it"
        yield _finding("configuration_drift", None, Severity.WARNING, says, mend)
    for told in book.watchers.values():
        unit, section = book.unit_id(told.name), written.get(told.name)
        if section is None:
            if conf.whole:
                says = f"{told.name} runs and is not in the configuration ({conf.path}): a reboot loses it"
                yield _finding("configuration_drift", unit, Severity.WARNING, says, f"write it into {conf.path}")
            continue
        text = section.values.get("numprocesses", "1")
        if text.isdecimal() and len(text) < 9 and int(text) != told.wanted:
            says = f"{told.name} has {told.wanted} processes, the configuration says {text} ({section.at})"
            yield _finding("configuration_drift", unit, Severity.WARNING, says, f"numprocesses = {told.wanted} there")


def _loop(desk: Desk, unit: UnitId, told: Told) -> Iterator[Finding]:
    deaths, flaps = desk.book.deaths_within(told.name, LOOP_S), desk.book.flapped(told.name)
    if flaps:
        yield _finding(
            "stopped_flapping",
            unit,
            Severity.SERIOUS,
            f"{told.name} was stopped after it had ended by itself {flaps} times: by the flapping plugin, or by a person",
            f"mend the cause, then circusctl start {told.name}",
            deaths=flaps,
        )
    elif deaths > LOOP_DEATHS:
        plugin = (
            "circusd refuses the stop of its flapping plugin while it starts the next one" if desk.book.flaps else ""
        )
        yield _finding(
            "crash_loop",
            unit,
            Severity.SERIOUS,
            f"{told.name} ended by itself {deaths} times within {LOOP_S / 60:.0f} minutes; circusd shows it as active"
            + (f", and {plugin}" if plugin else ""),
            f"see its log; circusctl stop {told.name} until it is mended",
            deaths=deaths,
            within_s=LOOP_S,
        )


def _logs(unit: UnitId, told: Told) -> Iterator[Finding]:
    for which in ("stdout", "stderr"):
        stream = told.stream(which)
        name, bound = stream.get("filename"), str(stream.get("max_bytes", 0))
        timed = "Timed" in str(stream.get("class", ""))
        if not isinstance(name, str) or not name.startswith("/") or timed or bound not in {"0", ""}:
            continue
        try:
            size = Path(name).lstat().st_size
        except OSError:
            continue
        if size:
            yield _finding(
                "log_unbounded",
                unit,
                Severity.WARNING if size > _LOG_LARGE else Severity.NOTE,
                f"{name} is never rotated ({which}_stream.max_bytes is not set) and has {size / 1e6:.1f} MB",
                f"{which}_stream.max_bytes = 50000000 and {which}_stream.backup_count = 5",
                bytes=size,
            )


def _ports_of_processes(desk: Desk) -> dict[str, tuple[int, ...]]:
    """Return which ports the processes of each watcher listen on, as the kernel says."""
    sockets = {one.inode: one.port for one in listening()}
    whose = {key.pid: name for name in desk.book.watchers for key in desk.book.keys(name)}
    held = holders(sockets, whose)
    found: dict[str, set[int]] = {}
    for inode, pids in held.by_inode.items():
        for pid in pids:
            found.setdefault(whose[pid], set()).add(sockets[inode])
    return {name: tuple(sorted(ports)) for name, ports in found.items()}


def _socket(unit: UnitId, told: Told, ports: tuple[int, ...]) -> Iterator[Finding]:
    if not ports or told.uses_sockets:
        return
    listed = ", ".join(map(str, ports))
    yield _finding(
        "no_shared_socket",
        unit,
        Severity.NOTE,
        f"{told.name} opens port {listed} itself: while it is replaced nobody listens there",
        f"[socket:{told.name}] with host and port, use_sockets = True, and $(circus.sockets.{told.name}) in its cmd",
        ports=listed,
    )


def _finding(
    check: str, unit: UnitId | None, severity: Severity, says: str, mend: str, **facts: str | float | bool
) -> Finding:
    return Finding(check=f"circusd/{check}", unit=unit, severity=severity, says=says, mend=mend, facts=facts)
