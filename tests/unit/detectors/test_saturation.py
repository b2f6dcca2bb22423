"""What is used up soon and surely is an incident; what is far is a notice; what stands still is nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from opsagent.detectors.saturation import lasts, span
from opsagent.model import EvidenceKind, Fault
from opsagent.naming import host_unit
from opsagent.notice import NoticeKind
from tests.support.histories import History, service, uid
from tests.support.measured import GB, disk, noticed, run_host, run_unit, tell, tell_host

HOUR, DAY = 3600.0, 86_400.0


def test_a_disk_that_is_full_within_the_hour_is_an_incident_of_the_machine() -> None:
    history = History()
    run_host(history, lambda at: disk(min(0.99, 0.7 + 0.3 * at / 4200)), 2000)
    incident = history.only()
    assert (incident.fault, incident.unit) == (Fault.SATURATION, host_unit())
    assert {symptom.evidence for symptom in incident.symptoms} == {EvidenceKind.KERNEL}
    assert "runs out of disk space on /srv (80% used, all of it in" in incident.summary
    assert incident.summary.endswith("min)")
    assert [notice.kind for notice in noticed(history)] == [NoticeKind.SATURATION]
    data = incident.symptoms[-1].data
    assert data["full_in_s"] == pytest.approx(0.2 * 14_000, rel=0.2)


def test_it_is_told_once() -> None:
    history = History()
    run_host(history, lambda at: disk(min(0.9999, 0.7 + 0.3 * at / 4200)), 5000)
    assert len(history.opened) == 1
    assert len(noticed(history)) == 1
    assert lasts(history.only(), history.world, history.now)


QUIET: dict[str, Any] = {
    "stands high and still": (lambda at: disk(0.97), HOUR),
    "was full before anybody looked": (lambda at: disk(0.999), HOUR),
    "grows slowly and is far from full": (lambda at: disk(0.3 + 0.05 * at / DAY), HOUR * 6),
    "one large file": (lambda at: disk(0.5 if at < 1000 else 0.93), HOUR),
    "is emptied every day": (lambda at: disk(0.3 + 0.45 * (at % DAY) / DAY), 2 * DAY),
    "does not answer": (lambda at: {"mount": "/nfs", "filesystem": "nfs4", "hangs": True}, HOUR),
    "inodes without a number": (lambda at: disk(0.4, inodes=0, inodes_used=0), HOUR),
    "memory stands high": (lambda at: {"memory_total": 8 * GB, "memory_available": GB // 4}, HOUR),
}


@pytest.mark.parametrize("name", QUIET)
def test_what_is_no_trouble_opens_nothing(name: str) -> None:
    figures, seconds = QUIET[name]
    history = History()
    run_host(history, figures, seconds, every=10 if seconds <= HOUR else 60)
    assert history.opened == []
    assert [notice.text for notice in noticed(history)][1:] == []
    if seconds <= HOUR:
        assert noticed(history) == []


def test_inodes_run_out_as_disks_do() -> None:
    history = History()
    run_host(history, lambda at: disk(0.2, inodes=1000, inodes_used=int(700 + 300 * at / 4200)), 2400)
    assert "runs out of inodes on /srv" in history.only().summary


def test_memory_of_the_machine_runs_out() -> None:
    history = History()
    run_host(history, lambda at: {"memory_total": 8 * GB, "memory_available": int(8 * GB * (0.35 - at / 8000))}, 2400, every=5)  # fmt: skip
    assert "machine runs out of memory" in history.only().summary


def test_who_fills_the_disk_has_the_incident() -> None:
    history = History(service("api"), service("web"))
    who: dict[str, Any] = {
        "writer": str(uid("api")),
        "writer_name": "api",
        "writer_share": 0.95,
        "writer_path": "/srv/api.log",
    }
    run_host(history, lambda at: disk(0.7 + 0.3 * at / 4200, **who), 2400)
    incident = history.only()
    assert incident.unit == uid("api")
    assert "api writes most" in incident.summary


def test_who_writes_a_part_of_it_does_not() -> None:
    history = History(service("api"))
    who: dict[str, Any] = {
        "writer": str(uid("api")),
        "writer_name": "api",
        "writer_share": 0.3,
        "writer_path": "/srv/api.log",
    }
    run_host(history, lambda at: disk(0.7 + 0.3 * at / 4200, **who), 2400)
    assert history.only().unit == host_unit()
    assert "api" not in history.only().summary


def test_memory_used_as_a_disk_is_only_noticed() -> None:
    history = History()
    run_host(history, lambda at: disk(0.7 + 0.3 * at / 4200) | {"filesystem": "tmpfs"}, 2400)
    assert history.opened == []
    assert {notice.kind for notice in noticed(history)} == {NoticeKind.SATURATION}


def fds(used: float, limit: int = 1024) -> dict[str, Any]:
    return {"fds": int(used), "fds_limit": limit, "fds_share": round(int(used) / limit, 4)}


def test_descriptors_that_leak_are_told_before_the_last_one() -> None:
    history = History(service("api"))
    run_unit(history, "api", lambda at: fds(20 + at * 5), 195, every=1)
    incident = history.only()
    assert (incident.fault, incident.unit) == (Fault.SATURATION, uid("api"))
    assert "api runs out of file descriptors" in incident.summary
    assert incident.opened_at - incident.began_at < timedelta(minutes=5)


@pytest.mark.parametrize(
    "used",
    [
        lambda at: 900.0,
        lambda at: 100 + 500 * (at > 60),
        lambda at: 300 + 400 * ((at // 20) % 2),
        lambda at: 30 + at / 40,
    ],
    ids=["many, always", "one step", "as many as there are requests", "few"],
)
def test_descriptors_that_are_in_use_are_not_told(used: Any) -> None:
    history = History(service("api"))
    run_unit(history, "api", lambda at: fds(used(at)), 1800, every=5)
    assert history.told == []


def test_it_is_over_when_there_is_room_or_nothing_grows() -> None:
    history = History()
    run_host(history, lambda at: disk(0.7 + 0.3 * at / 4200), 2000)
    incident = history.only()
    assert lasts(incident, history.world, history.now)
    tell_host(history, **disk(0.6))
    assert not lasts(incident, history.world, history.now)
    run_host(history, lambda at: disk(0.85), 1200)
    assert not lasts(incident, history.world, history.now)


def test_it_is_over_when_the_process_is_gone() -> None:
    history = History(service("api"))
    run_unit(history, "api", lambda at: fds(20 + at * 5), 195, every=1)
    incident = history.only()
    assert lasts(incident, history.world, history.now)
    history.die("api", respawn=True)
    assert not lasts(incident, history.world, history.now)


def test_the_forecast_is_for_whoever_asks() -> None:
    history = History(service("api"))
    run_unit(history, "api", lambda at: fds(20 + at * 5), 100, every=1)
    run_host(history, lambda at: disk(0.6 + at / 8000), 900)
    forecast = history.detector.metrics.forecast
    disks, own = forecast("disk:/srv"), forecast(f"fds:{uid('api')}")
    assert disks is not None
    assert own is not None
    assert disks["resource"] == "disk"
    assert forecast("disk:/other") is None
    assert forecast("memory") is None


def test_a_process_that_is_gone_is_forgotten() -> None:
    history = History(service("api"))
    run_unit(history, "api", lambda at: fds(20 + at * 5), 100, every=1)
    history.die("api", respawn=True)
    tell(history, "api", **fds(30))
    assert history.detector.metrics.forecast(f"fds:{uid('api')}") is None


@pytest.mark.parametrize(
    ("soonest", "latest", "said"),
    [(5, 9, "5 to 9 s"), (1800, 3000, "30 to 50 min"), (2400, 2400, "40 min"), (7000, 9000, "2 h"), (90_000, 400_000, "1 to 5 days")],
)  # fmt: skip
def test_times_are_told_as_coarsely_as_they_are_known(soonest: float, latest: float, said: str) -> None:
    assert span(soonest, latest) == said
