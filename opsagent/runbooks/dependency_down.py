"""Something that others depend on is down, and they fail for it. The incident's unit is the one that is down."""

from __future__ import annotations

from opsagent.model import Fault
from opsagent.runbooks import remedies, upstream
from opsagent.runbooks.common import healthy_now, it_is_starting, machine_is_in_the_way, port_is_taken
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Runbook
from opsagent_tools.units import UnitState


def recovered(findings: Findings) -> str | None:
    """Return why there is nothing to do any more."""
    root = findings.root
    if root is None:
        return None
    unit = root.unit.id
    findings.want(("unit_state", unit))
    state = findings.of("unit_state", unit)
    if state.words("state") == UnitState.STARTING:
        return f"its supervisor is starting {root.unit.name}"
    if state.words("state") == UnitState.RUNNING and findings.of("process_state", unit).number("stopped"):
        return None
    return healthy_now(findings, root)


RUNBOOK = Runbook(
    fault=Fault.DEPENDENCY_DOWN,
    looks_for="whether it ended, hangs, or was stopped by a person; its dependants are left alone",
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
        remedies.go_on("dependency_down", upstream.aim_up_or_here),
        remedies.stop_orphan("dependency_down", upstream.aim_up_or_here),
        remedies.rollback_config("dependency_down", upstream.aim_up_or_here),
        remedies.start("dependency_down", upstream.aim_up_or_here),
        remedies.quarantine_lock("dependency_down", upstream.aim_up_or_here, after="dependency_down/start"),
        remedies.rolling_reload("dependency_down", upstream.aim_up_or_here),
        remedies.restart("dependency_down", upstream.aim_up_or_here),
    ),
    patience=it_is_starting,
    never="restart those that depend on it",
)
