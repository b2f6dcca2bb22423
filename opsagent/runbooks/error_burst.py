"""Many error lines. Text authorises nothing: a change needs a cause that kernel, supervisor or probes show."""

from __future__ import annotations

from opsagent.model import Fault
from opsagent.runbooks import remedies, upstream
from opsagent.runbooks.common import healthy_now, port_is_taken
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Runbook, at_root


def recovered(findings: Findings) -> str | None:
    """It is well and the errors have stopped. Text may let us do nothing."""
    root = findings.root
    if root is None:
        return None
    unit = root.unit.id
    findings.want(("unit_state", unit), ("recent_errors", unit), ("process_state", unit))
    recent = findings.known("recent_errors", unit)
    if recent is None or not recent.answered or recent.number("recent"):
        return None
    if upstream.explains(findings):
        return None
    return healthy_now(findings, root)


RUNBOOK = Runbook(
    fault=Fault.ERROR_BURST,
    looks_for="whether its probe still fails, whether what it depends on is up",
    recovered=recovered,
    first=(
        "dependencies",
        "health_now",
        "port_holder",
        "connections",
        "disk",
        "config_changed",
    ),
    person=(
        upstream.stopped_on_purpose,
        port_is_taken,
    ),
    remedies=(remedies.go_on("error_burst", at_root), *upstream.REMEDIES),
    never="restart it because its log says so",
)
