"""What cannot be undone: two people have to say yes, and what their yes was for must still be so. And what a ruling is told."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent.casefile import CaseFile
from opsagent.claims import Claims
from opsagent.consent import Consent
from opsagent.guard import rule_on_plan
from opsagent.model import Check, CheckKind, EvidenceKind, Plan, Ruling, Signal, SignalKind, Step
from opsagent.planning import start_steps
from opsagent.policy import Policy
from opsagent.ports import Progress
from opsagent.situation import Situations, own_folders
from opsagent.store.errors import NotDecided
from opsagent_tools import peers
from opsagent_tools.actions import Action, ActionName
from tests.support.waiting import until
from tests.unit.agent.conftest import API, STORE, Bench


def emptying(bench: Bench) -> Step:
    """A step that loses what a log holds."""
    log = bench.folder / "api.log"
    log.write_text("a line\n")
    specs = (bench.spec("store", autorestart=False, logs=(log,)), bench.spec("api", depends_on=("store",)))
    bench.world.replace_specs({spec.name: spec for spec in specs})
    action = Action(name=ActionName.TRUNCATE_LOG, unit=STORE, args={"path": str(log)})
    return Step(action=action, goal=Check(kind=CheckKind.ALWAYS, unit=STORE))


async def ruling_on(bench: Bench, plan: Plan, *, confirmed: bool = False) -> Ruling:
    situation = await bench.situations.of(plan, await bench.situations.spent(plan), confirmed=confirmed)
    return rule_on_plan(plan, situation, bench.policy)


async def test_the_agent_needs_two_different_people(bench: Bench) -> None:
    file = CaseFile(incident=await bench.incident(STORE))
    await bench.kill(STORE)
    plan = bench.plan(STORE, emptying(bench), incident=file.incident)
    bench.journal.record_plan(plan)
    ruling = await ruling_on(bench, plan)
    assert (ruling.verdict, ruling.persons) == ("ask", 2)
    consent = Consent(
        journal=bench.journal, timeline=bench.timeline, situations=bench.situations, verifier=bench.verifier
    )
    answer = asyncio.create_task(consent.given(file, plan, ruling))
    [asked] = await until(bench.journal.approvals, why="it asks")
    assert bench.journal.decide_approval(asked.id, True, "alice").status == "pending"
    await asyncio.sleep(0.3)
    assert not answer.done(), "one is not two"
    assert (await ruling_on(bench, plan, confirmed=True)).verdict == "ask"
    bench.journal.decide_approval(asked.id, True, "bob")
    assert await answer == "yes"
    assert (await ruling_on(bench, plan, confirmed=True)).rule == "approved"
    again = bench.plan(STORE, *plan.steps, incident=file.incident)
    assert (await ruling_on(bench, again, confirmed=True)).verdict == "ask", "their yes was for another plan"


async def test_where_the_policy_says_so_one_person_is_enough(bench: Bench) -> None:
    bench.policy = Policy(mode="approve", two_person=False)
    plan = bench.plan(STORE, emptying(bench))
    bench.journal.record_plan(plan)
    assert (await ruling_on(bench, plan)).persons == 1
    binding = await bench.situations.binding(plan)
    asked = bench.journal.ask(plan, 0, plan.steps[0], binding, 60.0)
    bench.journal.decide_approval(asked, True, "alice")
    assert bench.journal.use_approval(asked, binding)
    assert (await ruling_on(bench, plan, confirmed=True)).rule == "approved"


@pytest.mark.parametrize("two_person", [True, False])
async def test_a_persons_own_command_needs_somebody_else_unless_one_is_enough(bench: Bench, two_person: bool) -> None:
    bench.policy = Policy(mode="auto", two_person=two_person)
    plan = bench.plan(STORE, emptying(bench), origin="person", source="person")
    items = [item async for item in bench.people.submit(plan, confirmed=True, by="kim")]
    approval = items[-1].approval
    assert (items[-1].kind, bool(approval)) == ("asked", True), "a yes to one's own command is no approval of it"
    if two_person:
        with pytest.raises(NotDecided, match="kim proposed it"):
            bench.journal.decide_approval(approval, True, "kim")
    bench.journal.decide_approval(approval, True, "ann" if two_person else "kim")
    done: list[Progress] = [item async for item in bench.people.approved(approval, by="ann")]
    assert done[0].kind == "step_started", (
        "the guard let it pass; the hand looks for itself whether anybody writes there"
    )
    assert not any(item.kind == "asked" for item in done)


async def test_a_yes_is_for_the_stored_plan_once_and_for_no_other_of_its_name(bench: Bench) -> None:
    plan = bench.plan(STORE, emptying(bench), origin="person", source="person")
    [*_, asked] = [item async for item in bench.people.submit(plan, confirmed=True, by="kim")]
    bench.journal.decide_approval(asked.approval, True, "ann")
    [first, *_] = [item async for item in bench.people.approved(asked.approval, by="ann")]
    assert first.kind == "step_started"
    other = replace(plan, steps=(replace(plan.steps[0], why="another"),))
    for again in (plan, other, replace(bench.plan(STORE, *plan.steps), origin="agent")):
        assert [item.kind async for item in bench.people.submit(again, confirmed=True, by="kim")] == ["refused"]
    agents = bench.plan(STORE, emptying(bench))
    bench.journal.record_plan(agents)
    question = bench.journal.ask(agents, 0, agents.steps[0], await bench.situations.binding(agents), 60.0)
    bench.journal.decide_approval(question, True, "ann")
    assert [item.kind async for item in bench.people.approved(question, by="ann")] == ["refused"]
    assert bench.journal.approval_status(question) == "approved", "whoever asked finds it so"


async def test_a_yes_is_for_the_release_that_there_was(bench: Bench) -> None:
    plan = bench.plan(API, *start_steps(await bench.unit(API)))
    before = await bench.situations.binding(plan)
    bench.journal.begin_deploy(API, datetime.now(UTC) + timedelta(minutes=5), "v2", "kim")
    assert await bench.situations.binding(plan) != before


async def test_a_change_of_what_it_depends_on_is_waited_for(bench: Bench, tmp_path: Path) -> None:
    ours, theirs = Claims(tmp_path / "claims"), Claims(tmp_path / "claims")
    bench.situations = Situations(
        journal=bench.journal, checker=bench.checker, world=bench.world, policy=lambda: bench.policy, claims=ours
    )
    await bench.unit(STORE)
    plan = bench.plan(API, *start_steps(await bench.unit(API)))
    with theirs.of(STORE, "other", "reload of store"):
        ruling = await ruling_on(bench, plan)
        assert (ruling.verdict, ruling.rule, ruling.again_s) == ("deny", "tiers", 5.0)
        assert "reload of store" in ruling.why
    assert (await ruling_on(bench, plan)).verdict == "allow"


async def test_who_does_not_serve_is_told_of_whoever_depends_on_it(bench: Bench) -> None:
    await bench.unit(STORE)
    assert bench.situations.outage(STORE) == ""
    now = datetime.now(UTC)
    failed = Signal(kind=SignalKind.PROBE_FAILED, unit=API, at=now, evidence=EvidenceKind.PROBE)
    bench.world.apply(failed)
    assert bench.situations.outage(STORE) == "api does not serve"
    bench.world.apply(replace(failed, kind=SignalKind.PROBE_OK))
    assert bench.situations.outage(STORE) == ""
    await bench.kill(STORE)
    await bench.unit(STORE)
    assert bench.situations.outage(STORE) == "store is down"


async def test_folders_that_a_description_names_are_the_units_own(bench: Bench, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    spec = replace(bench.spec("api"), env={"SPOOL": str(spool)}, command=("api", f"--config={tmp_path}/api.ini"))
    action = Action(name=ActionName.QUARANTINE, unit=API, args={"path": str(spool / "1.job"), "sha256": ""})
    plan = bench.plan(API, Step(action=action, goal=Check(kind=CheckKind.ALWAYS, unit=API)))
    found = own_folders(plan, None, spec)
    assert {str(spool), f"{tmp_path}/api.ini"} <= set(found)
    assert own_folders(bench.plan(API, *start_steps(await bench.unit(API))), None, spec) == ()


def test_who_became_root_is_who_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "login_uid", {1: None, 2: 65534, 3: 4_000_000}.get)
    assert peers.person_of(0, 1) == "root"
    assert peers.person_of(0, 2) == peers.person_of(65534)
    assert peers.person_of(0, 3) == "uid 4000000"
    assert peers.person_of(65534, 2) == peers.person_of(65534)
    assert peers.person_of(65534, 3) == f"{peers.person_of(65534)} (uid 4000000)", "whoever became another user is both"


@pytest.mark.parametrize(
    ("proposer", "first", "second", "complete"),
    [
        ("agent", "deploy (kim)", "kim", False),
        ("agent", "kim", "deploy (kim)", False),
        ("agent", "deploy (kim)", "deploy (ann)", False),
        ("agent", "deploy (kim)", "ann", True),
        ("kim", "deploy (ann)", "deploy (kim)", False),
    ],
)
async def test_one_person_under_two_names_is_one(
    bench: Bench, proposer: str, first: str, second: str, complete: bool
) -> None:
    plan = bench.plan(STORE, emptying(bench))
    bench.journal.record_plan(plan)
    asked = bench.journal.ask(plan, 0, plan.steps[0], "binding", 60.0, proposer, 2)
    bench.journal.decide_approval(asked, True, first)
    if complete:
        assert bench.journal.decide_approval(asked, True, second).status == "approved"
        return
    with pytest.raises(NotDecided):
        bench.journal.decide_approval(asked, True, second)


def test_nobody_logged_in_is_nobody() -> None:
    assert peers.login_uid(2**22 + 1) is None
    assert peers.person_of(os.getuid(), os.getpid())


@pytest.mark.parametrize("through", ["path", "glob", "neither"])
async def test_a_protected_file_is_protected_whichever_link_leads_to_it(
    bench: Bench, tmp_path: Path, through: str
) -> None:
    data, link = tmp_path / "data", tmp_path / "link"
    data.mkdir()
    link.symlink_to(data)
    said, named = (link if through == "glob" else data, link if through == "path" else data)
    folder = tmp_path / "other" if through == "neither" else said
    bench.policy = Policy(mode="auto", protected_paths=(f"{folder}/**",))
    action = Action(name=ActionName.ROLLBACK_CONFIG, unit=STORE, args={"path": str(named / "a.json"), "sha256": ""})
    plan = bench.plan(STORE, Step(action=action, goal=Check(kind=CheckKind.ALWAYS, unit=STORE)))
    ruling = await ruling_on(bench, plan)
    assert (ruling.rule == "protected path") is (through != "neither")
