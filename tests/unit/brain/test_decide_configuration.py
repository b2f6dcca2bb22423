"""What is done about what a service was given: put back, taken up, or left as it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from opsagent.model import Act, Escalate, Fault, LeaveAlone, Scalar
from tests.support.cases import BEGAN, ENDED, case_of, died, failed, outcome, target_of, unit_of

CHANGED_AT = BEGAN.timestamp() - 4.0


def changed(number: int = 1, /, **facts: Any) -> dict[str, Scalar]:
    """What `config_changed` says of one file that was changed before the trouble began."""
    one: dict[str, Scalar] = {
        "path": f"/srv/app{number}.json",
        "name": f"app{number}.json",
        "good": "a" * 64,
        "current": "b" * 64,
        "mode": 0o644,
        "changed_at": CHANGED_AT,
        "restorable": True,
        "declared": True,
        "older": False,
        "read_since": "no",
        **facts,
    }
    return {f"{number}_{name}": value for name, value in one.items()}


def config(*files: dict[str, Scalar]) -> dict[str, dict[str, Scalar]]:
    told = {name: value for file in files for name, value in file.items()}
    return {
        "config_changed": {
            "changed": True,
            "known": True,
            "differs": len(files),
            "changed_at": CHANGED_AT,
            "restorable": len(files) == 1,
            "said": "app1.json of api changed",
            **told,
        }
    }


FAILS: dict[str, dict[str, Scalar]] = {
    "unit_state": {"state": "running", "processes": 1, "instances": 1, "age_s": 30.0, "said": "runs"},
    "health_now": {
        "configured": True,
        "ok": False,
        "reason": "status",
        "status": 500,
        "failing_s": 5.0,
        "last_ok_s": 6.0,
        "said": "status 500",
    },
    "callers": {"unit": "", "above": ""},
}
FAILS_SINCE_ITS_START = {
    **FAILS,
    "unit_state": {**FAILS["unit_state"], "age_s": 8.0},
    "health_now": {**FAILS["health_now"], "last_ok_s": 12.0},
}
DIES: dict[str, dict[str, Scalar]] = {
    **ENDED,
    "unit_state": {"state": "exited", "processes": 0, "instances": 1, "last_exit": 1, "said": "exited"},
}


def steps_of(decision: object) -> list[str]:
    assert isinstance(decision, Act), decision
    return [f"{step.action.name}:{step.action.unit.name}" for step in decision.plan.steps]


def test_what_it_dies_of_at_its_start_is_put_back_and_it_is_started() -> None:
    case = case_of(Fault.CRASH_LOOP, symptoms=tuple(died("api", lived_s=0.3) for _ in range(3)))
    decision, _ = outcome(case, {**DIES, **config(changed())})
    assert steps_of(decision) == ["rollback_config:api", "start:api"]
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "bad_config/rollback_config"


def test_only_what_cannot_be_read_any_more_is_put_back_of_several() -> None:
    case = case_of(Fault.CRASH_LOOP, symptoms=tuple(died("api", lived_s=0.3) for _ in range(3)))
    decision, _ = outcome(case, {**DIES, **config(changed(), changed(2, broken="it is no JSON any more (line 1)"))})
    assert isinstance(decision, Act)
    assert [step.action.args.get("path") for step in decision.plan.steps] == ["/srv/app2.json", None]


def test_what_changed_together_goes_back_together_where_all_of_it_can_be_read() -> None:
    case = case_of(Fault.CRASH_LOOP, symptoms=tuple(died("api", lived_s=0.3) for _ in range(3)))
    decision, _ = outcome(case, {**DIES, **config(changed(), changed(2))})
    assert steps_of(decision) == ["rollback_config:api", "rollback_config:api", "start:api"]


@pytest.mark.parametrize(
    "facts",
    [
        {"on_trial": True, "trial_s": 300.0},
        {"changed_at": BEGAN.timestamp() - 3600},
        {"changed_at": BEGAN.timestamp() + 30},
        {"restorable": False, "why": "it is a link"},
        {"declared": False},
        {"agrees_with": "circus:store@box"},
        {"machine": True},
        {"certificate": True},
    ],
)
def test_a_change_that_explains_nothing_is_never_taken_back(facts: dict[str, Scalar]) -> None:
    case = case_of(Fault.HANG)
    decision, _ = outcome(case, {**FAILS_SINCE_ITS_START, **config(changed(**facts))})
    assert not isinstance(decision, Act) or "rollback_config" not in str(steps_of(decision))


def test_what_was_killed_from_outside_beside_a_change_is_only_started() -> None:
    case = case_of(Fault.CRASH, unit=unit_of("api", autorestart=False), symptoms=(died("api", lived_s=300.0),))
    state: dict[str, Scalar] = {**DIES["unit_state"], "last_exit": -9}
    decision, _ = outcome(case, {**DIES, **config(changed()), "unit_state": state})
    assert steps_of(decision) == ["start:api"]


def test_what_runs_since_before_a_secret_was_changed_takes_it_up() -> None:
    case = case_of(Fault.HANG, upstream=(target_of("store", ports=(9000,)),))
    old: dict[str, Any] = {**FAILS, "unit_state": {**FAILS["unit_state"], "age_s": 500.0}}
    decision, _ = outcome(case, {**old, **config(changed(older=True, secret=True))})
    assert steps_of(decision) in (["reload:api"], ["restart:api"])
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "stale_credentials/reload"


def test_a_dependency_is_never_touched_for_stale_credentials() -> None:
    case = case_of(
        Fault.HANG, upstream=(target_of("store", ports=(9000,)),), tried=(failed("stale_credentials/reload"),)
    )
    old: dict[str, Any] = {**FAILS, "unit_state": {**FAILS["unit_state"], "age_s": 500.0}}
    agrees = changed(older=True, secret=True, agrees_with="circus:store@box")
    decision, _ = outcome(case, {**old, **config(agrees)})
    assert isinstance(decision, Escalate | LeaveAlone)


def test_a_secret_that_was_taken_up_in_vain_is_not_made_the_old_one_again() -> None:
    case = case_of(Fault.HANG, tried=(failed("stale_credentials/reload"),))
    decision, _ = outcome(case, {**FAILS_SINCE_ITS_START, **config(changed(secret=True))})
    assert not isinstance(decision, Act) or "rollback_config" not in str(steps_of(decision))


def test_a_broken_file_is_not_taken_up_but_put_back() -> None:
    case = case_of(Fault.HANG)
    old: dict[str, Any] = {**FAILS, "unit_state": {**FAILS["unit_state"], "age_s": 500.0}}
    decision, _ = outcome(case, {**old, **config(changed(older=True, broken="it is no TOML any more"))})
    assert steps_of(decision)[0] == "rollback_config:api"


def test_who_overloads_what_it_depends_on_since_its_configuration_was_changed_gets_that_back() -> None:
    store, shop = unit_of("store"), target_of("shop", ports=(8100,))
    case = case_of(Fault.HANG, unit=store, others=(shop,), downstream=frozenset({shop.unit.id}))
    answers = {
        "health_now:store": {**FAILS["health_now"], "reason": "timeout", "said": "timeout"},
        "unit_state:store": {**FAILS["unit_state"], "age_s": 500.0},
        "process_state:store": {"processes": 1, "stopped": 0, "busy": True, "said": "works all the time"},
        "callers:store": {
            "unit": str(shop.unit.id),
            "changed_at": CHANGED_AT,
            "said": "app1.json of shop changed",
        },
        "config_changed:shop": config(changed())["config_changed"],
        "unit_state:shop": {**FAILS["unit_state"], "age_s": 8.0},
    }
    decision, _ = outcome(case, answers)
    assert steps_of(decision)[0] == "rollback_config:shop"


def test_a_caller_keeps_what_it_was_given_where_the_other_hangs_idly() -> None:
    store, shop = unit_of("store"), target_of("shop", ports=(8100,))
    case = case_of(Fault.HANG, unit=store, others=(shop,), downstream=frozenset({shop.unit.id}))
    answers = {
        "health_now:store": {**FAILS["health_now"], "reason": "timeout", "said": "timeout"},
        "unit_state:store": {**FAILS["unit_state"], "age_s": 500.0},
        "process_state:store": {"processes": 1, "stopped": 0, "said": "idle"},
        "callers:store": {"unit": str(shop.unit.id), "changed_at": CHANGED_AT, "said": "app1.json of shop changed"},
        "config_changed:shop": config(changed())["config_changed"],
        "unit_state:shop": {**FAILS["unit_state"], "age_s": 8.0},
    }
    decision, _ = outcome(case, answers)
    assert not isinstance(decision, Act) or "rollback_config" not in str(steps_of(decision))


def environment(**facts: Scalar) -> dict[str, dict[str, Scalar]]:
    told: dict[str, Scalar] = {
        "changed": True,
        "known": True,
        "restorable": True,
        "caps": False,
        "started_at": CHANGED_AT,
        "good": "a" * 64,
        "current": "b" * 64,
        "said": "api is not given what it was last well with: variables DB_HOST differ",
        **facts,
    }
    return {"environment_changed": told}


def test_a_wrong_environment_is_given_back_and_not_restarted_with() -> None:
    decision, _ = outcome(case_of(Fault.HANG), {**FAILS_SINCE_ITS_START, **environment()})
    assert steps_of(decision) == ["rollback_config:api"]
    assert isinstance(decision, Act)
    assert decision.plan.steps[0].action.args["definition"] == "a" * 64


def test_an_environment_that_is_somebody_elses_to_give_calls_a_person() -> None:
    decision, _ = outcome(case_of(Fault.HANG), {**FAILS_SINCE_ITS_START, **environment(restorable=False)})
    assert isinstance(decision, Escalate)
    assert "DB_HOST" in decision.why


def test_an_environment_that_it_was_well_with_for_minutes_is_left_as_it_is() -> None:
    began = environment(on_trial=True, trial_s=200.0, started_at=BEGAN.timestamp() - 210)
    decision, _ = outcome(case_of(Fault.HANG), {**FAILS, **began})
    assert not isinstance(decision, Act) or "rollback_config" not in str(steps_of(decision))


def test_a_cap_that_was_lowered_is_set_back() -> None:
    deaths = tuple(died("api", lived_s=3.0, at=BEGAN + timedelta(seconds=3 * n)) for n in range(3))
    state: dict[str, Scalar] = {**DIES["unit_state"], "last_exit": 134}
    caps = environment(caps=True, started_at=BEGAN.timestamp() - 4, said="--max-old-space-size 512 → 24")
    decision, _ = outcome(case_of(Fault.CRASH_LOOP, symptoms=deaths), {**DIES, **caps, "unit_state": state})
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "heap_cap/rollback_config"


def certificate(**facts: Scalar) -> dict[str, dict[str, Scalar]]:
    told: dict[str, Scalar] = {
        "unit": "circus:api@box",
        "bad": True,
        "renewed": False,
        "restorable": False,
        "bad_since": BEGAN.timestamp() - 2,
        "said": "server.crt of api has expired",
        **facts,
    }
    return {"certificates": told}


def test_a_renewed_certificate_is_taken_up() -> None:
    decision, _ = outcome(case_of(Fault.HANG), {**FAILS, **certificate(renewed=True)})
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "certificate_expired/reload"


def test_a_certificate_goes_back_with_its_key() -> None:
    files = config(changed(certificate=True, path="/srv/a.crt"), changed(2, certificate=True, path="/srv/a.key"))
    bad = certificate(restorable=True, path="/srv/a.crt", good="a" * 64, current="b" * 64, mode=0o644)
    decision, _ = outcome(case_of(Fault.HANG), {**FAILS_SINCE_ITS_START, **files, **bad})
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "certificate_expired/rollback_config"
    assert [step.action.args.get("path") for step in decision.plan.steps] == ["/srv/a.crt", "/srv/a.key", None]


def test_an_expired_certificate_that_nobody_renewed_calls_a_person() -> None:
    decision, _ = outcome(case_of(Fault.HANG), {**FAILS, **certificate()})
    assert isinstance(decision, Escalate)
    assert "has expired" in decision.why


def test_where_names_are_not_resolved_nothing_is_restarted() -> None:
    dead: dict[str, dict[str, Scalar]] = {
        "resolver": {"failing": True, "silent": True, "said": "no name server answers (10.0.0.2)"},
        "process_state": {"processes": 1, "stopped": 0, "said": "idle"},
    }
    decision, _ = outcome(case_of(Fault.HANG), {**FAILS, **dead})
    assert isinstance(decision, Escalate)
    assert "no name server answers" in decision.why


def above_renewed(**answers: dict[str, Scalar]) -> tuple[Any, dict[str, dict[str, Scalar]]]:
    """A case in which `tls` was given another certificate: `api`, which goes by it, fails since; its key is unread."""
    tls = target_of("tls", ports=(9000,))
    at = BEGAN.timestamp() - 1.0
    files = config(
        changed(path="/srv/site.crt", certificate=True, older=True, read_since="yes", changed_at=at),
        changed(2, path="/srv/site.key", certificate=True, older=True, read_since="no", changed_at=at),
    )
    told: dict[str, dict[str, Scalar]] = {
        **FAILS,
        "unit_state": {**FAILS["unit_state"], "age_s": 500.0},
        "health_now:tls": {"configured": True, "ok": True, "said": "healthy"},
        "callers": {"unit": "", "above": str(tls.unit.id), "above_changed_at": at, "said": "site.crt of tls changed"},
        "config_changed:tls": files["config_changed"],
        "certificates": {"unit": str(tls.unit.id), "bad": False, "said": "valid for 60 days"},
        **answers,
    }
    return case_of(Fault.HANG, upstream=(tls,)), told


def test_what_it_depends_on_takes_up_the_certificate_that_others_go_by_already() -> None:
    case, told = above_renewed()
    decision, _ = outcome(case, told)
    assert steps_of(decision) in (["reload:tls"], ["restart:tls"])
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "stale_credentials/reload_above"


@pytest.mark.parametrize(
    ("probe", "facts"),
    [
        ("config_changed:tls", {"2_read_since": "yes"}),
        ("config_changed:tls", {"2_read_since": "unknown"}),
        ("config_changed:tls", {"1_read_since": "no"}),
        ("config_changed:tls", {"1_older": False, "2_older": False}),
        ("config_changed:tls", {"1_certificate": False}),
        ("config_changed:tls", {"1_changed_at": BEGAN.timestamp() + 30}),
        ("config_changed:tls", {"1_broken": "it is no certificate any more"}),
        ("config_changed", {"changed": True, "differs": 1}),
        ("health_now", {"ok": True}),
        ("health_now", {"reason": "timeout"}),
        ("callers", {"above_changed_at": BEGAN.timestamp() - 90}),
        ("callers", {"above": ""}),
        ("certificates", {"bad": True}),
        ("process_state:tls", {"processes": 1, "debugged": True}),
        ("dependencies", {"ok": False, "root": "circus:tls@box", "root_state": "stopping", "said": "tls is not well"}),
    ],
)
def test_what_it_depends_on_is_left_alone_where_anything_speaks_against_that(
    probe: str, facts: dict[str, Scalar]
) -> None:
    case, told = above_renewed()
    decision, _ = outcome(case, {**told, probe: {**told.get(probe, {}), **facts}})
    assert not isinstance(decision, Act) or decision.plan.remedy != "stale_credentials/reload_above"
