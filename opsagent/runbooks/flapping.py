"""It is well, and not well, and well again. Every restart would look like a repair: a person has to find the cause."""

from __future__ import annotations

from opsagent.model import Fault
from opsagent.runbooks import upstream
from opsagent.runbooks.common import machine_is_in_the_way, port_is_taken
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Runbook


def recovered(_: Findings) -> str | None:
    """Return that it is over: never by one look, it is well half of the time."""
    return None


RUNBOOK = Runbook(
    fault=Fault.FLAPPING,
    looks_for="what it depends on, and what it is short of",
    recovered=recovered,
    first=("dependencies", "health_now", "process_state", "connections", "port_holder", "disk"),
    person=(upstream.stopped_on_purpose, port_is_taken, machine_is_in_the_way),
    remedies=(),
    never="restart it until it looks well, or let it be restarted more often",
)
