"""A reload was broken off because the new release is not fit. The old one serves; a person has to mend the new one.

The incident is over when a later reload has proved a release (`opsagent.bad_release`), not when the service is well:
it is well all the time, and the next instance that starts anew gets the release that is not fit.
"""

from __future__ import annotations

from opsagent.model import Fault, SignalKind
from opsagent.runbooks.common import healthy_now
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Runbook


def recovered(_: Findings) -> str | None:
    """Return that nobody is needed any more: never of itself, the bad release is still there."""
    return None


def why_unfit(findings: Findings) -> str | None:
    """Return what the reload found, and whether what is left serves."""
    incident, root = findings.case.incident, findings.root
    said = [symptom for symptom in incident.symptoms if symptom.kind is SignalKind.RELEASE_UNFIT]
    why = str(said[-1].data.get("why", "")) if said else "a reload was broken off"
    serves = healthy_now(findings, root) if root is not None else None
    return f"{why}; now {serves or 'what is left of it does not serve'}"


RUNBOOK = Runbook(
    fault=Fault.BAD_RELEASE,
    looks_for="whether what is left of the old release serves",
    recovered=recovered,
    first=("unit_state", "health_now"),
    person=(why_unfit,),
    remedies=(),
    never="restart it: every instance that starts anew gets the release that is not fit",
)
