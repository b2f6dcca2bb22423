"""What an incident cost, as it was measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from opsagent.model import EvidenceKind, Fault, Incident, Signal, SignalKind
from opsagent.telling.recorder import Recorder, cost_in, merged
from opsagent_tools.units import ProcessKey, UnitId

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
WEB = UnitId("circus", "web", "box")
INCIDENT = Incident(id="i", fault=Fault.HANG, unit=WEB, opened_at=NOW + timedelta(seconds=2), began_at=NOW)


def heard(recorder: Recorder, kind: SignalKind, after_s: float, pid: int = 7, **data: Any) -> None:
    process = ProcessKey(pid, 1.0) if kind in {SignalKind.SAMPLE, SignalKind.DEATH, SignalKind.SPAWNED} else None
    moment = NOW + timedelta(seconds=after_s)
    recorder.observe(Signal(kind=kind, unit=WEB, at=moment, evidence=EvidenceKind.PROBE, process=process, data=data))


def measured() -> Recorder:
    recorder = Recorder()
    for second in range(-300, 0, 2):
        heard(recorder, SignalKind.PROBE_OK, second, latency_s=0.01)
        heard(recorder, SignalKind.SAMPLE, second, rss=1e6)
        heard(recorder, SignalKind.SAMPLE, second + 0.1, pid=8, rss=2e6)
    for second in range(0, 10, 2):
        heard(recorder, SignalKind.PROBE_FAILED, second, reason="timeout")
    heard(recorder, SignalKind.LOG_ERROR, 3, count=4)
    heard(recorder, SignalKind.DEATH, 5)
    heard(recorder, SignalKind.SPAWNED, 6, pid=9)
    heard(recorder, SignalKind.PROBE_OK, 11, latency_s=0.2)
    return recorder


def test_it_counts_what_was_suffered() -> None:
    found = measured().impact(INCIDENT, NOW + timedelta(seconds=20), over=True)
    assert found is not None
    counts = {key: value for key, value in found.items() if key not in {"series", "from", "to"}}
    assert counts == {"probes": 6, "failed_probes": 5, "down_s": 11.0, "errors": 4, "deaths": 1, "restarts": 1}
    series = found["series"]
    assert (series["health"][0], series["latency"][-1]) == ([0.0, 1.0], [131.0, 200.0])
    assert max(value for _, value in series["rss"]) == 3e6
    assert [value for _, value in series["errors"]] == [4.0]


def test_what_lasts_counts_until_now_and_nothing_is_made_up() -> None:
    recorder = Recorder()
    assert recorder.impact(INCIDENT, NOW, over=False) is None
    heard(recorder, SignalKind.PROBE_FAILED, 1)
    for over, down in ((False, 29.0), (True, 0.0)):
        found = recorder.impact(INCIDENT, NOW + timedelta(seconds=30), over=over)
        assert found is not None
        assert found["down_s"] == down


def test_it_is_bounded_and_what_stands_out_is_kept() -> None:
    recorder = Recorder()
    for number in range(20_000):
        heard(recorder, SignalKind.PROBE_OK, number * 0.01, latency_s=9.0 if number == 19_900 else 0.01)
    found = recorder.impact(INCIDENT, NOW + timedelta(seconds=200), over=True)
    assert found is not None
    assert len(found["series"]["latency"]) <= 160
    assert max(value for _, value in found["series"]["latency"]) == 9000.0


def test_what_was_counted_elsewhere_goes_first_and_what_is_measured_meanwhile_is_renewed() -> None:
    early = merged({"down_s": 5.0, "restarts": 1}, None)
    late = merged({"down_s": 9.0, "restarts": 1}, {**early, "failed_requests": 310, "starts": 2, "units": None})
    found = cost_in(late)
    assert found == {"down_s": 9.0, "restarts": 2, "failed_requests": 310}
    assert cost_in(None) is None
