"""When the cause is further up: aims and remedies for what the unit depends on."""

from __future__ import annotations

from dataclasses import replace

from opsagent.runbooks import remedies
from opsagent.runbooks.case import Target
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.remedy import Against, Fit, Remedy
from opsagent_tools.units import UnitState

FAULT = "dependency_down"


def troubled(findings: Findings) -> Facts | None:
    """Return what is wrong upstream of the root, or None where all is well or nothing is there. Raises NotAsked."""
    if not findings.case.upstream:
        return None
    found = findings.of("dependencies", findings.case.incident.unit)
    return found if found.words("root") else None


def unknown(findings: Findings) -> str:
    """Return why nothing is known of what the root depends on, or nothing."""
    if not findings.case.upstream:
        return ""
    found = findings.of("dependencies", findings.case.incident.unit)
    return "" if found.answered else f"it is not known how what {findings.case.incident.unit.name} depends on is doing"


def explains(findings: Findings) -> str:
    """Return how something upstream explains the root's trouble, or nothing."""
    found = troubled(findings)
    return found.words("said") if found is not None else unknown(findings)


def aim(findings: Findings) -> Target | Against:
    """Aim at the unit furthest up that is in trouble."""
    found = troubled(findings)
    if found is None:
        return Against(unknown(findings) or "all that it depends on is well")
    return findings.upstream(found.words("root")) or Against(f"{found.words('said')}; it is not known here")


def aim_up_or_here(findings: Findings) -> Target | Against:
    """Aim at the unit furthest up that is in trouble, or at the root where nothing above it is."""
    if troubled(findings) is not None:
        return aim(findings)
    return findings.root or Against("the unit is not listed any more")


def stopped_on_purpose(findings: Findings) -> str | None:
    """Return that a person stopped what the root depends on, or None."""
    found = troubled(findings)
    if found is None or found.words("root_state") != UnitState.STOPPED:
        return None
    name = found.words("root_name")
    return f"{findings.case.incident.unit.name} is in trouble because {name} was stopped by a person; start it when it may run again"


def unless_explained(remedy: Remedy) -> Remedy:
    """Return the remedy for the root, held back while something upstream explains the trouble."""
    condition = remedy.condition

    def guarded(findings: Findings, target: Target) -> Fit | Against:
        why = explains(findings)
        return Against(why) if why else condition(findings, target)

    return replace(remedy, condition=guarded)


REMEDIES: tuple[Remedy, ...] = (
    remedies.go_on(FAULT, aim),
    remedies.start(FAULT, aim),
    remedies.rolling_reload(FAULT, aim),
    remedies.restart(FAULT, aim),
)
"""For every runbook whose root may suffer from something upstream."""
