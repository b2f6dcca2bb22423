"""The runbooks that the agent comes with, as a house: each fault has one, each can work, each is counted by its own name."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from opsagent.model import Cause, Fault
from opsagent.runbook_checking import contradict, look_over
from opsagent.runbook_forms import brief, whole
from opsagent.runbooks import RUNBOOKS, library
from opsagent.runbooks.library.card import Card
from opsagent.runbooks.library.conditions import parse
from opsagent.runbooks.library.making import resolved
from opsagent.runbooks.library.reading import read_card
from tests.unit.runbooks.test_reading import COMMAND, HEAD, REMEDY, STEP, WHOLE

ROOT = Path(__file__).resolve().parents[3]
NOT_KNOWN = {Cause.UNKNOWN, Cause.CRASHED}
"""Nothing can be written about what nobody knows."""
CARDS = library.every_card()


def test_every_cause_has_its_runbook() -> None:
    assert {card.cause for card in CARDS} | NOT_KNOWN == set(Cause)


def test_every_kind_of_incident_is_answered() -> None:
    assert {fault for fault in Fault if not library.cards_for(fault)} == set()


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_it_can_work_and_says_what_has_to_be_known(card: Card) -> None:
    assert [problem for problem in look_over(card) if problem.level == "error"] == []
    assert card.never
    for remedy in card.remedies:
        assert remedy.expects
        assert remedy.undo
        assert remedy.verify_s > 0
        assert remedy.condition or remedy.when
        if remedy.condition:
            assert resolved(remedy.condition).__doc__, "`runbook show` quotes it"
    assert whole(card)["name"] == card.name


def test_every_remedy_is_counted_by_a_name_of_its_own() -> None:
    names = [one.counts_as for card in CARDS for one in card.remedies]
    weighed = {one.counts_as for card in CARDS for one in card.remedies if not one.counted_as}
    assert not weighed & {remedy.name for runbook in RUNBOOKS.values() for remedy in runbook.remedies}
    assert sorted(names) == sorted(set(names))


def test_every_remedy_of_a_faults_own_module_is_described_by_one_runbook() -> None:
    """What memory of old homes counts stays, and `runbook show` tells of it."""
    generic = {remedy.name for runbook in RUNBOOKS.values() for remedy in runbook.remedies}
    assert {name for name in generic if library.about(name) is None} == set()


def test_the_page_lists_every_runbook() -> None:
    page = (ROOT / "docs/runbooks.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]+?) \| [^|]+ \|$", page, re.MULTILINE))
    assert {card.name: card.title for card in CARDS} == {name: rows.get(name) for name in (card.name for card in CARDS)}
    for card in CARDS:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{card.name}` |"))
        lacking = {name for name in brief(card)["remedies"] if str(name).rpartition("/")[2] not in row}
        assert lacking == set(), f"docs/runbooks.md: the row of {card.name}"


def test_they_are_read_quickly() -> None:
    files = [path.read_text() for path in (ROOT / "opsagent/runbooks/library").glob("*.toml")]
    began = time.process_time()
    for number, text in enumerate(files):
        read_card(text, name=f"card_{number}")
    assert (time.process_time() - began) / len(files) < 0.003, "of one; 40 may take 20 ms on a quick machine"


def test_looking_reads_no_runbook(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "opsagent", "ps", "--home", str(tmp_path)]
    trace = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path).stderr
    assert "opsagent.cli.listing" in trace
    assert "opsagent.runbooks" not in trace


@pytest.mark.parametrize(
    ("one", "other", "never"),
    [
        ("a.b is x", "a.b is y", True),
        ("a.b is x", "a.b is x", False),
        ("a.b in x y", "a.b is y", False),
        ("a.b in x y", "a.b not in y x", True),
        ("a.b is 3", "a.b > 3", True),
        ("a.b is 3", "a.b >= 3", False),
        ("a.b > 3", "a.b < 2", True),
        ("a.b > 3", "a.b < 3", True),
        ("a.b >= 3", "a.b <= 3", False),
        ("a.b > 3", "a.b > 5", False),
        ("a.b exists", "a.b absent", True),
        ("a.b absent", "a.b is x", True),
        ("a.b exists", "a.b is x", False),
        ("a.b is x", "a.b is not x", True),
        ("a.b is not x", "a.b is not y", False),
    ],
)
def test_conditions_that_never_hold_together_are_seen(one: str, other: str, never: bool) -> None:
    assert contradict(parse(one), parse(other)) is never
    assert contradict(parse(other), parse(one)) is never


@pytest.mark.parametrize(
    ("text", "level", "what", "mend"),
    [
        (
            REMEDY.replace("health_now.ok is f", "helth_now.ok is f") + STEP,
            "error",
            "no probe helth_now",
            "health_now?",
        ),
        (REMEDY.replace("now.ok is f", "now.okay is f") + STEP, "warning", "not known to tell okay", "ok?"),
        (REMEDY.replace("health_now.ok is f", "last_log.lines is f") + STEP, "error", "is text", "kernel"),
        (REMEDY.replace('is false"]', 'is false", "health_now.ok is true"]') + STEP, "error", "never hold", "drop"),
        (REMEDY + 'after = "rene"\n' + STEP, "error", "there is no remedy rene", "did you mean renew?"),
        (REMEDY + STEP.replace("restart", "run_gui_procedure"), "error", "lacks 'procedure'", "args"),
        (REMEDY + STEP.replace("restart", "restore_mode"), "error", "", ""),
        (REMEDY + STEP.replace("restart", "stop_orphan"), "error", "lacks 'pid'", "args"),
        (
            REMEDY.replace('verify = ["health_now.ok is true"]', "") + STEP,
            "warning",
            "nothing of its own",
            "well again",
        ),
        (REMEDY.replace('expects = "it serves"', 'expects = " "') + STEP, "warning", "says nothing", "say"),
        (REMEDY + COMMAND.replace("/usr/bin/true", "/usr/bin/nowhere"), "warning", "is not there", "mend the path"),
        (REMEDY + COMMAND.replace('undo_command = ["/usr/bin/true"]', ""), "warning", "cannot be taken back", "undo"),
    ],
)
def test_what_is_wrong_with_ones_own_is_told(text: str, level: str, what: str, mend: str) -> None:
    found = look_over(read_card(HEAD + text, name="socket", own=True))
    assert any(one.level == level and what in one.what and mend in one.mend for one in found), found


def test_a_name_that_another_has_is_told() -> None:
    card = read_card(WHOLE, name="socket", source="/a/socket.toml", own=True)
    twin = read_card(WHOLE, name="socket", source="/b/socket.toml", own=True)
    assert not [one for one in look_over(card, [card]) if "another" in one.what]
    assert [one for one in look_over(card, [card, twin]) if "another" in one.what]
