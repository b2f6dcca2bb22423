"""Values to put into the journal: fixed ones for examples, strategies for properties."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from opsagent.model import (
    Check,
    CheckKind,
    Evidence,
    EvidenceKind,
    Fault,
    Hypothesis,
    Incident,
    Plan,
    Signal,
    SignalKind,
    Step,
)
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.text import UntrustedText
from opsagent_tools.units import ProcessKey, UnitId

NOW = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
API = UnitId("circus", "api", "web1.example.com")
STORE = UnitId("circus", "store", "web1.example.com")


def step(name: ActionName = ActionName.START, unit: UnitId = API, **args: str | float | bool) -> Step:
    return Step(action=Action(name=name, unit=unit, args=args), goal=Check(kind=CheckKind.HEALTHY, unit=unit))


def plan(plan_id: str = "p1", incident: str | None = "i1", unit: UnitId = API, **changes: object) -> Plan:
    made = Plan(
        id=plan_id, origin="agent", remedy="crash/start", source="runbook", steps=(step(unit=unit),), unit=unit,
        incident=incident, why="it died",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def incident(
    incident_id: str = "i1", unit: UnitId = API, opened_at: datetime = NOW, summary: str = "api died"
) -> Incident:
    death = Signal(kind=SignalKind.DEATH, unit=unit, at=opened_at, evidence=EvidenceKind.KERNEL, data={"exit_code": 1})
    return Incident(
        id=incident_id, fault=Fault.CRASH, unit=unit, opened_at=opened_at, began_at=opened_at - timedelta(seconds=1),
        symptoms=(death,), affected=frozenset({STORE}), summary=summary,
    )  # fmt: skip


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


names = st.sampled_from(["api", "store", "gateway-2", "x", "worker_1"])
units = st.builds(UnitId, supervisor=names, name=names, host=names)
texts = st.text(max_size=20)
numbers = st.integers(-(2**53), 2**53)
scalars = st.one_of(st.booleans(), numbers, st.floats(allow_nan=False, allow_infinity=False), texts)
arguments = st.dictionaries(names, scalars, max_size=3)
times = st.datetimes(timezones=st.just(UTC))
actions = st.builds(Action, name=st.sampled_from(ActionName), unit=units, args=arguments)
checks = st.builds(Check, kind=st.sampled_from(CheckKind), unit=units, args=arguments)
steps = st.builds(
    Step, action=actions, goal=checks, gate=st.none() | checks, undo=st.none() | actions,
    timeout_s=st.floats(0.1, 1e6), why=texts,
)  # fmt: skip
plans = st.builds(
    Plan, id=names, origin=st.sampled_from(["agent", "person"]), remedy=texts, unit=units,
    source=st.sampled_from(["memory", "runbook", "model", "person"]), steps=st.lists(steps, max_size=3).map(tuple),
    incident=st.none() | names, attempt=st.integers(1, 9), why=texts, verify_s=st.floats(0, 1e6),
)  # fmt: skip
untrusted = st.none() | st.builds(UntrustedText, raw=texts)
signals = st.builds(
    Signal, kind=st.sampled_from(SignalKind), unit=st.none() | units, at=times, evidence=st.sampled_from(EvidenceKind),
    process=st.none() | st.builds(ProcessKey, pid=st.integers(1, 2**22), started=st.floats(0, 2e9)), data=arguments,
    text=untrusted,
)  # fmt: skip
incidents = st.builds(
    Incident, id=names, fault=st.sampled_from(Fault), unit=units, opened_at=times, began_at=times,
    symptoms=st.lists(signals, max_size=3).map(tuple), affected=st.frozensets(units, max_size=3), summary=texts,
)  # fmt: skip
evidence = st.builds(
    Evidence, probe=names, kind=st.sampled_from(EvidenceKind), unit=units, at=times, facts=arguments, text=untrusted
)
hypotheses = st.builds(
    Hypothesis, cause=texts, unit=units, weight=st.floats(0, 1), speaks_for=st.lists(texts, max_size=2).map(tuple),
    speaks_against=st.lists(texts, max_size=2).map(tuple),
)  # fmt: skip
