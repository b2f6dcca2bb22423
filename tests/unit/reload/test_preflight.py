"""What a preflight says of each thing that it looks at, whether it blocks, and what it says that it will cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsagent.claims import Claim
from opsagent.model import Fault, Incident
from opsagent.planning import Way
from opsagent.preflight import Known, ago, judge
from opsagent.preflight_items import Level, Preflight
from opsagent.store.changes import ChangeRow
from opsagent.store.rows import DeployRow, HoldRow, IncidentRow
from opsagent_tools.findings import Finding, Severity
from opsagent_tools.probes.health import ProbeResult
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitSetup, UnitState

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
API = UnitId("fake", "api", "box")


def unit(count: int = 3, **values: Any) -> Unit:
    processes = tuple(Process(key=ProcessKey(100 + n, 1.0)) for n in range(count))
    given: dict[str, Any] = {"state": UnitState.RUNNING, "processes": processes, "instances": count, "surges": True}
    return Unit(id=API, **{**given, **values})


def known(**values: Any) -> Known:
    given: dict[str, Any] = {
        "unit": unit(),
        "way": Way.BESIDE,
        "what": "reload",
        "by": "kim",
        "now": NOW,
        "setup": UnitSetup(id=API),
        "probe": ProbeResult(ok=True, latency_s=0.004, status=200),
        "counted": True,
        "open_connections": 12,
    }
    return Known(**{**given, **values})


def change(**values: Any) -> ChangeRow:
    given: dict[str, Any] = {"action": "reload", "done": True, "took_s": 6.5, "down_s": 0.0, "asked": 99, "failed": 0}
    return ChangeRow(unit=API, at=NOW - timedelta(hours=3), seen_by="probe", **{**given, **values})


def incident(status: Any, fault: Fault = Fault.CRASH) -> IncidentRow:
    one = Incident(id="inc-1", fault=fault, unit=API, opened_at=NOW, began_at=NOW, summary="api crashed")
    return IncidentRow(incident=one, status=status)


def hold(by: str) -> HoldRow:
    return HoldRow(id="h", unit=API, until=NOW + timedelta(hours=2), why="moving the disk", by=by, at=NOW)


def deploy(by: str) -> DeployRow:
    return DeployRow(id="d", unit=API, by=by, why="7.2", began_at=NOW, until=NOW + timedelta(hours=1))


def cuts(severity: Severity = Severity.WARNING) -> Finding:
    return Finding(
        check="reload/ignores_stop_signal",
        unit=API,
        severity=severity,
        says="3 of 3 instances handle no SIGTERM and end at once; right now 2 requests in flight would be cut",
        mend="handle SIGTERM",
    )


def level(found: Preflight, name: str) -> str:
    return next(item.level.value for item in found.items if item.name == name)


def says(found: Preflight, name: str) -> str:
    return next(item.says for item in found.items if item.name == name)


def test_where_all_is_well_nothing_blocks_and_nothing_costs() -> None:
    found = judge(known())
    assert (found.blocked, found.costs) == ("", "")
    assert {item.level for item in found.items} == {Level.OK}
    assert [item.name for item in found.items] == ["health", "instances", "graceful", "last"]
    assert says(found, "health") == "3 of 3 instances run, its probe answers in 4 ms"
    assert says(found, "graceful") == "nothing seen that would cut requests off; 12 connections are open now"
    assert says(found, "last") == "no reload of it is remembered"
    assert found.lines()[0] == "preflight ok    health: 3 of 3 instances run, its probe answers in 4 ms"


BLOCKS: list[tuple[str, dict[str, Any], str]] = [
    (
        "busy",
        {"claim": Claim(plan="p", what="reload of api", pid=7, since=NOW.isoformat())},
        "another reload of api is",
    ),
    ("busy", {"setup": UnitSetup(id=API, busy="pm2 reload runs since 12:00")}, "pm2 reload runs since 12:00"),
    ("busy", {"unit": unit(processes=(Process(key=ProcessKey(9, 1.0), wanted=False),))}, "is just ending process 9"),
    ("health", {"unit": unit(instances=4)}, "it is running, 3 of 4 instances run: there is nothing to prove against"),
    ("health", {"unit": unit(0, state=UnitState.EXITED, reason="exit code 3")}, "0 of 0 instances run (exit code 3)"),
    ("health", {"frozen": (100, 101)}, "processes 100, 101 stopped by a signal"),
    ("health", {"probe": ProbeResult(ok=False, reason="status", status=503)}, "its health probe now (status 503)"),
    ("incident", {"incident": incident("repairing")}, "incident inc-1 is open (crash, repairing): api crashed"),
    ("incident", {"incident": incident("open")}, "incident inc-1 is open (crash, open)"),
    ("incident", {"incident": incident("repairing", Fault.BAD_RELEASE)}, "is open (bad_release, repairing)"),
    ("hold", {"hold": hold("lee")}, "lee holds it until 14:00 UTC: moving the disk; `opsagent release api` ends it"),
    ("deploy", {"deploy": deploy("lee")}, "lee deploys it since 12:00 UTC: 7.2; `opsagent deploy end api` ends it"),
    ("instances", {"what": "scale", "wanted": 0}, "at least one instance has to stay"),
]


@pytest.mark.parametrize(("name", "values", "why"), BLOCKS)
def test_what_blocks(name: str, values: dict[str, Any], why: str) -> None:
    found = judge(known(**values))
    assert level(found, name) == "block"
    assert why in says(found, name)
    assert found.blocked == next(item.says for item in found.items if item.level is Level.BLOCK)


WARNS: list[tuple[str, dict[str, Any], str]] = [
    ("surplus", {"unit": unit(instances=2)}, "3 run where 2 are wanted"),
    ("surplus", {"broken_off": 2}, "3 run where 2 were wanted when a reload of it was broken off"),
    ("incident", {"incident": incident("escalated")}, "incident inc-1 is open (crash, escalated)"),
    ("incident", {"incident": incident("open", Fault.BAD_RELEASE)}, "incident inc-1 is open (bad_release, open)"),
    ("hold", {"hold": hold("kim")}, "kim holds it until 14:00 UTC"),
    ("instances", {"way": Way.ONE_BY_ONE}, "one of 3 is down at a time while 2 serve; the first is the canary"),
    ("instances", {"way": Way.RESTART, "unit": unit(1, surges=False)}, "nothing can stand beside it"),
    ("graceful", {"graceful": (cuts(),)}, "2 requests in flight would be cut; to mend it: handle SIGTERM"),
    (
        "last",
        {"last": change(done=False, why="it did not start")},
        "the last reload, 3 h ago, failed: it did not start",
    ),
    ("dependents", {"way": Way.RESTART, "dependents": ("web", "worker")}, "web, worker depend on it"),
    (
        "load",
        {"what": "scale", "wanted": 1, "cores": 1.5},
        "its instances use 1.50 cores together; 1 would use 1.50 each",
    ),
    ("load", {"way": Way.ONE_BY_ONE, "cores": 2.4}, "2 would use 1.20 each"),
]


@pytest.mark.parametrize(("name", "values", "why"), WARNS)
def test_what_is_said_and_does_not_block(name: str, values: dict[str, Any], why: str) -> None:
    found = judge(known(**values))
    assert level(found, name) == "warn"
    assert why in says(found, name)
    assert found.blocked == ""


COSTS: list[tuple[dict[str, Any], str]] = [
    (
        {"way": Way.RESTART, "unit": unit(1)},
        "it does not serve while it starts anew; how long that takes is not known yet",
    ),
    (
        {"way": Way.RESTART, "unit": unit(1), "last_gap": change(action="restart", down_s=2.34, failed=20)},
        "it does not serve while it starts anew: 2.3 s last time (3 h ago, by its health probe)",
    ),
    (
        {"way": Way.RESTART, "unit": unit(1, shares_socket=True), "last_gap": change(took_s=1.2)},
        "requests wait while it starts anew: 1.2 s last time (3 h ago, by its health probe)",
    ),
    ({"graceful": (cuts(),)}, cuts().says),
    ({"way": Way.ONE_BY_ONE, "cores": 2.4}, "2 of its instances would have to do 2.40 cores' work"),
    ({"what": "scale", "wanted": 1, "cores": 1.5}, "1 of its instances would have to do 1.50 cores' work"),
]


@pytest.mark.parametrize(("values", "cost"), COSTS)
def test_what_it_will_cost(values: dict[str, Any], cost: str) -> None:
    assert judge(known(**values)).costs == cost


@pytest.mark.parametrize(
    "values",
    [
        {"graceful": (cuts(),), "open_connections": 0},
        {"graceful": (cuts(Severity.NOTE),)},
        {"what": "scale", "wanted": 2, "cores": 0.4},
        {"way": Way.ONE_BY_ONE, "cores": 0.4},
        {"way": Way.RESTART, "unit": unit(0, state=UnitState.STOPPED)},
    ],
)
def test_what_costs_nothing(values: dict[str, Any]) -> None:
    assert judge(known(**values)).costs == ""


def test_whoever_restarts_it_outright_may_do_so_because_it_is_ill() -> None:
    ill = known(what="restart", way=Way.RESTART, unit=unit(instances=4), incident=incident("open"))
    found = judge(ill)
    assert found.blocked == ""
    assert (level(found, "health"), level(found, "incident")) == ("warn", "warn")
    assert judge(replace(ill, what="reload")).blocked
    safer = says(judge(known(what="restart", way=Way.RESTART)), "instances")
    assert safer.startswith("all 3 end before a new one starts")
    assert 'opsagent do "reload api safely"' in safer


def test_the_json_form() -> None:
    form = judge(known(claim=Claim(plan="p", what="reload of api", pid=7, since=NOW.isoformat()))).to_json()
    assert set(form) == {"unit", "what", "way", "blocked", "costs", "items"}
    assert form["blocked"] == "another reload of api is under way since 12:00:00 UTC (process 7)"
    assert form["costs"] is None
    assert set(form["items"][0]) == {"name", "level", "says", "facts"}


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0 s ago"), (119, "119 s ago"), (120, "2 min ago"), (7200, "2 h ago"), (2e6, "23 d ago")]
)
def test_ago(seconds: float, told: str) -> None:
    assert ago(seconds) == told


def test_a_script_that_was_changed_since_tells_nothing_of_what_runs(tmp_path: Path) -> None:
    from opsagent.preflight_facts import _graceful
    from opsagent_tools.lint.graceful import ProcessFacts

    script = tmp_path / "app.js"
    script.write_text("require('http').createServer().listen(1)")
    setup = UnitSetup(id=API, script=script)
    processes = (ProcessFacts(pid=1, runtime="node"),)
    changed = script.stat().st_mtime
    ((same,), ()) = _graceful(setup, processes, changed + 60)
    assert (same.check, same.severity) == ("reload/ignores_stop_signal", Severity.WARNING)
    (running,), (coming,) = _graceful(setup, processes, changed - 60)
    assert (running.severity, coming.severity) == (Severity.NOTE, Severity.WARNING)
    assert running.says.startswith("app.js was changed since these instances were started")
    assert coming.says == "of what is started now: app.js has no handler for SIGTERM: Node ends at once"
    link = tmp_path / "current"
    link.symlink_to(tmp_path)
    ((running,), _) = _graceful(UnitSetup(id=API, script=link / "app.js"), processes, link.lstat().st_ctime - 0.5)
    assert "was changed since" in running.says
