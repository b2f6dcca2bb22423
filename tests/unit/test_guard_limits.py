"""The guard's measure: budgets, breaker, blast radius, tiers, quiet hours, paths, changes beyond the supervisor, grants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent.guard import Situation, every_ruling, risk_of, rule_on_plan
from opsagent.model import Cause, Check, CheckKind, Plan, Risk, Ruling, Step
from opsagent.planning import new_plan, restart_steps, start_steps
from opsagent.policy import Policy
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.registry import TOOLS
from opsagent_tools.services.spec import Mode, ServiceSpec
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

API, STORE = UnitId("circus", "api", "here"), UnitId("circus", "store", "here")
AUTO = Policy(mode="auto", home="/var/lib/opsagent")
SPEC = ServiceSpec(name="api", command=("api",), cwd=Path("/srv/api"), config_files=(Path("/etc/resolv.conf"),))


def a_unit(instances: int = 1, **changes: Any) -> Unit:
    processes = tuple(Process(key=ProcessKey(100 + number, 1.0)) for number in range(instances))
    values = {"id": API, "state": UnitState.RUNNING, "processes": processes, "instances": instances, "uid": 1000}
    return Unit(**{**values, **changes})


def step(name: ActionName, **args: Any) -> Step:
    return Step(action=Action(name=name, unit=API, args=args), goal=Check(kind=CheckKind.ALWAYS, unit=API))


START = start_steps(a_unit())


def ruling(
    what: Step | tuple[Step, ...] = START, policy: Policy = AUTO, /, cause: Cause = Cause.CRASHED,
    remedy: str = "crash/start", origin: Any = "agent", **situation: Any,
) -> Ruling:  # fmt: skip
    steps = what if isinstance(what, tuple) else (what,)
    plan = new_plan(unit=API, steps=steps, remedy=remedy, origin=origin, source="runbook", cause=cause)
    return rule_on_plan(plan, Situation(**{"unit": a_unit(), "spec": SPEC, "own_uid": 1000, **situation}), policy)


RESTART = restart_steps(a_unit())


@pytest.mark.parametrize(
    ("situation", "kind", "rule"),
    [
        # breaker: per unit and cause; what is counted is gathered for just this plan
        ({"failed_repairs": 2}, {}, "mode"),
        ({"failed_repairs": 3, "since_failure_s": 10.0}, {}, "breaker"),
        ({"failed_repairs": 3, "since_failure_s": 900.0}, {}, "trial"),
        ({"failed_repairs": 4, "since_failure_s": 900.0, "trials": 1}, {}, "breaker"),
        ({"failed_repairs": 4, "since_failure_s": 1800.0, "trials": 1}, {}, "trial"),
        ({"failed_repairs": 3, "since_failure_s": 900.0, "hold": "mine"}, {}, "hold"),
        # budgets: a smaller one for what outsiders can bring about
        ({"unit_actions": 4}, {}, "mode"),
        ({"unit_actions": 4}, {"cause": Cause.POISON_ITEM}, "budget"),
        ({"unit_actions": 4}, {"cause": Cause.UNKNOWN, "remedy": "hang/restart"}, "budget"),
        ({"unit_actions": 4}, {"cause": Cause.STOPPED_BY_SIGNAL, "remedy": "hang/continue"}, "mode"),
        ({"all_actions": 10}, {"cause": Cause.LOG_FLOOD}, "budget"),
        ({"all_actions": 10}, {}, "mode"),
        # tiers
        ({"beside": "store is being changed"}, {}, "tiers"),
        # quiet hours: only what may interrupt, and only while all serve
        ({"quiet": "until 07:00 (UTC)", "quiet_s": 60.0}, {}, "mode"),
        ({"quiet": "until 07:00 (UTC)", "quiet_s": 60.0}, {"what": RESTART}, "quiet hours"),
        ({"quiet": "until 07:00 (UTC)", "outage": "api does not serve"}, {"what": RESTART}, "mode"),
    ],
)
def test_measure_as_a_table(situation: dict[str, Any], kind: dict[str, Any], rule: str) -> None:
    kind = dict(kind)
    found = ruling(kind.pop("what", START), AUTO, **kind, **situation)
    assert found.rule == rule, found
    assert found.why


def test_what_is_put_off_says_when_to_ask_again() -> None:
    assert ruling(RESTART, AUTO, quiet="until 07:00 (UTC)", quiet_s=60.0).again_s == 60.0
    assert ruling(RESTART, AUTO, failed_repairs=3, since_failure_s=100.0).again_s == 800.0
    assert ruling(RESTART, AUTO, unit_actions=5, budget_s=42.0).again_s == 42.0


@pytest.mark.parametrize(
    ("name", "instances", "args", "serving", "rule"),
    [
        (ActionName.RESTART, 4, {}, True, "blast radius"),
        (ActionName.STOP, 2, {}, True, "blast radius"),
        (ActionName.RESTART, 4, {}, False, "mode"),
        (ActionName.RESTART, 1, {}, True, "mode"),
        (ActionName.RELOAD, 8, {"batch": "1,2"}, True, "mode"),
        (ActionName.RELOAD, 8, {"batch": "1,2,3"}, True, "blast radius"),
        (ActionName.RELOAD, 2, {"batch": "1"}, True, "mode"),
        (ActionName.SCALE, 4, {"instances": 1}, True, "blast radius"),
    ],
)
def test_never_more_than_a_part_of_a_service_at_once(
    name: ActionName, instances: int, args: dict[str, Any], serving: bool, rule: str
) -> None:
    assert ruling(step(name, **args), AUTO, unit=a_unit(instances), serving=serving).rule == rule


def test_the_part_is_a_setting() -> None:
    one, half = step(ActionName.RELOAD, batch="1,2,3,4"), Policy(mode="auto", blast_radius=0.5)
    assert ruling(one, AUTO, unit=a_unit(8)).rule == "blast radius"
    assert ruling(one, half, unit=a_unit(8)).rule == "mode"


@pytest.mark.parametrize(
    ("name", "path", "rule"),
    [
        (ActionName.ROTATE_LOG, "/srv/api/logs/api.log", "mode"),
        (ActionName.RESTORE_MODE, "/srv/api/data", "mode"),
        (ActionName.QUARANTINE, "/srv/api/../../etc/shadow", "protected path"),
        (ActionName.QUARANTINE, "/srv/api//../../etc//sudoers.d/ops", "protected path"),
        (ActionName.ROLLBACK_CONFIG, "/etc/shadow", "protected path"),
        (ActionName.ROLLBACK_CONFIG, "/home/kim/.ssh/authorized_keys", "protected path"),
        (ActionName.RESTORE_MODE, "/root/.ssh", "protected path"),
        (ActionName.QUARANTINE, "/var/lib/postgresql/15/main/postmaster.pid", "protected path"),
        (ActionName.QUARANTINE, "/srv/api/data/postmaster.pid", "protected path"),
        (ActionName.QUARANTINE, "/var/lib", "protected path"),
        (ActionName.TRUNCATE_LOG, "/srv/api/shop.sqlite3", "protected path"),
        (ActionName.RESTORE_MODE, "/srv/api/shop.sqlite3", "mode"),
        (ActionName.ROLLBACK_CONFIG, "/var/lib/opsagent/config.toml", "protected path"),
        (ActionName.ROTATE_LOG, "/var/lib/opsagent/opsagent.db", "protected path"),
        (ActionName.ROTATE_LOG, "/var/lib/opsagent/engine/logs/api.log", "outside"),
        (ActionName.QUARANTINE, "/var/lib/opsagent/engine/logs/api.log", "protected path"),
        (ActionName.QUARANTINE, "/srv/api/keys/tls.key", "protected path"),
        (ActionName.ROLLBACK_CONFIG, "/etc/resolv.conf", "mode"),
        (ActionName.ROLLBACK_CONFIG, "/etc/hosts", "outside"),
        (ActionName.RESTORE_MODE, "/tmp/somebodys", "outside"),
    ],
)
def test_files_and_paths_as_a_table(name: ActionName, path: str, rule: str) -> None:
    policy = Policy(mode="auto", home="/var/lib/opsagent", protected_paths=("**/*.key",))
    found = ruling(step(name, path=path), policy, confirmed=name is ActionName.TRUNCATE_LOG, yes=2)
    assert found.rule == rule, found
    if rule == "protected path":
        person = ruling(step(name, path=path), policy, origin="person", confirmed=True, yes=2)
        assert (person.verdict, person.rule) == ("deny", "protected path"), "whoever asks"


@pytest.mark.parametrize(
    ("files", "rule"),
    [
        (["/srv/api/data/x", "/srv/api/my data/y"], "mode"),
        (["/srv/api/data/x", "/etc/hosts"], "outside"),
        (["/srv/api/data/x", "/srv/api/../../etc/shadow"], "protected path"),
        ([], "outside"),
    ],
)
def test_of_several_files_each_counts(files: list[str], rule: str) -> None:
    rows = json.dumps([[path, 1, 2, [420, 0, 0], [0, 0, 0]] for path in files])
    assert ruling(step(ActionName.RESTORE_MODE, files=rows), AUTO).rule == rule


def test_a_log_is_rotated_in_quiet_hours_too() -> None:
    one = step(ActionName.ROTATE_LOG, path="/srv/api/api.log")
    assert ruling(one, AUTO, remedy="upkeep/rotate_log", cause=Cause.UNKNOWN, quiet="until 07:00").rule == "mode"
    assert ruling(one, AUTO, quiet="until 07:00").rule == "quiet hours"


def test_a_command_of_a_runbook_may_not_name_a_protected_file_either() -> None:
    one = step(ActionName.RUN_RUNBOOK_COMMAND, shown="rm --force=/etc/shadow now", effect="safe")
    assert ruling(one, AUTO).rule == "protected path"


@pytest.mark.parametrize(
    ("mode", "own", "machine", "path", "verdict"),
    [
        ("auto", None, "approve", "/srv/api/api.ini", "allow"),
        ("auto", None, "approve", "/etc/hosts", "ask"),
        ("auto", None, "auto", "/etc/hosts", "allow"),
        ("auto", None, "suggest", "/etc/hosts", "deny"),
        ("auto", "approve", "approve", "/srv/api/api.ini", "ask"),
        ("suggest", None, "auto", "/etc/hosts", "deny"),
        ("suggest", "auto", "auto", "/srv/api/api.ini", "deny"),
        ("approve", None, "auto", "/etc/hosts", "ask"),
    ],
)
def test_what_is_beyond_the_supervisor_is_a_class_of_its_own(
    mode: Mode, own: Mode | None, machine: Mode, path: str, verdict: str
) -> None:
    policy = Policy(mode=mode, outside_own=own, outside_machine=machine)
    assert ruling(step(ActionName.ROLLBACK_CONFIG, path=path), policy).verdict == verdict


def test_a_service_that_starts_in_a_folder_of_everybodys_owns_nothing_there() -> None:
    for cwd in ("/", "/etc", "/tmp", "/var/lib", "/usr/share/api"):
        spec = ServiceSpec(name="api", command=("api",), cwd=Path(cwd))
        found = ruling(step(ActionName.RESTORE_MODE, path=f"{cwd}/x".replace("//", "/")), AUTO, spec=spec)
        assert found.rule == "outside", cwd


DESTROYS = tuple(name for name in ActionName if risk_of(Action(name=name, unit=API), None) is Risk.DESTRUCTIVE)
modes: st.SearchStrategy[Mode] = st.sampled_from(["observe", "suggest", "approve", "auto"])
policies = st.builds(
    Policy, mode=modes | st.dictionaries(st.sampled_from(["safe", "disruptive", "destructive"]), modes), engine_mode=modes,
    two_person=st.booleans(), outside_own=st.none() | modes, outside_machine=modes, rollback_failed_deploys=st.booleans(),
)  # fmt: skip
specs = st.none() | st.builds(
    ServiceSpec, name=st.just("api"), cwd=st.just(Path("/srv/api")), mode=st.none() | modes, protected=st.booleans()
)
grants = st.frozensets(st.tuples(st.sampled_from([API, STORE]), st.sampled_from(ActionName)))
texts = st.sampled_from(["", "x"])
situations = st.fixed_dictionaries(
    {
        "unit": st.none() | st.builds(a_unit, st.integers(1, 5), state=st.sampled_from(UnitState)),
        "spec": specs, "grants": grants, "paused": texts, "hold": texts, "maintenance": texts, "deploy": texts,
        "busy": texts, "beside": texts, "quiet": texts, "outage": texts, "serving": st.booleans(),
        "unit_actions": st.integers(0, 6), "failed_repairs": st.integers(0, 5), "trials": st.integers(0, 3),
        "since_failure_s": st.floats(0, 1e5), "yes": st.integers(0, 3), "confirmed": st.booleans(),
    }
)  # fmt: skip


@settings(max_examples=40)
@given(policies, situations, st.sampled_from(DESTROYS))
def test_nothing_lets_the_agent_do_unasked_what_cannot_be_undone(
    policy: Policy, around: dict[str, Any], name: ActionName
) -> None:
    found = ruling(step(name), policy, **{**around, "confirmed": False})
    assert found.verdict != "allow" or found.risk is Risk.READ
    needed = 2 if policy.two_person else 1
    answered = ruling(step(name), policy, **around)
    if answered.verdict == "allow":
        assert around["confirmed"]
        assert around["yes"] >= needed
    if answered.verdict == "ask":
        assert answered.persons == needed or answered.rule == "taught"


@settings(max_examples=40)
@given(policies, situations, st.sampled_from(sorted(TOOLS)))
def test_what_people_keep_from_it_the_agent_never_touches(policy: Policy, around: dict[str, Any], tool: str) -> None:
    kept = around["paused"] or around["hold"] or (around["spec"] is not None and around["spec"].protected)
    if tool not in set(ActionName):
        return
    found = ruling(step(ActionName(tool)), policy, **around)
    stopped = around["unit"] is not None and around["unit"].state is UnitState.STOPPED
    if kept or around["deploy"] or stopped:
        assert found.verdict == "deny" or found.risk is Risk.READ


@settings(max_examples=40)
@given(policies, situations, st.sampled_from(ActionName), st.text(max_size=30))
def test_text_never_counts(policy: Policy, around: dict[str, Any], name: ActionName, text: str) -> None:
    """Whatever a plan's reasons say, in whichever words, the ruling is the same."""

    def with_text(why: str) -> Ruling:
        made = step(name)
        plan = Plan(
            id="p", origin="agent", remedy="crash/start", source="runbook", unit=API, why=why,
            steps=(Step(action=made.action, goal=made.goal, why=why),),
        )  # fmt: skip
        return rule_on_plan(plan, Situation(**{"own_uid": 1000, **around}), policy)

    assert with_text(text) == with_text("")


@settings(max_examples=40)
@given(policies, situations, st.sampled_from(ActionName))
def test_a_grant_only_ever_lifts_the_mode(policy: Policy, around: dict[str, Any], name: ActionName) -> None:
    granted = {**around, "grants": frozenset({(API, name)})}
    without = ruling(step(name), policy, **{**around, "grants": frozenset()})
    found = ruling(step(name), policy, **granted)
    if found != without:
        assert found.rule in {"granted", "rollback", "trial"}
        assert without.rule in {"suggest", "mode", "outside", "signal", "approved", "trial"}
        assert found.risk is not Risk.DESTRUCTIVE


def test_a_grant_lifts_suggest_and_approve_for_that_action_on_that_unit_only() -> None:
    grants_ = frozenset({(API, ActionName.RESTART)})
    for policy in (Policy(mode="suggest"), Policy(mode="approve")):
        assert ruling(RESTART, policy, grants=grants_).rule == "granted"
        assert ruling(START, policy, grants=grants_).verdict != "allow"
        assert ruling(RESTART, policy, grants=frozenset({(STORE, ActionName.RESTART)})).verdict != "allow"
    assert ruling(RESTART, Policy(mode="observe"), grants=grants_).rule == "observe"
    assert ruling(RESTART, Policy(), grants=grants_, hold="x").rule == "hold"
    path = step(ActionName.ROLLBACK_CONFIG, path="/etc/hosts")
    assert ruling(path, Policy(), grants=frozenset({(API, ActionName.ROLLBACK_CONFIG)})).verdict == "deny"


def test_every_rule_that_would_say_no_is_told() -> None:
    plan = new_plan(unit=API, steps=RESTART, remedy="crash/restart", origin="agent", source="runbook")
    around = Situation(unit=a_unit(), spec=SPEC, own_uid=1000, hold="x", paused="by kim", failed_repairs=9)
    told = every_ruling(RESTART[0], plan, around, Policy())
    assert [one.rule for one in told] == ["paused", "hold", "breaker", "suggest"]
