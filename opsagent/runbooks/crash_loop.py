"""It dies whenever it is started. Its supervisor has restarted it already: one restart more is no remedy."""

from __future__ import annotations

from opsagent.model import Fault
from opsagent.runbooks import remedies, upstream
from opsagent.runbooks.common import healthy_now, machine_is_in_the_way, port_is_taken
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Runbook, at_root
from opsagent_tools.units import UnitState

_SETTLED_S = 10.0
"""A unit that has lived this long since its last death, and is well, is over it."""


def recovered(findings: Findings) -> str | None:
    """Return why there is nothing to do any more."""
    root = findings.root
    if root is None:
        return None
    state = findings.of("unit_state", root.unit.id)
    if state.words("state") != UnitState.RUNNING or state.number("age_s") < _SETTLED_S:
        return None
    return healthy_now(findings, root)


RUNBOOK = Runbook(
    fault=Fault.CRASH_LOOP,
    looks_for="who holds its port, whether what it depends on is up, what changed in its configuration, stale locks",
    recovered=recovered,
    first=(
        "unit_state",
        "port_holder",
        "dependencies",
        "config_changed",
        "disk",
        "executable",
    ),
    person=(
        upstream.stopped_on_purpose,
        port_is_taken,
        machine_is_in_the_way,
    ),
    remedies=(
        *upstream.REMEDIES,
        *map(
            upstream.unless_explained,
            (
                remedies.stop_orphan("crash_loop", at_root),
                remedies.rollback_config("crash_loop", at_root),
                remedies.quarantine_lock("crash_loop", at_root),
                remedies.rollback("crash_loop", at_root),
            ),
        ),
    ),
    never="restart it once more, or allow it more restarts",
)
