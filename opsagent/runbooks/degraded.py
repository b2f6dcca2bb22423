"""It answers, but far more slowly than usual, or fails part of the time. What to do depends on why: the library has it."""

from __future__ import annotations

from opsagent.model import Fault, LeaveAlone
from opsagent.runbooks import remedies, upstream
from opsagent.runbooks.common import port_is_taken
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Runbook, at_root

_ENOUGH = 10
"""So many answers without a bad one: one that fails a quarter of the time does not look well by luck."""
_PATIENCE_S = 45.0
"""What slows a service down for less (a backup, a batch, a cold cache) is over by itself, and nobody is called for it."""
_LOOKS_AT_S = (5.0, 11.0, 21.0, 27.0, _PATIENCE_S + 0.5)
"""How old the trouble is when it is looked at again: seldomer and seldomer, and where age lets a remedy fit that did not."""
_LEAST_S = 2.0


def limit_s(findings: Findings) -> float:
    """Return from how many seconds on an answer of the unit that shows it is slow."""
    told = [float(one.data["limit_s"]) for one in findings.case.incident.symptoms if "limit_s" in one.data]
    return told[0] if told else 1.0


def recovered(findings: Findings) -> str | None:
    """Return that it has answered well for a while."""
    root = findings.root
    if root is None:
        return None
    unit = root.unit.id
    findings.want(("answers", unit), ("process_state", unit))
    lately = findings.of("answers", unit)
    if findings.of("process_state", unit).number("stopped") or not lately.answered:
        return None
    interval_s = root.spec.health.interval_s if root.spec is not None and root.spec.health is not None else 1.0
    enough = lately.number("asked") >= (_ENOUGH if interval_s <= _OFTEN_S else _ENOUGH_SELDOM)
    well = not lately.number("bad") and lately.number("worst_s") <= limit_s(findings)
    return f"{root.unit.name} has answered well for a while ({lately.words('said')})" if enough and well else None


_OFTEN_S, _ENOUGH_SELDOM = 1.5, 3
"""Where the probe is asked less often than this, so many answers do."""


def it_may_pass(findings: Findings) -> LeaveAlone | None:
    """Return that it is looked at again: no cause is shown yet, and such trouble often passes."""
    incident = findings.case.incident
    age_s = (findings.case.now - incident.began_at).total_seconds()
    if age_s > _PATIENCE_S or findings.case.tried:
        return None
    next_s = next((at_s for at_s in _LOOKS_AT_S if at_s >= age_s + _LEAST_S), age_s + _LEAST_S)
    return LeaveAlone(why=f"what slows {incident.unit.name} down is not clear yet", look_again_s=next_s - age_s)


RUNBOOK = Runbook(
    fault=Fault.DEGRADED,
    looks_for="which instance answers badly, whom it waits for, who takes the processor, who holds or floods what it needs",
    recovered=recovered,
    first=("unit_state", "dependencies", "process_state", "threads", "wait_chain", "port_holder", "config_changed"),
    person=(upstream.stopped_on_purpose, port_is_taken),
    remedies=(remedies.go_on("degraded", at_root), *upstream.REMEDIES),
    patience=it_may_pass,
    never="restart all of it, or give it more instances, before it is known what it waits for",
)
