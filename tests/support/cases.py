"""Cases for decide, and a world that answers its probes from a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from opsagent.decide import Case, Target, decide
from opsagent.model import (
    Attempt,
    Decision,
    Evidence,
    EvidenceKind,
    Fault,
    Incident,
    Investigate,
    ProbeRequest,
    RemedyOdds,
    Scalar,
    Signal,
    SignalKind,
)
from opsagent_tools.services.spec import Health, ServiceSpec
from opsagent_tools.text import UntrustedText
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BEGAN = NOW - timedelta(seconds=5)
_TEXTS = frozenset({"last_log", "recent_errors"})

Answers = Mapping[str, Any]
"""`probe` or `probe:name` → facts."""

WELL: dict[str, dict[str, Scalar]] = {
    "unit_state": {"state": "running", "processes": 1, "instances": 1, "age_s": 500.0, "said": "runs"},
    "supervisor_state": {"reachable": True, "gone": False},
    "dependencies": {"ok": True, "root": "", "said": "well"},
    "health_now": {"configured": True, "ok": True, "said": "healthy"},
    "recent_errors": {"recent": 0},
    "last_log": {"lines": 0, "last_error": ""},
    "process_state": {"processes": 1, "stopped": 0, "said": "idle"},
    "connections": {"waiting": False, "said": "waits for nobody"},
    "memory": {"share": 0.3, "said": "30 MB of 100 MB (30%)"},
    "port_holder": {"relation": "own", "said": "port 8000 is held by its own process"},
    "config_changed": {"changed": False, "known": True, "said": "the last known good one"},
    "disk": {"full": False},
    "executable": {"ok": True},
    "stale_lock": {"found": False, "said": "no lock is named"},
}
"""What every probe says where nothing is wrong."""

ENDED: dict[str, dict[str, Scalar]] = {
    "unit_state": {"state": "exited", "processes": 0, "instances": 1, "last_exit": -9, "said": "exited"},
    "port_holder": {"relation": "free", "said": "nobody listens on port 8000"},
    "health_now": {"configured": True, "ok": False, "reason": "refused", "said": "refused"},
    "process_state": {"failed": "no process"},
}
HANGS: dict[str, dict[str, Scalar]] = {
    "health_now": {"configured": True, "ok": False, "reason": "timeout", "failing_s": 6.0, "said": "timeout after 1 s"},
}


def unit_of(name: str, **fields: Any) -> Unit:
    """A unit of circus with one process and port 8000."""
    given: dict[str, Any] = {
        "state": UnitState.RUNNING,
        "ports": (8000,),
        "processes": (Process(key=ProcessKey(101, (NOW - timedelta(seconds=500)).timestamp())),),
    }
    return Unit(id=UnitId("circus", name, "box"), **{**given, **fields})


def spec_of(name: str, **fields: Any) -> ServiceSpec:
    """Its specification, with a health probe and a configuration file."""
    given: dict[str, Any] = {
        "command": ("./serve",),
        "cwd": Path("/srv"),
        "port": 8000,
        "health": Health(http="http://127.0.0.1:8000/health", grace_s=5.0),
        "config_files": (Path("/srv/app.json"),),
    }
    return ServiceSpec(name=name, **{**given, **fields})


def target_of(name: str, **fields: Any) -> Target:
    return Target(unit=unit_of(name, **fields), spec=spec_of(name))


def died(name: str, *, lived_s: float = 300.0, pid: int = 100, at: datetime = BEGAN) -> Signal:
    """A death of one of its processes."""
    return Signal(
        kind=SignalKind.DEATH,
        unit=UnitId("circus", name, "box"),
        at=at,
        evidence=EvidenceKind.KERNEL,
        process=ProcessKey(pid, at.timestamp() - lived_s),
        data={"exit_code": 1},
    )


def case_of(
    fault: Fault,
    *,
    unit: Unit | None = None,
    spec: ServiceSpec | None = None,
    symptoms: tuple[Signal, ...] = (),
    affected: frozenset[UnitId] = frozenset(),
    **fields: Any,
) -> Case:
    """An incident of `api`."""
    root = unit if unit is not None else unit_of("api")
    incident = Incident(
        id="i1",
        fault=fault,
        unit=root.id,
        opened_at=BEGAN + timedelta(seconds=1),
        began_at=BEGAN,
        symptoms=symptoms,
        affected=affected,
    )
    given: dict[str, Any] = {"unit": root, "spec": spec if spec is not None else spec_of(root.name), "now": NOW}
    return Case(incident=incident, **{**given, **fields})


def evidence_of(request: ProbeRequest, answers: Answers, text: UntrustedText | None = None) -> Evidence:
    """Answer one request from the table, `WELL` where it says nothing."""
    name = request.unit.name
    facts = answers.get(f"{request.probe}:{name}", answers.get(request.probe, WELL.get(request.probe, {})))
    kind = EvidenceKind.TEXT if request.probe in _TEXTS else EvidenceKind.KERNEL
    return Evidence(probe=request.probe, kind=kind, unit=request.unit, at=NOW, facts=facts, text=text)


def outcome(case: Case, answers: Answers, *, rounds: int = 16) -> tuple[Decision, list[str]]:
    """Ask decide, answer its questions, ask again; return its decision and every probe it asked for."""
    asked: list[ProbeRequest] = []
    for _ in range(rounds):
        decision = decide(case)
        if not isinstance(decision, Investigate):
            return decision, [_name(case, request) for request in asked]
        assert decision.requests
        assert not set(decision.requests) & set(asked), "nothing is asked twice"
        asked += decision.requests
        found = tuple(evidence_of(request, answers) for request in decision.requests)
        case = _with(case, evidence=case.evidence + found)
    raise AssertionError(f"undecided after {rounds} rounds: {asked}")


def _with(case: Case, **changes: Any) -> Case:
    from dataclasses import replace

    return replace(case, **changes)


def _name(case: Case, request: ProbeRequest) -> str:
    return request.probe if request.unit == case.incident.unit else f"{request.probe}:{request.unit.name}"


def odds(remedy: str, *, tries: int, successes: int, score: float) -> RemedyOdds:
    return RemedyOdds(remedy=remedy, similarity=0.9, tries=tries, successes=successes, score=score, why="it helped")


def failed(remedy: str, unit: str = "api") -> Attempt:
    return Attempt(remedy=remedy, better=False, why="not well", unit=UnitId("circus", unit, "box"))
