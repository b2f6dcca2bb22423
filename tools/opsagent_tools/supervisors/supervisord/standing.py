"""How a supervisord stands: alive or dead, missed or not, what outlived it, and what bringing it back would do."""

from __future__ import annotations

from pathlib import Path

from opsagent_tools.processes.proc import is_alive
from opsagent_tools.supervisors.port import Daemon, NotSupported, SupervisorError
from opsagent_tools.supervisors.supervisord.codec import Fault
from opsagent_tools.supervisors.supervisord.desk import Desk
from opsagent_tools.supervisors.supervisord.revive import demand_ours

LACKS = (
    "scale (numprocs is a matter of its configuration)",
    "surge (no instance beside the configured ones)",
    "a reload without a gap (each process is stopped, then started)",
    "persist (what its configuration says is what comes back)",
    "a stop that outlasts it (with autostart=true it starts again with supervisord)",
)


async def standing(desk: Desk) -> Daemon:
    """Ask, and tell what is known where nobody answers. Does not raise."""
    try:
        await desk.refresh()
    except (SupervisorError, Fault) as error:
        return _silent(desk, error)
    left = len(desk.book.left_behind())
    return Daemon(
        pid=desk.book.daemon_pid,
        uid=desk.book.daemon_uid,
        version=desk.version,
        home=str(desk.wire.address),
        lacks=LACKS,
        trouble=f"{_programs(left)} of an earlier supervisord run on beside what this one started" if left else "",
        revival=f"ends {_programs(left)} that outlived an earlier supervisord" if left else "",
        outlived=left,
    )


def _silent(desk: Desk, error: Exception) -> Daemon:
    origin, left = desk.origin, len(desk.book.left_behind())
    alive = origin is not None and is_alive(origin.key)
    revival = hint = ""
    try:
        demand_ours(desk)
    except NotSupported as reason:
        hint = str(reason)
    except SupervisorError:
        hint = str(error)
    else:
        revival = "starts supervisord as it was started"
        revival += f", after ending {_programs(left)} that outlived it" if left else ""
    return Daemon(
        pid=origin.key.pid if alive and origin is not None else None,
        uid=desk.book.daemon_uid,
        version=desk.version,
        home=str(desk.wire.address),
        lacks=LACKS,
        ended="" if alive else ended(desk),
        trouble=str(error) if alive else "",
        revival=revival,
        outlived=left,
        hint=hint,
    )


def ended(desk: Desk) -> str:
    """Say why nobody misses it, as far as can be seen: told to end, it removes its socket; killed, it does not."""
    if desk.ended:
        return desk.ended
    path = desk.wire.address.path
    if not path or Path(path).exists():
        return ""
    return "it was shut down (its socket is gone)" if desk.origin is not None else "it does not run"


def _programs(count: int) -> str:
    return f"{count} program{'' if count == 1 else 's'}"
