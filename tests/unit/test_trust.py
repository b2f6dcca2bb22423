"""Trust: what would have been done, beside what people did and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsagent.digest import digest_of, digest_until, is_in_place_of_alarms
from opsagent.home import Home
from opsagent.model import EvidenceKind, Plan, Signal, SignalKind
from opsagent.planning import new_plan, quarantine_steps, restart_steps, start_steps
from opsagent.policy import Policy
from opsagent.store.journal import Journal
from opsagent.store.trust import WouldBeRow
from opsagent.timeline import Timeline
from opsagent.trust import SETTLE_S, Deed, Ending, Happening, deeds_seen, judge, scores
from opsagent.trusting import Truster
from opsagent.world import World
from opsagent_tools.actions import ActionName
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState
from tests.unit.store.values import API, NOW, STORE, Clock, incident

RESTART, START, STOP, QUARANTINE = ActionName.RESTART, ActionName.START, ActionName.STOP, ActionName.QUARANTINE
RUNS = Unit(id=API, state=UnitState.RUNNING, processes=(Process(key=ProcessKey(1, 1.0)),))


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def would(action: ActionName = RESTART) -> WouldBeRow:
    return WouldBeRow(
        id="w", incident_id="i1", plan_id="p", unit=API, action=action, remedy="hang/restart", rule="suggest", at=NOW
    )


def did(action: ActionName, seconds: float = 5, **changes: Any) -> Deed:
    return Deed(**{"at": at(seconds), "action": action, "by": "kim", **changes})


@pytest.mark.parametrize(
    ("action", "deeds", "ending", "verdict"),
    [
        (RESTART, [did(RESTART)], {}, "right"),
        (RESTART, [did(ActionName.RELOAD)], {}, "right"),
        (START, [did(RESTART)], {}, "right"),
        (RESTART, [did(START)], {}, "wrong"),
        (RESTART, [did(RESTART)], {"well": False}, "wrong"),
        (RESTART, [did(RESTART, helped=False)], {}, "wrong"),
        (RESTART, [did(RESTART), did(ActionName.ROLLBACK, 8)], {}, "wrong"),
        (RESTART, [did(STOP)], {"well": False}, "wrong"),
        (RESTART, [did(QUARANTINE, also=frozenset({RESTART}), by="the agent")], {}, "right"),
        (RESTART, [did(QUARANTINE, also=frozenset({RESTART}), helped=False)], {}, "wrong"),
        (RESTART, [], {}, "not_needed"),
        (RESTART, [], {"well": False}, "unknown"),
        (RESTART, [], {"watched": False}, "unknown"),
        (RESTART, [did(RESTART, -60)], {}, "not_needed"),
        (RESTART, [did(RESTART, 5)], {"at": at(1200)}, "wrong"),
        (QUARANTINE, [did(RESTART)], {}, "unknown"),
        (QUARANTINE, [did(RESTART, by="the agent")], {}, "wrong"),
    ],
)
def test_judged_as_a_table(action: ActionName, deeds: list[Deed], ending: dict[str, Any], verdict: str) -> None:
    found, why = judge(would(action), deeds, Ending(**{"at": at(10), "well": True, **ending}))
    assert (found, bool(why)) == (verdict, True)


@pytest.mark.parametrize(
    ("seen", "apart", "deeds"),
    [
        ([(1, "stopped"), (3, "spawned")], [], [(RESTART, 1)]),
        ([(1, "stopped")], [], [(STOP, 1)]),
        ([(1, "stopped"), (200, "spawned")], [], [(START, 200), (STOP, 1)]),
        ([(1, "died"), (2, "spawned")], [], []),
        ([(-300, "died"), (2, "spawned")], [], [(START, 2)]),
        ([(1, "stopped"), (3, "spawned")], [(0, 4)], []),
        ([(-50, "stopped"), (-40, "spawned")], [], []),
    ],
)
def test_what_people_did_with_the_supervisors_own_tools_is_seen(
    seen: list[tuple[float, Any]], apart: list[tuple[float, float]], deeds: list[tuple[ActionName, float]]
) -> None:
    happenings = [Happening(at=at(when), kind=kind) for when, kind in seen]
    found = deeds_seen(happenings, NOW, [(at(begins), at(ends)) for begins, ends in apart])
    assert [(deed.action, deed.at) for deed in found] == [(action, at(when)) for action, when in deeds]


class Desk:
    """A truster over a real journal, with a clock that a test moves."""

    def __init__(self, home: Path) -> None:
        self.clock = Clock()
        self.journal = Journal.open(Home.open(home), clock=self.clock)
        self.world = World()
        self.world.replace_units("circus", [RUNS])
        self.troubled: Mapping[UnitId, str] = {}
        self.truster = Truster(
            self.journal, Timeline(self.journal), self.world, troubled=lambda: self.troubled, clock=self.clock
        )

    def plan(self, incident_id: str = "i1", **changes: Any) -> Plan:
        values = {"unit": API, "steps": restart_steps(RUNS), "remedy": "hang/restart", "origin": "agent"}
        return new_plan(**{**values, "source": "runbook", "incident": incident_id, **changes})

    def suggested(self, incident_id: str) -> Plan:
        self.journal.open_incident(incident(incident_id, opened_at=self.clock.now))
        plan = self.plan(incident_id)
        self.journal.record_plan(plan)
        self.journal.end_plan(plan.id, "skipped", "suggest")
        self.journal.note_would_be(plan, "suggest")
        return plan

    def ends(self, incident_id: str, outcome: str = "recovered without the agent") -> None:
        self.clock.forward(5)
        self.journal.set_incident(incident_id, status="closed", outcome=outcome, resolved_at=self.clock.now)
        self.clock.forward(SETTLE_S + 1)
        self.truster.judge_what_is_over()

    def command(self, **changes: Any) -> None:
        plan = self.plan("", **{"origin": "person", "source": "person", "remedy": "person/restart", **changes})
        self.clock.forward(5)
        self.journal.record_plan(plan)
        self.clock.forward(1)
        self.journal.end_plan(plan.id, "done")

    def right_once(self, incident_id: str) -> None:
        self.suggested(incident_id)
        self.command()
        self.ends(incident_id)

    def verdicts(self) -> list[str | None]:
        return [row.verdict for row in self.journal.would_bes()]

    def score(self) -> Any:
        return scores(self.journal.would_bes(), self.journal.grants(ended=True))[0]


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    made = Desk(home)
    yield made
    made.journal.close()


def test_the_life_of_trust(desk: Desk) -> None:
    for number in range(5):
        assert not desk.score().is_earned(5) if number else True
        desk.right_once(f"i{number}")
    assert desk.score().line() == "5 of 5 right, 0 harmful"
    assert desk.score().is_earned(5)
    desk.journal.grant(API, RESTART, "kim", "earned")
    assert desk.score().granted
    assert not desk.score().is_earned(5), "what is granted is not offered"
    desk.truster.missed(desk.plan("i4"), "its fault was back 20 minutes later")
    assert desk.journal.grants() == ()
    assert not desk.score().granted
    assert "20 minutes later" in desk.score().lost
    assert [event.kind for event in desk.journal.events("i4")][-1] == "grant_lost"
    assert not desk.score().is_earned(5), "what was right before a miss is not worth anything after it"
    desk.clock.forward(1)
    for number in range(5):
        desk.right_once(f"j{number}")
    assert desk.score().is_earned(5)
    assert desk.journal.verify().ok


def test_what_ends_by_itself_was_not_needed_and_earns_nothing(desk: Desk) -> None:
    desk.suggested("i1")
    desk.ends("i1")
    assert desk.verdicts() == ["not_needed"]
    assert (desk.score().right, desk.score().wrong, desk.score().is_earned(1)) == (0, 0, False)


def test_a_person_who_does_something_else_or_the_same_in_vain_makes_it_wrong(desk: Desk) -> None:
    desk.suggested("i1")
    desk.world.replace_units("circus", [Unit(id=API, state=UnitState.EXITED)])
    desk.command()
    desk.ends("i1")
    desk.world.replace_units("circus", [RUNS])
    desk.suggested("i2")
    desk.command(steps=start_steps(RUNS), remedy="person/start")
    desk.ends("i2")
    assert desk.verdicts() == ["wrong", "wrong"]


def test_every_step_of_a_plan_was_done_not_only_its_first(desk: Desk) -> None:
    desk.journal.open_incident(incident("i1", opened_at=desk.clock.now))
    steps = (*start_steps(RUNS), *restart_steps(RUNS))
    plan = desk.plan("i1", steps=steps)
    desk.journal.record_plan(plan)
    desk.journal.end_plan(plan.id, "skipped", "suggest")
    desk.journal.note_would_be(plan, "suggest")
    desk.command(steps=steps, remedy="person/both")
    desk.ends("i1")
    assert desk.verdicts() == ["right", "right"]


def test_a_no_makes_it_wrong_however_it_ended(desk: Desk) -> None:
    plan = desk.suggested("i1")
    asked = desk.journal.ask(plan, 0, plan.steps[0], "b", 60.0)
    desk.journal.decide_approval(asked, False, "kim")
    desk.ends("i1")
    [row] = desk.journal.would_bes()
    assert (row.verdict, row.why) == ("wrong", "kim said no")


def test_a_restart_by_the_supervisors_own_tool_counts(desk: Desk) -> None:
    desk.suggested("i1")
    for kind, seconds in ((SignalKind.STOPPED, 3), (SignalKind.SPAWNED, 1)):
        signal = Signal(kind=kind, unit=API, at=desk.clock.forward(seconds), evidence=EvidenceKind.SUPERVISOR)
        desk.truster.observe(signal)
    desk.ends("i1", "api was stopped on purpose")
    assert desk.verdicts() == ["right"]


@pytest.mark.parametrize(("waits_as", "verdict"), [(UnitState.STARTING, "not_needed"), (UnitState.EXITED, "right")])
def test_a_start_that_its_supervisor_makes_after_a_long_delay_is_nobodys(
    desk: Desk, waits_as: UnitState, verdict: str
) -> None:
    def seen(kind: SignalKind, seconds: float) -> None:
        at_ = desk.clock.forward(seconds)
        desk.truster.observe(Signal(kind=kind, unit=API, at=at_, evidence=EvidenceKind.SUPERVISOR))

    desk.suggested("i1")
    desk.journal.note_would_be(desk.plan("i1", steps=start_steps(RUNS)), "suggest")
    seen(SignalKind.DEATH, 1)
    desk.world.replace_units("circus", [Unit(id=API, state=waits_as)])
    for _ in range(12):
        desk.clock.forward(5)
        desk.truster.see_who_waits()
    seen(SignalKind.SPAWNED, 1)
    desk.world.replace_units("circus", [RUNS])
    desk.ends("i1")
    assert {row.action: row.verdict for row in desk.journal.would_bes()}[START] == verdict


def test_what_goes_on_is_not_judged_and_what_nobody_watched_is_unknown(desk: Desk) -> None:
    desk.suggested("i1")
    assert desk.truster.judge_what_is_over() == 0
    later = Truster(desk.journal, Timeline(desk.journal), desk.world, troubled=dict, clock=lambda: at(1000))
    desk.journal.set_incident("i1", status="closed", resolved_at=at(20))
    assert later.judge_what_is_over() == 1
    assert desk.verdicts() == ["unknown"]


def test_the_same_suggestion_of_one_incident_is_kept_once(desk: Desk) -> None:
    plan = desk.suggested("i1")
    assert desk.journal.note_would_be(plan, "suggest") == ()
    both = desk.plan("i1", steps=(*quarantine_steps(RUNS, Path("/srv/lock"), "00"), *restart_steps(RUNS)))
    assert len(desk.journal.note_would_be(both, "suggest")) == 1
    assert {row.action for row in desk.journal.would_bes()} == {RESTART, QUARANTINE}


def test_a_miss_takes_only_what_the_plan_did(desk: Desk) -> None:
    desk.journal.grant(API, RESTART, "kim", "")
    desk.journal.grant(API, START, "kim", "")
    desk.journal.grant(STORE, RESTART, "kim", "")
    desk.truster.missed(desk.plan(), "made it worse")
    assert {(grant.unit, grant.action) for grant in desk.journal.grants()} == {(API, START), (STORE, RESTART)}


def test_granted_twice_is_granted_once_and_taken_back_at_once(desk: Desk) -> None:
    assert desk.journal.grant(API, RESTART, "kim", "") == desk.journal.grant(API, RESTART, "lee", "")
    assert desk.journal.revoke(API, RESTART, "lee", "no") == 1
    assert desk.journal.revoke(API, RESTART, "lee", "no") == 0
    [ended] = desk.journal.grants(ended=True)
    assert (ended.by, ended.revoked_by, ended.revoked_why) == ("kim", "lee", "no")


def test_a_digest_takes_the_place_of_alarms_in_the_first_days_of_a_careful_agent(desk: Desk) -> None:
    desk.journal.note_birth()
    desk.clock.forward(3600)
    desk.journal.note_birth()
    assert desk.journal.born() == NOW
    policy = Policy()
    assert digest_until(policy, NOW) == NOW + timedelta(days=7)
    assert is_in_place_of_alarms(policy, NOW, at(6 * 86400))
    assert not is_in_place_of_alarms(policy, NOW, at(7 * 86400))
    for other in (Policy(digest=False), Policy(mode="auto"), Policy(mode={"safe": "auto"})):
        assert digest_until(other, NOW) is None
    desk.right_once("i1")
    found = digest_of(desk.journal, at(0), desk.clock.now)
    assert ([row.id for row in found.incidents], found.verdicts, found.unfinished) == (["i1"], {"right": 1}, ())
    assert digest_of(desk.journal, desk.clock.now, desk.clock.forward(9)).would_be == ()
