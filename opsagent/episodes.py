"""An incident and what was tried for it, as the memory keeps it. Pure; `opsagent/learn.py` writes it.

Only typed fields of the incident go in: kinds, units, numbers, and what kernel, supervisor and probes said, masked and
bounded. What a log, a document or a recollection said does not: text that was recalled never comes back as evidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opsagent.casefile import CaseFile
from opsagent.detectors.describe import symptom_text
from opsagent.model import Evidence, EvidenceKind, Incident, Plan, Scalar, Signal, Verdict
from opsagent.store.plans import UNDO
from opsagent.store.rows import IncidentRow, PlanRow
from opsagent_tools.redact import redact

ONLY_TEXT_TRUST = 0.6
"""How far an outcome is believed where only text told of the fault: whoever can write a log line can bring that about."""
_MOST_SYMPTOMS, _MOST_EVIDENCE, _MOST_FACTS, _MOST_STEPS = 16, 24, 16, 24
_LONGEST, _LOOKED_AT = 160, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How far a plan came."""

    plan: Plan
    done_steps: int
    begun_steps: int
    acted_at: datetime | None
    """When its first step was begun; None: an earlier life of the agent did that."""
    ended_at: datetime
    """When its outcome was known."""

    @property
    def whole(self) -> bool:
        """Whether all of it was done. Of what was over before that it may not be told that it helped."""
        return self.done_steps >= len(self.plan.steps)


def tried_before(row: PlanRow) -> Tried:
    """Return how far a plan came that an earlier life of the agent carried out and judged."""
    doing = [step for step in row.steps if step.rule != UNDO]
    begun = max((step.ordinal + 1 for step in doing), default=0)
    done = {step.ordinal for step in doing if step.status == "done"}
    done_steps = next((ordinal for ordinal in range(begun) if ordinal not in done), begun)
    ended_at = row.ended_at or datetime.now(UTC)
    acted_at = min((step.intended_at for step in doing), default=None)
    return Tried(plan=row.plan, done_steps=done_steps, begun_steps=begun, acted_at=acted_at, ended_at=ended_at)


def fields_returned(before: IncidentRow, plan: Plan, outcome: str, why: str, after_s: float) -> dict[str, Any]:
    """Return the fields of the lesson that a repair, which was verified, did not last."""
    incident = before.incident
    return {
        "class": incident.fault.value,
        "incident": incident.id,
        "unit": str(incident.unit),
        "remedy": plan.remedy,
        "outcome": outcome,
        "source": plan.source,
        "why": _short(why),
        "returned_after_s": round(after_s, 1),
    }


def fields_proposed(file: CaseFile, plan: Plan, now: datetime) -> dict[str, Any]:
    """Return the fields of a procedure that is proposed for what a chat model worked out; as consolidation writes them."""
    return {
        "remedy": plan.remedy,
        "class": file.incident.fault.value,
        "looks_like": text_of(file.incident),
        "steps": [str(step.action) for step in plan.steps][:_MOST_STEPS],
        "successes": 1,
        "failures": 0,
        "last_worked": now.isoformat(),
        "version": 1,
        "status": "proposed",
        "stale": False,
        "worked_out_by": _short(file.adviser or "model"),
        "incident": file.incident.id,
    }


def fields_of(file: CaseFile, tried: Tried, verdict: Verdict, outcome: str) -> dict[str, Any]:
    """Return the fields of the episode of one attempt."""
    incident, plan = file.incident, tried.plan
    return {
        **_of_incident(file),
        "remedy": plan.remedy,
        "outcome": outcome,
        "source": plan.source,
        "attempt": plan.attempt,
        "actions": _actions(tried),
        "recovered_in_s": verdict.recovered_in_s,
        "why": _short(verdict.why),
        "timings": {
            **_timings(incident),
            "acted_s": _since(incident, tried.acted_at) if tried.acted_at is not None else None,
            "recovered_s": _recovered(incident, tried, verdict),
            "decided_in_s": round(file.decision_s, 3),
        },
    }


def fields_untried(file: CaseFile, outcome: str, ended_at: datetime) -> dict[str, Any]:
    """Return the fields of the episode of an incident that ended without the agent's doing."""
    return {
        **_of_incident(file),
        "outcome": outcome,
        "timings": {**_timings(file.incident), "ended_s": _since(file.incident, ended_at)},
    }


def trust_of(incident: Incident) -> float:
    """Return how far the outcome of a repair of this incident is believed."""
    only_text = all(signal.evidence is EvidenceKind.TEXT for signal in incident.symptoms)
    return ONLY_TEXT_TRUST if incident.symptoms and only_text else 1.0


def text_of(incident: Incident) -> str:
    """Return what the memory knows the incident by."""
    return redact(symptom_text(incident))


def _of_incident(file: CaseFile) -> dict[str, Any]:
    incident = file.incident
    return {
        "class": incident.fault.value,
        "incident": incident.id,
        "unit": str(incident.unit),
        "affected": sorted(str(unit) for unit in incident.affected)[:_MOST_FACTS],
        "symptoms": [_symptom(signal, incident) for signal in incident.symptoms[-_MOST_SYMPTOMS:]],
        "evidence": [_evidence(one) for one in file.evidence[-_MOST_EVIDENCE:]],
    }


def _symptom(signal: Signal, incident: Incident) -> dict[str, Any]:
    return {
        "kind": signal.kind.value,
        "unit": str(signal.unit) if signal.unit is not None else None,
        "evidence": signal.evidence.value,
        "at_s": _since(incident, signal.at),
        "data": _facts(signal.data, text=signal.evidence is EvidenceKind.TEXT),
    }


def _evidence(found: Evidence) -> dict[str, Any]:
    return {
        "probe": found.probe,
        "kind": found.kind.value,
        "unit": str(found.unit),
        "facts": _facts(found.facts, text=found.kind is EvidenceKind.TEXT),
    }


def _facts(facts: Mapping[str, Scalar], *, text: bool) -> dict[str, Scalar]:
    """Return facts, bounded; of what was read from text the numbers only: its words are anybody's."""
    kept = [(key, value) for key, value in facts.items() if not (text and isinstance(value, str))]
    return {key: _short(value) if isinstance(value, str) else _finite(value) for key, value in kept[:_MOST_FACTS]}


def _finite(value: Scalar) -> Scalar:
    """JSON has no infinity; a figure that has none to tell is told as -1."""
    return value if not isinstance(value, float) or math.isfinite(value) else -1.0


def _short(text: str) -> str:
    masked = redact(text[:_LOOKED_AT])  # far more than is shown, so that no secret is cut in two where it shows
    return masked if len(masked) <= _LONGEST else masked[: _LONGEST - 1] + "…"


def _actions(tried: Tried) -> Sequence[dict[str, Any]]:
    def outcome(ordinal: int) -> str:
        if ordinal < tried.done_steps:
            return "done"
        return "failed" if ordinal < tried.begun_steps else "not begun"

    steps = tried.plan.steps[:_MOST_STEPS]
    return [{"action": str(step.action), "outcome": outcome(ordinal)} for ordinal, step in enumerate(steps)]


def _timings(incident: Incident) -> dict[str, Any]:
    return {"began_at": incident.began_at.isoformat(), "detected_s": _since(incident, incident.opened_at)}


def _recovered(incident: Incident, tried: Tried, verdict: Verdict) -> float | None:
    """Users were served again when what was then watched for a while began."""
    if not verdict.better:
        return None
    return round(max(_since(incident, tried.ended_at) - tried.plan.verify_s, 0.0), 3)


def _since(incident: Incident, at: datetime) -> float:
    """Seconds from the first signal of the incident on."""
    return round((at - incident.began_at).total_seconds(), 3)
