"""When trouble that comes and goes is over: after some time without a bad or slow answer, not after one good one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsagent.model import Fault, Incident, Signal, SignalKind
from opsagent.waiting import answers_badly
from tests.support.histories import History, service, uid


@pytest.mark.parametrize(
    ("kind", "latency_s", "good_for_s", "badly"),
    [
        (SignalKind.PROBE_FAILED, 0.01, 3, True),
        (SignalKind.PROBE_FAILED, 0.01, 20, False),
        (SignalKind.PROBE_OK, 0.9, 3, True),
        (SignalKind.PROBE_OK, 0.9, 20, False),
        (SignalKind.PROBE_OK, 0.02, 3, False),
    ],
)
def test_it_has_to_answer_well_for_a_while(kind: SignalKind, latency_s: float, good_for_s: int, badly: bool) -> None:
    history = History(service("api"))
    history.signal(kind, "api", latency_s=latency_s)
    for _ in range(good_for_s):
        history.wait(1.0)
        history.signal(SignalKind.PROBE_OK, "api", latency_s=0.02)
    (told,) = list(history.world.past(uid("api")).answers)[:1]
    symptom: Signal = replace(told, data={**told.data, "limit_s": 0.4})
    incident = Incident(
        id="i1", fault=Fault.DEGRADED, unit=uid("api"), opened_at=told.at, began_at=told.at, symptoms=(symptom,)
    )
    assert answers_badly(incident, history.world, history.now) is badly
    assert not answers_badly(replace(incident, fault=Fault.HANG), history.world, history.now)
