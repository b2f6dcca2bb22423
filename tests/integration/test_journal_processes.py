"""The journal with several processes: killed writers, writers side by side, orders that everybody sees at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from opsagent.home import Home
from opsagent.store.journal import Journal
from opsagent_memory import Memory
from tests.unit.store.values import API, incident, plan, step

_PRELUDE = """
import os, sys
from pathlib import Path
from opsagent.home import Home
from opsagent.store.journal import Journal
from opsagent_memory import Memory
from tests.unit.store.values import API, incident, plan, step
journal = Journal.open(Home.open(Path(sys.argv[1])))
def say(word):
    print(word, flush=True)
"""


@contextmanager
def _process(home: Path, program: str) -> Iterator[subprocess.Popen[str]]:
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", _PRELUDE + program, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait()


def _heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def journal(home: Path) -> Iterator[Journal]:
    with Journal.open(Home.open(home)) as opened:
        yield opened


def test_a_step_that_was_intended_survives_kill_9(home: Path, journal: Journal) -> None:
    """SIGKILL between "intended" and "ended": the journal knows what was about to happen, and is whole."""
    program = """
journal.open_incident(incident())
journal.record_plan(plan())
say(journal.intend_step(plan(), 0, step(), {"state": "exited", "pids": "7"}, "mode"))
sys.stdin.read()
"""
    with _process(home, program) as writer:
        step_id = _heard(writer)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    [found] = journal.unfinished_steps()
    assert (found.id, found.status, found.step, found.rule) == (step_id, "intended", step(), "mode")
    assert found.state_before == {"state": "exited", "pids": "7"}
    assert [row.id for row in journal.unfinished_incidents()] == ["i1"]
    assert journal.verify().ok
    journal.end_step(found.id, "unknown", "cannot be told")
    assert journal.unfinished_steps() == ()


def test_killed_in_the_middle_of_writing_it_is_whole_again(home: Path, journal: Journal) -> None:
    program = """
say("writing")
number = 0
while True:
    step_id = journal.intend_step(plan(), number, step(), {})
    journal.end_step(step_id, "done", "x" * 500)
    number += 1
    say(number)
"""
    for _ in range(3):
        with _process(home, program) as writer:
            assert _heard(writer) == "writing"
            done = max(int(_heard(writer)) for _ in range(15))
            before = len(journal.plan("p1").steps)
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        found = journal.verify()
        assert found.ok, found.problems
        assert len(journal.plan("p1").steps) >= max(before, done)
        assert len(journal.unfinished_steps()) <= 1
        for row in journal.unfinished_steps():
            journal.end_step(row.id, "unknown")


def test_writers_side_by_side_lose_nothing_and_keep_one_chain(home: Path, journal: Journal) -> None:
    program = """
say("ready")
sys.stdin.readline()
for number in range(25):
    journal.add_event(None, "note", f"{os.getpid()} {number}")
say("done")
"""
    with ExitStack() as running:
        writers = [running.enter_context(_process(home, program)) for _ in range(3)]
        assert [_heard(writer) for writer in writers] == ["ready"] * 3
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        assert [_heard(writer) for writer in writers] == ["done"] * 3
    assert len({event.text for event in journal.events(limit=1000)}) == 75
    found = journal.verify()
    assert found.ok, found.problems
    assert found.entries == 75


def test_two_processes_may_make_the_store_at_the_same_moment(home: Path) -> None:
    program = "say('made'); journal.open_incident(incident(str(os.getpid()))); say('opened')"
    with _process(home, program) as one, _process(home, program) as other:
        assert [_heard(one), _heard(other), _heard(one), _heard(other)] == ["made", "made", "opened", "opened"]
    with Journal.read(Home.open(home)) as reader:
        assert len(reader.incidents()) == 2
        assert reader.verify().ok


def test_holds_and_the_pause_are_seen_by_other_processes_at_once(home: Path, journal: Journal) -> None:
    program = """
for order in sys.stdin:
    say(f"{len(journal.holds())} {journal.paused()}")
"""

    def looked() -> str:
        assert agent.stdin is not None
        agent.stdin.write("look\n")
        agent.stdin.flush()
        return _heard(agent)

    with _process(home, program) as agent:
        assert looked() == "0 None"
        journal.hold(API, None, "deploying", "bob")
        journal.pause("bob", "deploying")
        assert looked() == "1 by bob: deploying"
        journal.release_hold(API, "bob")
        journal.resume("bob")
        assert looked() == "0 None"


def test_an_approval_can_be_used_by_one_process_only(home: Path, journal: Journal) -> None:
    journal.record_plan(plan())
    asked = journal.ask(plan(), 0, step(), "binding", 3600.0)
    journal.decide_approval(asked, True, "bob")
    program = f"""
say("ready")
sys.stdin.readline()
say(journal.use_approval({asked!r}, "binding"))
"""
    with ExitStack() as running:
        users = [running.enter_context(_process(home, program)) for _ in range(3)]
        assert [_heard(user) for user in users] == ["ready"] * 3
        for user in users:
            assert user.stdin is not None
            user.stdin.write("go\n")
            user.stdin.flush()
        assert sorted(_heard(user) for user in users) == ["False", "False", "True"]


def test_threads_may_share_a_journal(journal: Journal) -> None:
    from concurrent.futures import ThreadPoolExecutor

    journal.open_incident(incident())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: journal.add_event("i1", "note", str(number)), range(80)))
        assert all(pool.map(lambda _: journal.paused() is None, range(80)))
    assert len(journal.incident("i1").events) == 80
    assert journal.verify().ok


@pytest.mark.parametrize("beside", ["memory", "journal"])
def test_what_opens_the_same_file_beside_it_does_not_blind_it(home: Path, journal: Journal, beside: str) -> None:
    """POSIX takes all locks on a file from a process that closes any descriptor of it: the next process to end would
    then believe to be the last one, and take the write-ahead log away under the connections that are open here.
    """
    place = Home.open(home)
    journal.open_incident(incident())
    opened: Memory | Journal
    if beside == "memory":
        opened = Memory.open(place.database, place.chroma_dir)
        opened.add_fact("billing is never restarted at night", scope="host")
    else:
        opened = Journal.open(place)
    with opened:
        for order, paused in (("pause", True), ("resume", False), ("pause", True), ("resume", False)):
            with _process(home, f"journal.{order}('ann'); journal.close(); say('said')") as person:
                assert _heard(person) == "said"
                person.wait()
            assert (journal.paused() is not None) is paused
            journal.add_event("i1", "note", order)
    with _process(home, "say(len(journal.events('i1')))") as reader:
        assert _heard(reader) == "4"
