"""Incidents, postmortem, issue, handover, ack, snooze, notify and egress as a person uses them, on a home with a past."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from opsagent.cli.incidents_told import _complete
from opsagent.cli.main import main
from opsagent.cli.output import Out
from opsagent.home import Home
from opsagent.model import Cause, Check, CheckKind, Fault, Hypothesis, Incident, Plan, Step
from opsagent.store.journal import Journal
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.units import UnitId
from tests.support.inbox import inbox

WEB = UnitId("circus", "web", "box")
API = UnitId("circus", "api", "box")
NOW = datetime.now(UTC)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def place(home: Path) -> Home:
    """A home in which web crashed and was mended four times, and a person is needed for api."""
    opened = Home.open(home)
    with Journal.open(opened) as journal:
        for number in range(4):
            began = NOW - timedelta(minutes=20 * (4 - number))
            incident = Incident(
                id=f"inc-web{number}", fault=Fault.CRASH, unit=WEB, opened_at=began, began_at=began, summary="web ended"
            )
            journal.open_incident(incident)
            restart = Action(name=ActionName.RESTART, unit=WEB)
            step = Step(action=restart, goal=Check(kind=CheckKind.HEALTHY, unit=WEB))
            plan = Plan(
                id=f"p{number}", origin="agent", remedy="crash/restart", source="runbook", steps=(step,), unit=WEB,
                incident=incident.id,
            )  # fmt: skip
            journal.record_plan(plan, ())
            journal.end_plan(plan.id, "done", "well for 5 s")
            impact = {"down_s": 30.0, "failed_requests": 700, "starts": 3}
            ended = {"status": "resolved", "outcome": "repaired", "remedy": "crash/restart", "mttr_s": 30.0}
            journal.set_incident(incident.id, **ended, impact=impact, resolved_at=began + timedelta(seconds=30))
        began = NOW - timedelta(minutes=3)
        incident = Incident(
            id="inc-api", fault=Fault.HANG, unit=API, opened_at=began, began_at=began, summary="api hangs",
            affected=frozenset({WEB}),
        )  # fmt: skip
        journal.open_incident(incident)
        cause = Hypothesis(cause="two threads wait for each other", unit=API, weight=0.7, kind=Cause.DEADLOCK)
        journal.set_incident("inc-api", status="escalated", outcome="escalated", hypotheses=(cause,))
        journal.add_event("inc-api", "escalated", "nothing helps: password=hunter2abc", at=NOW)
        journal.hold(WEB, NOW + timedelta(hours=3), "migration", "ann")
    return opened


@pytest.fixture
def run(place: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("incidents", "list")`: exit code, standard output, standard error; in this process, which is quicker."""

    def go(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(Out, "wrote_json", False)
        code = main(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


def test_incidents_are_found_by_service_time_and_state(run: Run) -> None:
    def ids(*arguments: str) -> list[str]:
        return [one["id"] for one in json.loads(run("incidents", "list", "--json", *arguments)[1])["incidents"]]

    assert ids() == ["inc-api", "inc-web3", "inc-web2", "inc-web1", "inc-web0"]
    assert ids("--open") == ["inc-api"]
    assert ids("--unit", "web", "--since", "50m") == ["inc-web3", "inc-web2"]
    assert ids("--unit", "circus:api") == ["inc-api"]
    assert ids("--status", "snoozed") == []
    assert run("incidents", "list", "--unit", "nobody")[1] == "no incidents like that\n"
    assert run("incidents", "list", "--since", "yesterday")[0] == 2


def test_ack_and_snooze_are_seen_by_everybody_and_end(run: Run, place: Home) -> None:
    code, said, _ = run("ack", "inc-api", "--why", "on it")
    assert code == 0
    assert "repairs go on" in said
    code, said, _ = run("snooze", "inc-api", "--for", "2h", "--why", "known")
    assert code == 0
    assert "is snoozed until" in said
    assert "escalated (acked, snoozed)" in run("incidents", "list")[1]
    shown = run("incidents", "show", "inc-api")[1]
    assert re.search(r"^acked +looked after by \S+: on it$", shown, re.MULTILINE)
    whole = json.loads(run("incidents", "show", "inc-api", "--json")[1])
    assert whole["snoozed"]["why"] == "known"
    assert [event["kind"] for event in whole["timeline"]] == ["escalated", "acked", "snoozed"]
    assert "ended" in run("snooze", "inc-api", "--end")[1]
    assert "there is no snooze" in run("snooze", "inc-api", "--end")[1]
    with Journal.read(place) as journal:
        assert [one.kind for one in journal.watches()] == ["ack"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ack", "nosuch"), "incidents list"),
        (("ack", "inc-web0"), "is resolved already"),
        (("snooze", "inc-api", "--for", "soon"), "write 90s, 30m, 2h or 1d"),
        (("snooze", "inc-api", "--for", "0s"), "longer than nothing"),
        (("incidents", "postmortem", "inc-api", "--lang", "de"), "must be one of en, ko"),
        (("incidents", "postmortem", "inc-api", "--zone", "Mars"), "is no time zone"),
        (("incidents", "postmortem", "inc-api", "--html", "/nosuch/dir/x"), "cannot be written"),
        (("handover", "--since", "long"), "write 90s"),
        (("egress", "-n", "0"), "at least 1"),
        (("notify", "test"), "there is no channel"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    code, _, said = run(*arguments)
    assert code == 2
    assert words in said
    assert said.count("\n") == 1


def test_a_postmortem_goes_to_standard_output_or_into_private_files(run: Run, tmp_path: Path) -> None:
    text = run("incidents", "postmortem", "inc-web3", "--zone", "Europe/Berlin")[1].replace("\\", "")
    assert text.startswith("# Postmortem: crash of web\n")
    assert "- **failed requests:** 700" in text
    assert "repaired 4 times with crash/restart" in text
    html, markdown = tmp_path / "pm.html", tmp_path / "pm.md"
    code, out, err = run(
        "incidents", "postmortem", "inc-api", "--html", str(html), "--markdown", str(markdown), "--lang", "ko"
    )
    assert (code, out) == (0, "")
    assert err.count("written: ") == 2
    assert "<script" not in html.read_text()
    assert "장애 보고서" in markdown.read_text()
    assert "hunter2" not in html.read_text() + markdown.read_text()
    assert {path.stat().st_mode & 0o777 for path in (html, markdown)} == {0o600}


def test_the_permanent_fix_is_an_issue_ready_to_file(run: Run) -> None:
    text = run("incidents", "issue", "inc-web3")[1].replace("\\", "")
    assert text.startswith("# web: crash again and again, repaired 4 times with crash/restart\n")
    assert "12 restarts, 2,800 failed requests, 2 min without service, over 4 incidents" in text
    assert run("incidents", "postmortem", "inc-web3", "--issue")[1].replace("\\", "") == text
    found = json.loads(run("incidents", "issue", "inc-web3", "--json")[1])
    assert found["title"].startswith("web: crash again")
    assert found["body"].startswith("## In short")


def test_a_handover_on_a_terminal_as_markdown_and_as_data(run: Run) -> None:
    said = run("handover", "--since", "12h", "--zone", "UTC")[1]
    for part in (
        "api: hang, needs a person",
        "web: by ann until",
        "web: crash, 4 times, by crash/restart",
        "No daemon runs",
    ):
        assert part in said, part
    assert "hunter2" not in said
    assert run("handover", "--markdown", "--lang", "ko")[1].startswith("# 인수인계: 지난 12시간\n")
    found = json.loads(run("handover", "--json")[1])
    assert [one["id"] for one in found["open"]] == ["inc-api"]
    assert found["daemon"] is False


def test_nothing_leaves_until_the_file_says_so(run: Run, place: Home) -> None:
    assert "nobody is told anything" in run("notify")[1]
    assert run("egress")[1] == "nothing left this machine\n"
    with inbox() as box:
        config = '[notify.channels.team]\nurl_file = "team.url"\nhosts = ["127.0.0.1"]\nlanguage = "ko"\n'
        place.config_file.write_text(config)
        code, said, _ = run("notify", "test")
        assert code == 1
        assert "write the Apprise URL there" in said
        (place.notify_dir / "team.url").write_text(box.url)
        (place.notify_dir / "team.url").chmod(0o600)
        assert run("notify", "test", "team")[0] == 0
        assert box.arrived[0]["title"] == "opsagent: 시험 메시지"
        rows = json.loads(run("egress", "--json")[1])["egress"]
        assert [(row["ok"], row["what"]) for row in rows] == [(True, "notification: test")]
        assert box.url not in run("egress")[1]
        assert "team" in run("notify", "list")[1]


def test_ids_are_completed_those_that_are_open_first(place: Home) -> None:
    context: Any = SimpleNamespace(params={"home": str(place.path)})
    assert list(_complete(context, "inc-"))[:2] == ["inc-api", "inc-web3"]
    assert list(_complete(context, "inc-web0")) == ["inc-web0"]


def test_the_examples_of_the_page_are_read_as_they_stand(tmp_path: Path) -> None:
    from opsagent.config import parse

    page = (Path(__file__).resolve().parents[2] / "docs/telling.md").read_text()
    examples: list[Any] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert examples
    for example in examples:
        file = tmp_path / "config.toml"
        file.write_text(example)
        assert parse(file).notify.channels
