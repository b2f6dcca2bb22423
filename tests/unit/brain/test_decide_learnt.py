"""What a chat model worked out once is weighed only where a person accepted it, and only where it makes sense now."""

from __future__ import annotations

from dataclasses import replace

from opsagent.model import Act, Fault
from tests.support.cases import ENDED, HANGS, case_of, odds, outcome

WORKED = odds("learnt/restart", tries=3, successes=3, score=0.9)
SCALED = odds("learnt/scale=3", tries=3, successes=3, score=0.9)


def test_what_was_worked_out_is_weighed_only_once_a_person_accepted_it() -> None:
    decision, _ = outcome(case_of(Fault.HANG, odds=(SCALED,)), HANGS)
    assert not isinstance(decision, Act) or decision.plan.remedy != "learnt/scale=3"
    decision, asked = outcome(case_of(Fault.HANG, odds=(replace(SCALED, accepted=True),)), HANGS)
    assert isinstance(decision, Act)
    assert (decision.plan.remedy, decision.plan.source) == ("learnt/scale=3", "memory")
    assert [str(step.action) for step in decision.plan.steps] == ["scale:api"]
    assert set(asked) <= {"unit_state", "health_now", "process_state"}


def test_it_is_not_done_where_it_makes_no_sense_or_ceased_to_help() -> None:
    down = case_of(Fault.CRASH, odds=(replace(WORKED, accepted=True),))
    decision, _ = outcome(down, ENDED)
    assert isinstance(decision, Act)
    assert decision.plan.remedy != "learnt/restart"
    stale = case_of(Fault.HANG, odds=(replace(SCALED, accepted=True, stale=True),))
    decision, _ = outcome(stale, HANGS)
    assert not isinstance(decision, Act) or decision.plan.remedy != "learnt/scale=3"
