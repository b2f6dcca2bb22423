"""A reload was broken off because the new release is not fit. The old one serves; a person has to mend the new one."""

from __future__ import annotations

from opsagent.model import Fault
from opsagent.runbooks.common import healthy_now
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Runbook


def recovered(findings: Findings) -> str | None:
    """Return why there is nothing to do: as long as the old instances serve, nobody is to touch them."""
    root = findings.root
    return None if root is None else healthy_now(findings, root)


RUNBOOK = Runbook(
    fault=Fault.BAD_RELEASE,
    looks_for="whether what is left of the old release serves",
    recovered=recovered,
    first=("unit_state",),
    person=(),
    remedies=(),
    never="restart it: every instance that starts anew gets the release that is not fit",
)
