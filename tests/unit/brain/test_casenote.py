"""The note that a person finds reads like a good engineer's: what, since when, why, how sure, what not to do, what next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsagent.casenote import NEXT, WHAT, Note, english, how_sure
from opsagent.model import Act, Cause, Escalate, Fault, Hypothesis
from tests.support.cases import BEGAN, ENDED, case_of, died, failed, outcome, target_of, unit_of

UNIT = unit_of("api").id


def test_every_fault_and_every_cause_has_its_words() -> None:
    assert set(WHAT) == set(Fault)
    assert set(NEXT) == set(Cause)
    for text in NEXT.values():
        assert "{" not in text.format(unit="api", name="api")


@pytest.mark.parametrize(
    ("weight", "words"),
    [(0.97, "almost certainly"), (0.8, "very likely"), (0.6, "probably"), (0.4, "possibly"), (0.1, "perhaps")],
)
def test_how_sure_is_said_in_words(weight: float, words: str) -> None:
    assert how_sure(weight) == words


def test_it_says_all_that_a_person_needs() -> None:
    note = Note(
        unit=UNIT,
        fault=Fault.HANG,
        since=BEGAN,
        reason="a stranger has its port",
        why_root="api is the first that failed",
        affected=("web",),
        changed=("app.json of api changed at 11:59:00 UTC",),
        hypotheses=(
            Hypothesis(
                cause="port 8000 is held by process 77",
                unit=UNIT,
                weight=0.95,
                kind=Cause.PORT_TAKEN,
                speaks_for=("the kernel's list of sockets",),
                speaks_against=("it answers",),
            ),
        ),
        tried=(failed("hang/restart"),),
        never="end whoever has the port",
        next_step="find out whose it is",
        said_last="EADDRINUSE",
    )
    assert english(note) == (
        "api does not answer its health probe since 2026-03-01 11:59:55 UTC; web suffer from it. "
        "a stranger has its port. "
        "Almost certainly (95%): port 8000 is held by process 77; for it: the kernel's list of sockets; "
        "against it: it answers. "
        "api is the first that failed. "
        "Changed just before: app.json of api changed at 11:59:00 UTC. "
        "hang/restart did not help (not well). "
        "Its log said last (only text): EADDRINUSE. "
        "Whatever you do, do not end whoever has the port. "
        "Next: find out whose it is."
    )
    assert "The cause is not known" in english(replace(note, hypotheses=(), reason=""))


def test_who_is_called_gets_it_and_so_does_whoever_reads_what_was_done() -> None:
    stranger = {**ENDED, "port_holder": {"relation": "stranger", "pid": 77, "said": "port 8000 is held by process 77"}}
    told, _ = outcome(case_of(Fault.CRASH, symptoms=(died("api"),)), stranger)
    assert isinstance(told, Escalate)
    assert told.note is not None
    assert told.note.hypotheses[0].kind is Cause.PORT_TAKEN
    assert told.why == english(told.note)
    assert "find out whose the process on the port is" in told.why
    done, _ = outcome(case_of(Fault.CRASH, symptoms=(died("api"),)), ENDED)
    assert isinstance(done, Act)
    assert done.note is not None
    assert done.note.hypotheses[0].kind is Cause.KILLED
    assert done.plan.cause is Cause.KILLED


def test_the_next_step_is_about_the_unit_at_fault() -> None:
    down = {
        "ok": False,
        "root": "circus:store@box",
        "root_name": "store",
        "root_state": "running",
        "said": "store fails",
    }
    case = case_of(
        Fault.ERROR_BURST, upstream=(target_of("store"),), tried=(failed("dependency_down/restart", "store"),)
    )
    decision, _ = outcome(case, {"dependencies": down, "recent_errors": {"recent": 9}})
    assert isinstance(decision, Escalate)
    assert decision.note is not None
    assert decision.note.next_step.startswith("bring store back first")
