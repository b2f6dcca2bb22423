"""Its probe fails while its process lives."""

from __future__ import annotations

from opsagent.model import Fault
from opsagent.runbooks import remedies, upstream
from opsagent.runbooks.common import disk_is_full, healthy_now, port_is_taken
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.performance import it_may_pass
from opsagent.runbooks.remedy import Runbook, at_root


def recovered(findings: Findings) -> str | None:
    """One good answer does not do where one of several workers is stopped: the next request may meet that one."""
    root = findings.root
    if root is None or slow(findings) is not None:
        return None
    unit = root.unit.id
    findings.want(("unit_state", unit), ("health_now", unit), ("process_state", unit))
    if findings.of("process_state", unit).number("stopped"):
        return None
    return healthy_now(findings, root)


def slow(findings: Findings) -> str | None:
    """Return that its probe answers, and that others fail because it is slow: what to do about that is for a person."""
    incident = findings.case.incident
    if not incident.affected or any(symptom.unit == incident.unit for symptom in incident.symptoms):
        return None
    others = ", ".join(sorted(unit.name for unit in incident.affected))
    return f"{incident.unit.name} answers far more slowly than usual, and {others} fail for it"


RUNBOOK = Runbook(
    fault=Fault.HANG,
    looks_for="processes stopped by a signal, what it waits for, what its processor time goes into, what it depends on",
    recovered=recovered,
    first=(
        "threads",
        "dependencies",
        "connections",
        "port_holder",
        "config_changed",
        "disk",
    ),
    person=(
        slow,
        upstream.stopped_on_purpose,
        port_is_taken,
        disk_is_full,
    ),
    remedies=(
        remedies.go_on("hang", at_root),
        *upstream.REMEDIES,
        *map(
            upstream.unless_explained,
            (
                remedies.rollback_and_restart("hang", at_root),
                remedies.rollback_release_and_restart("hang", at_root),
                remedies.rolling_reload("hang", at_root),
                remedies.restart("hang", at_root),
                remedies.start("hang", at_root),
            ),
        ),
    ),
    patience=it_may_pass,
    never="trust that its port is open, nor restart what only waits for somebody else",
)
