"""See all programs of a supervisord at once and without an event loop: two questions over one socket each."""

from __future__ import annotations

from pathlib import Path

from opsagent_tools.supervisors.port import SupervisorUnreachable
from opsagent_tools.supervisors.supervisord.address import Address, Credentials
from opsagent_tools.supervisors.supervisord.codec import Fault
from opsagent_tools.supervisors.supervisord.desk import Desk
from opsagent_tools.supervisors.supervisord.wire import Wire
from opsagent_tools.units import Unit

LOOK_S = 3.0


def look(
    address: str,
    *,
    username: str = "",
    password_file: Path | None = None,
    kind: str = "supervisord",
    uid: int | None = None,
    timeout_s: float = LOOK_S,
) -> tuple[Unit, ...]:
    """Return all units. Raises SupervisorUnreachable, NotPermitted; ValueError for an address that is none."""
    credentials = Credentials(username=username, password_file=password_file) if password_file else None
    desk = Desk(Wire(address=Address.parse(address), credentials=credentials, owner=uid), kind)
    try:
        desk.refresh_now(timeout_s)
    except Fault as fault:
        raise SupervisorUnreachable(f"supervisord at {address} refuses to list: {fault.text[:200]}") from None
    return desk.book.units()
