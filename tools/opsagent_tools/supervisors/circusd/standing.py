"""How a circusd stands: alive or dead, missed or not, what outlived it, and what bringing it back would do."""

from __future__ import annotations

from pathlib import Path

from opsagent_tools.processes.proc import is_alive
from opsagent_tools.supervisors.circusd.desk import Desk
from opsagent_tools.supervisors.circusd.revive import demand_ours
from opsagent_tools.supervisors.port import Daemon, NotSupported, SupervisorError

LACKS = (
    "surge (when it is told to have fewer processes, it ends the oldest)",
    "persist (what its configuration says is what comes back)",
    "a stop that outlasts it (what is not autostart=False starts again with circusd)",
    "a reload that waits for the new process to be ready",
)


async def standing(desk: Desk) -> Daemon:
    """Ask, and tell what is known where nobody answers. Does not raise."""
    try:
        await desk.meet()
        await desk.statuses()
    except SupervisorError as error:
        return _silent(desk, error)
    left = len(desk.book.left_behind())
    return Daemon(
        pid=desk.book.daemon_pid,
        uid=desk.book.daemon_uid,
        home=str(desk.endpoint),
        lacks=LACKS,
        trouble=f"{_processes(left)} of an earlier circusd run on beside what this one started" if left else "",
        revival=f"ends {_processes(left)} that outlived an earlier circusd" if left else "",
        outlived=left,
    )


def _silent(desk: Desk, error: Exception) -> Daemon:
    left = len(desk.book.left_behind())
    alive = desk.daemon is not None and is_alive(desk.daemon)
    revival = hint = ""
    try:
        demand_ours(desk)
    except NotSupported as reason:
        hint = str(reason)
    except SupervisorError:
        hint = str(error)
    else:
        revival = "starts circusd as it was started"
        revival += f", after ending {_processes(left)} that outlived it" if left else ""
    return Daemon(
        pid=desk.daemon.pid if alive and desk.daemon is not None else None,
        uid=desk.book.daemon_uid,
        home=str(desk.endpoint),
        lacks=LACKS,
        ended="" if alive else _ended(desk),
        trouble=str(error) if alive else "",
        revival=revival,
        outlived=left,
        hint=hint,
    )


def _ended(desk: Desk) -> str:
    """Say why nobody misses it: told to quit, it removes its socket; killed, it does not."""
    if desk.ended:
        return desk.ended
    path = desk.endpoint.path
    if not path or Path(path).exists():
        return ""
    return "it was told to quit (its socket is gone)" if desk.daemon is not None else "it does not run"


def _processes(count: int) -> str:
    return f"{count} process{'' if count == 1 else 'es'}"
