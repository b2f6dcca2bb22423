"""Which row of steps a reload, a restart and a smaller scale are, for each kind of unit. Pure."""

from __future__ import annotations

from typing import Any

import pytest

from opsagent.commands.plans import plan_of
from opsagent.commands.reading import CommandStep
from opsagent.model import CheckKind, Plan
from opsagent.planning import (
    Way,
    kind_of,
    new_plan,
    only_put_files,
    rolling_reload_steps,
    scale_down_steps,
    way_in,
    way_of,
)
from opsagent.releases.steps import rollback_steps
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

API = UnitId("fake", "api", "box")


def unit(count: int = 4, **values: Any) -> Unit:
    processes = tuple(Process(key=ProcessKey(100 + n, n + 0.5)) for n in range(count))
    return Unit(id=API, state=UnitState.RUNNING, processes=processes, instances=count, **values)


def plan(tool: str, now: Unit, **args: Any) -> Plan:
    return plan_of(CommandStep(tool=tool, target="api", args=args), now, None, text=tool, canary_s=2.0)


@pytest.mark.parametrize(
    ("now", "way"),
    [
        (unit(surges=True), Way.BESIDE),
        (unit(1, surges=True), Way.BESIDE),
        (unit(surges=True, numbered=True), Way.CANARY_THEN_REPLACE),
        (unit(), Way.ONE_BY_ONE),
        (unit(1, reloads_in_place=True), Way.IN_PLACE),
        (unit(1), Way.RESTART),
        (unit(0, surges=True, reloads_in_place=True), Way.RESTART),
    ],
)
def test_the_way_follows_from_the_unit(now: Unit, way: Way) -> None:
    assert way_of(now) is way


def test_alike_instances_are_replaced_one_by_one_the_first_as_the_canary() -> None:
    steps = rolling_reload_steps(unit(surges=True), canary_s=2.0)
    assert [step.action.args["pid"] for step in steps] == [100, 101, 102, 103]
    assert [bool(step.action.args.get("canary")) for step in steps] == [True, False, False, False]
    assert steps[0].action.args["ready_s"] == 2.0
    assert [step.gate is not None for step in steps] == [False, True, True, True]
    assert {step.goal.kind for step in steps} == {CheckKind.REPLACED}


def test_numbered_instances_get_a_canary_beside_all_of_them_which_goes_at_last() -> None:
    first, *rest, last = rolling_reload_steps(unit(surges=True, numbered=True))
    assert (first.action.args["canary"], "pid" in first.action.args) == (True, False)
    assert [step.action.args["pid"] for step in rest] == [100, 101, 102, 103]
    assert last.action.args == {"last": True}
    assert last.goal.args["instances"] == 4


def test_many_instances_go_an_eighth_at_a_time_and_none_is_forgotten() -> None:
    canary, *rest = rolling_reload_steps(unit(20, surges=True), first=105)
    assert canary.action.args["pid"] == 105
    batches = [str(step.action.args.get("batch", step.action.args.get("pid"))).split(",") for step in rest]
    assert max(map(len, batches)) == 3
    pids = [int(one.partition(":")[0]) for batch in batches for one in batch]
    assert sorted([105, *pids]) == list(range(100, 120))
    assert {one.partition(":")[2] for batch in batches if len(batch) > 1 for one in batch} >= {"0.5"}


def test_a_safe_restart_wants_new_processes_where_a_reload_may_be_told_in_place() -> None:
    now = unit(1, reloads_in_place=True)
    assert [step.action.args.get("in_place") for step in plan("reload", now, safely=True).steps] == [True]
    assert [step.action.name.value for step in plan("restart", now, safely=True).steps] == ["restart"]
    many = unit(surges=True)
    assert [step.action.name.value for step in plan("restart", many, safely=True).steps] == ["reload"] * 4
    assert [step.action.name.value for step in plan("restart", many).steps] == ["restart"]


@pytest.mark.parametrize(
    ("made", "kind", "way"),
    [
        (plan("reload", unit(surges=True), safely=True), "reload", Way.BESIDE),
        (plan("reload", unit(1), safely=True), "reload", Way.RESTART),
        (plan("restart", unit(surges=True), safely=True), "restart", Way.BESIDE),
        (plan("restart", unit(surges=True)), "restart", Way.RESTART),
        (plan("reload", unit(1, reloads_in_place=True)), "reload", Way.IN_PLACE),
        (plan("scale", unit(surges=True), replicas=2), "scale", Way.BESIDE),
    ],
)
def test_what_a_plan_is_called_and_which_way_it_goes(made: Plan, kind: str, way: Way) -> None:
    assert kind_of(made) == kind
    assert way_in(made, unit(1) if way is Way.RESTART else unit(surges=way is Way.BESIDE)) is way


def test_what_changes_no_instances_is_no_such_plan() -> None:
    assert kind_of(plan("stop", unit())) == ""
    mixed = (*plan("stop", unit()).steps, *plan("restart", unit()).steps)
    assert kind_of(new_plan(unit=API, steps=mixed, remedy="x/restart", origin="agent", source="runbook")) == ""


def test_a_rollback_whose_files_cannot_be_put_back_was_no_reload() -> None:
    files = rollback_steps(API, release="a", replaces="b", label="a")
    steps = (*files, *rolling_reload_steps(unit(surges=True)))
    rollback = new_plan(unit=API, steps=steps, remedy="person/rollback", origin="person", source="person")
    assert [only_put_files(rollback, begun) for begun in (0, 1, 2)] == [True, True, False]


def test_fewer_go_one_at_a_time_and_each_can_come_back() -> None:
    steps = scale_down_steps(unit(4, surges=True), 2)
    assert [step.action.args for step in steps] == [{"instances": 3, "gently": True}, {"instances": 2, "gently": True}]
    assert [step.undo.args["instances"] for step in steps if step.undo is not None] == [4, 3]
    assert {step.gate.kind for step in steps if step.gate is not None} == {CheckKind.HEALTHY}
    assert len(plan("scale", unit(surges=True), replicas=6).steps) == 1
