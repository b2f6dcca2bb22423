"""Who is heeded: a person who spoke to this memory, until they take it back; and how the guard rules then."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsagent.guard import Situation, rule_on_plan
from opsagent.model import Plan, Ruling, Step
from opsagent.planning import new_plan, restart_steps, start_engine_steps, start_steps
from opsagent.policy import Policy
from opsagent.store.errors import StoreError
from opsagent.taught.book import TaughtBook
from opsagent.taught.read import read
from opsagent.taught.rule import BadRule, rule_of
from opsagent_memory import Episode, Fact, Memory, Source
from opsagent_memory.testing import HashEmbedder
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

NOW = datetime(2026, 11, 28, 17, tzinfo=UTC)
AT_TWO = NOW  # 02:00 in Seoul
AT_FOUR = NOW + timedelta(hours=2)
BILLING = UnitId("pm2", "billing", "here")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory.open(tmp_path / "db", tmp_path / "chroma", embedder=HashEmbedder()) as opened:
        yield opened


@pytest.fixture
def book(tmp_path: Path) -> Iterator[TaughtBook]:
    found = TaughtBook(tmp_path / "db")
    yield found
    found.close()


def fact(text: str, **changes: Any) -> Fact:
    """A fact that says so, with the rule in it, whoever says it."""
    taught = read(text, zone="Asia/Seoul", now=NOW)
    assert taught.rule is not None
    given: dict[str, Any] = {"scope": "people", "text": text, "fields": taught.fields, "created_at": NOW}
    return Fact(**{**given, "source": Source.PERSON, "valid_to": taught.valid_to, **changes})


def texts(book: TaughtBook, at: datetime = NOW) -> list[str]:
    return [rule.text for rule in book.open_now(at)]


def ruling(book: TaughtBook, steps: tuple[Step, ...], *, at: datetime = NOW, mode: Any = "auto", **more: Any) -> Ruling:
    unit = Unit(id=BILLING, state=UnitState.RUNNING, processes=(Process(key=ProcessKey(7, 1.0)),))
    plan: Plan = new_plan(
        unit=BILLING, steps=steps, remedy="hang/restart", origin=more.pop("origin", "agent"), source="runbook"
    )
    return rule_on_plan(plan, Situation(unit=unit, taught=book.open_now(at), **more), Policy(mode=mode))


RESTART = restart_steps(Unit(id=BILLING, state=UnitState.RUNNING))
START = start_steps(Unit(id=BILLING, state=UnitState.EXITED))


def test_never_is_denied_with_the_facts_id_and_what_it_says_and_only_in_its_hours(
    memory: Memory, book: TaughtBook
) -> None:
    said = "never restart billing between 1 and 3 am"
    identity = memory.add(fact(said))
    denied = ruling(book, RESTART, at=AT_TWO)
    assert (denied.verdict, denied.rule) == ("deny", "taught")
    assert "never reload or restart billing in 01:00-03:00 (Asia/Seoul)" in denied.why
    assert identity in denied.why
    assert ruling(book, RESTART, at=AT_FOUR).verdict == "allow"
    assert ruling(book, START, at=AT_TWO).verdict == "allow", "it says nothing of starting"
    assert ruling(book, RESTART, at=AT_TWO, confirmed=True).verdict == "deny", "an approval may be older than the rule"


def test_ask_makes_a_question_of_a_yes_and_never_of_a_no(memory: Memory, book: TaughtBook) -> None:
    memory.add(fact("always ask before restarting billing"))
    assert ruling(book, RESTART).verdict == "ask"
    assert ruling(book, RESTART, confirmed=True).verdict == "allow"
    assert ruling(book, RESTART, mode="suggest").verdict == "deny"
    assert ruling(book, RESTART, mode="observe").verdict == "deny"
    assert ruling(book, RESTART, hold="migration").rule == "hold"


def test_a_persons_own_command_is_asked_back_and_carried_out_once_confirmed(memory: Memory, book: TaughtBook) -> None:
    memory.add(fact("don't touch billing"))
    asked = ruling(book, START, origin="person")
    assert (asked.verdict, asked.rule) == ("ask", "confirm")
    assert "never change billing" in asked.why
    assert ruling(book, START, origin="person", confirmed=True).verdict == "allow"


def test_it_ends_when_it_is_forgotten_corrected_ended_or_over(memory: Memory, book: TaughtBook) -> None:
    forgotten = memory.add(fact("don't touch billing"))
    corrected = memory.add(fact("don't restart billing"))
    ended = memory.add(fact("don't stop billing"))
    memory.add(fact("don't start billing for 2 days"))
    assert len(texts(book)) == 4
    memory.forget(forgotten)
    memory.add(fact("ask before restarting billing", supersedes=corrected))
    memory.end(ended, NOW - timedelta(seconds=1), "no longer so")
    assert texts(book) == ["don't start billing for 2 days", "ask before restarting billing"]
    assert texts(book, NOW + timedelta(days=3)) == ["ask before restarting billing"]


@pytest.mark.parametrize("source", [one for one in Source if one is not Source.PERSON])
def test_only_people_are_heeded(source: Source, memory: Memory, book: TaughtBook) -> None:
    memory.add(fact("don't touch billing", source=source))
    memory.add(Episode(scope="people", text="don't touch api", source=Source.PERSON, created_at=NOW,
                       fields=fact("don't touch api").fields))  # fmt: skip
    assert texts(book) == []


@pytest.mark.parametrize("source", [one for one in Source if one is not Source.PERSON])
def test_nobody_else_can_take_the_place_of_a_persons_word(source: Source, memory: Memory, book: TaughtBook) -> None:
    rule = memory.add(fact("don't touch billing"))
    memory.add(Fact(scope="people", text="billing may be restarted", source=source, created_at=NOW, supersedes=rule))
    assert texts(book) == ["don't touch billing"]


def test_what_this_version_cannot_read_has_the_agent_ask(memory: Memory, book: TaughtBook) -> None:
    """Written by a newer version, or by the clock of a zone that this machine does not know: somebody meant to bind it."""
    unknown: tuple[Any, ...] = ({}, {"verdict": "always", "actions": ["restart"], "units": ["billing"]},
                   {"verdict": "never", "actions": ["explode"], "units": ["billing"]},
                   {"verdict": "never", "actions": ["restart"], "units": []},
                   {"verdict": "never", "actions": ["restart"], "units": ["a"], "from": "25:00", "to": "1", "days": ["mon"]},
                   )  # fmt: skip
    for broken in unknown:
        with pytest.raises(BadRule):
            rule_of(broken)
        identity = memory.add(fact("don't touch billing", fields={"rule": broken}))
        ruled = ruling(book, START)
        about = not broken or broken["units"] != ["a"]
        assert (ruled.verdict, ruled.rule) == (("ask", "taught") if about else ("allow", "mode"))
        assert not about or (identity in ruled.why and "what cannot be read here" in ruled.why)
        assert ruling(book, START, confirmed=True).verdict == "allow"
        memory.forget(identity)
    nothings: tuple[Any, ...] = ([], "never", None)
    for nothing in nothings:
        memory.add(fact("don't touch billing", fields={"rule": nothing}))
    assert texts(book) == []


def test_a_memory_of_a_newer_version_is_not_one_in_which_nothing_was_taught(
    memory: Memory, book: TaughtBook, tmp_path: Path
) -> None:
    memory.add(fact("don't touch billing"))
    with closing(sqlite3.connect(tmp_path / "db")) as connection, connection:
        connection.execute("UPDATE memory_schema_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="a newer version wrote it"):
        book.open_now(NOW)


def test_to_bring_a_daemon_back_by_ending_what_outlived_it_is_a_restart(memory: Memory, book: TaughtBook) -> None:
    memory.add(fact("never restart anything"))
    engine = UnitId("pm2", "daemon", "here")
    for ends, verdict in ((0, "allow"), (3, "deny")):
        plan = new_plan(
            unit=engine, steps=start_engine_steps(engine, ends=ends), remedy="engine_down/revive", origin="agent",
            source="runbook",
        )  # fmt: skip
        found = rule_on_plan(plan, Situation(unit=None, taught=book.open_now(NOW)), Policy(mode="auto"))
        assert found.verdict == verdict, found


def test_without_a_memory_nothing_was_taught_and_where_it_cannot_be_read_nothing_is_done(tmp_path: Path) -> None:
    book = TaughtBook(tmp_path / "db")
    assert book.open_now(NOW) == ()
    (tmp_path / "db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match="what people taught cannot be read"):
        book.open_now(NOW)
    book.close()


def test_the_memory_is_asked_anew_only_after_a_change(memory: Memory, book: TaughtBook) -> None:
    memory.add(fact("don't touch billing"))
    assert book.rules(NOW)[0] is book.rules(NOW)[0]
    memory.add_fact("something else", scope="people")
    assert texts(book) == ["don't touch billing"]
