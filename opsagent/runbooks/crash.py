"""A process ended by itself."""

from __future__ import annotations

from opsagent.model import Fault
from opsagent.runbooks import down, remedies, upstream
from opsagent.runbooks.common import (
    healthy_now,
    it_is_starting,
    machine_is_in_the_way,
    others_suffer,
    port_is_taken,
)
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Runbook, at_root
from opsagent_tools.units import UnitState


def recovered(findings: Findings) -> str | None:
    """The supervisor's own restart goes first; where it helped there is nothing to do."""
    root = findings.root
    if root is None:
        return None
    state = findings.of("unit_state", root.unit.id)
    if state.words("state") == UnitState.STARTING:
        return f"its supervisor is starting {root.unit.name}"
    if down.some_are_missing(findings, root):
        return None
    unasked = root.spec is None or root.spec.health is None
    if state.words("state") == UnitState.RUNNING and unasked and not others_suffer(findings, root):
        return f"its supervisor started {root.unit.name} again"
    return healthy_now(findings, root)


RUNBOOK = Runbook(
    fault=Fault.CRASH,
    looks_for="how it ended, who holds its port, whether what it depends on is up, whether its configuration changed",
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
                remedies.stop_orphan("crash", at_root),
                remedies.rollback_config("crash", at_root),
                remedies.rollback("crash", at_root),
                remedies.start("crash", at_root),
                remedies.quarantine_lock("crash", at_root, after="crash/start"),
                # It was started again and is not well since.
                remedies.go_on("crash", at_root),
            ),
        ),
    ),
    patience=it_is_starting,
    never="start it again and again, or start it while something else holds its port",
)
