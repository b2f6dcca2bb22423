"""One incident per cause: trouble downstream belongs to the incident of what is down upstream."""

from __future__ import annotations

import pytest

from opsagent.model import SignalKind
from opsagent_tools.units import UnitState
from tests.support.histories import History, line, service


def three() -> History:
    return History(service("store", autorestart=False), service("api", "store"), service("gateway", "api"))


def test_what_fails_because_an_upstream_crashed_is_affected() -> None:
    history = three()
    history.die("store")
    history.failing(["api", "gateway"], 8, "status")
    assert history.open == ["crash of store (api, gateway)"]
    assert len(history.opened) == 1


def test_the_furthest_upstream_is_the_cause() -> None:
    history = three()
    history.failing(["gateway", "api", "store"], 8)
    assert history.open == ["hang of store (api, gateway)"]
    assert [incident.unit.name for incident in history.opened] == ["store"]


def test_a_hanging_upstream_is_waited_for_while_its_slow_probes_confirm_it() -> None:
    history = three()
    history.fail("store", "timeout", 2.0)
    history.failing(["api", "gateway"], 4.0, "status")
    assert history.open == []
    history.fail("store", "timeout", 2.0)
    history.failing(["api", "gateway"], 2.0, "status")
    assert history.open == ["hang of store (api, gateway)"]


def test_an_upstream_that_is_never_confirmed_does_not_hide_the_trouble() -> None:
    history = History(service("store"), service("api", "store"))
    history.fail("store", "timeout", 2.0)
    history.failing(["api"], 10)
    assert history.open == ["hang of api"]


def test_a_well_upstream_explains_nothing() -> None:
    history = three()
    history.ok("store")
    history.failing(["api"], 4)
    assert history.open == ["hang of api"]


@pytest.mark.parametrize("state", [UnitState.STOPPED, UnitState.EXITED])
def test_an_upstream_that_is_down_without_an_incident_is_a_dependency_down(state: UnitState) -> None:
    history = History(service("store", port=None, health=None, autorestart=False), service("api", "store"))
    history.put("store", processes=(), state=state, last_exit=1 if state is UnitState.EXITED else None)
    history.failing(["api"], 4, "status")
    assert history.open == ["dependency_down of store (api)"]
    assert history.only().summary == "store is down and others need it; api affected"


def test_a_finished_job_upstream_is_not_down() -> None:
    history = History(service("migrate", port=None, health=None, autorestart=False), service("api", "migrate"))
    history.put("migrate", processes=(), state=UnitState.EXITED, last_exit=0)
    history.failing(["api"], 4)
    assert history.open == ["hang of api"]


def test_a_frozen_upstream_without_a_probe_hangs() -> None:
    history = History(service("store", health=None), service("api", "store"))
    history.sample("store", state="T")
    history.failing(["api"], 4, "timeout")
    assert history.open == ["hang of store (api)"]


def test_an_incident_downstream_moves_to_the_upstream_that_turns_out_to_be_the_cause() -> None:
    history = three()
    history.failing(["api"], 4)
    assert history.open == ["hang of api"]
    history.die("store")
    assert history.open == ["crash of store (api)"]
    assert [incident.id for incident in history.updated][-1] == history.opened[0].id
    assert len(history.opened) == 1


def test_of_two_incidents_downstream_one_moves_and_the_other_is_taken_back() -> None:
    history = History(service("store"), service("api", "store"), service("web", "store"))
    history.failing(["api", "web"], 4)
    assert sorted(history.open) == ["hang of api", "hang of web"]
    history.die("store")
    assert history.open == ["crash of store (api, web)"]
    assert [closed.why for closed in history.closed] == ["explained by store"]


def test_decided_it_does_not_move() -> None:
    history = three()
    history.failing(["api"], 4)
    history.detector.decided(history.only().id)
    history.die("store")
    assert sorted(history.open) == ["crash of store", "hang of api"]


def test_it_does_not_move_after_a_while() -> None:
    history = three()
    history.failing(["api"], 4)
    history.wait(15)
    history.die("store")
    assert sorted(history.open) == ["crash of store", "hang of api"]


def test_a_unit_that_ends_because_its_upstream_is_down_is_affected() -> None:
    history = three()
    history.die("store")
    history.die("api", 1)
    assert history.open == ["crash of store (api)"]


def test_and_if_it_stays_dead_when_the_upstream_is_well_it_has_its_own() -> None:
    history = History(service("store"), service("api", "store", autorestart=False))
    history.die("store", respawn=True)
    history.die("api", 1)
    assert history.open == ["crash of store (api)"]
    history.wait(5)
    history.ok("store")
    history.mend()
    history.wait(5)
    assert history.open == ["crash of api"]


def test_a_signal_from_outside_is_no_upstreams_fault() -> None:
    history = three()
    history.die("store")
    history.die("api", -9)
    assert sorted(history.open) == ["crash of api", "crash of store"]


def test_a_loop_because_of_an_upstream_belongs_to_it() -> None:
    history = three()
    history.die("store")
    for _ in range(6):
        history.die("api", 1, respawn=True)
        history.wait(2)
    assert history.open == ["crash of store (api)"]


def test_the_dependency_that_a_person_stopped_is_told_once() -> None:
    history = History(service("store"), service("api", "store"))
    history.stop("store")
    history.failing(["api"], 4)
    history.mend(mended=False)
    history.failing(["api"], 60)
    assert len(history.opened) == 1


def test_what_still_fails_when_its_upstream_is_mended_gets_its_own() -> None:
    history = three()
    history.die("store")
    history.failing(["api"], 4)
    history.spawn("store")
    history.ok("store")
    history.mend(mended=None)
    history.failing(["api"], 4)
    assert history.open == ["hang of api"]


def test_units_that_depend_on_each_other_in_a_circle() -> None:
    history = History(service("a", "b"), service("b", "a"))
    history.failing(["a", "b"], 12)
    assert len(history.open) == 1


def test_the_engines_death_is_one_incident_with_all_that_follows() -> None:
    history = three()
    history.die("api")
    history.wait(1)
    history.engine(SignalKind.SUPERVISOR_LOST)
    history.die("gateway", -15)
    history.failing(["store"], 6)
    assert [incident.split(" of ")[0] for incident in history.open] == ["engine_down"]
    assert {unit.name for unit in history.only().affected} == {"api", "gateway", "store"}
    assert [closed.why for closed in history.closed] == ["circus's daemon is gone"]
    history.engine(SignalKind.SUPERVISOR_BACK)
    assert line(history.updated[-1]).startswith("engine_down of engine")


def test_what_the_engine_did_not_start_again_is_a_crash_when_it_is_back() -> None:
    history = History(service("store", autorestart=False))
    history.die("store")
    history.engine(SignalKind.SUPERVISOR_LOST)
    history.wait(5)
    history.engine(SignalKind.SUPERVISOR_BACK)
    history.mend()
    history.wait(5)
    assert history.open == ["crash of store"]
