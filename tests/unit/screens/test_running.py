"""A procedure from a person's command to what is remembered of it: guard, journal, hands, effect, memory, report."""

from __future__ import annotations

import asyncio
import json
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opsagent.carrying.events import Ending
from opsagent.check import Checker
from opsagent.config import Config
from opsagent.home import Home
from opsagent.naming import screen_unit
from opsagent.own_agent import own_agent
from opsagent.reconcile import Reconciler
from opsagent.screen_settings import ScreenSettings
from opsagent.screens import afterwards, files
from opsagent.screens.asking import Run, StepQuestions
from opsagent.screens.hand import ScreenHands
from opsagent.screens.planning import plan_of
from opsagent.screens.shelf import Shelf
from opsagent.screens.watching import STOP, Watch
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline
from opsagent.world import World
from opsagent_tools.actions import NEEDS_PERSON, Outcome
from opsagent_tools.gui.effects import before
from opsagent_tools.gui.fake import FakeProgram
from opsagent_tools.gui.filling import filled_effects
from opsagent_tools.gui.finding import LastRung
from opsagent_tools.gui.model import Fingerprint, Look, NotLocated
from opsagent_tools.gui.port import Surface
from opsagent_tools.gui.replay import Allowed, Asked, NotAllowed
from opsagent_tools.units import UnitId
from tests.unit.screens.conftest import Console


def runs(console: Console) -> list[Path]:
    return sorted((files.folder_of(console.home.path) / "runs").iterdir())


async def test_it_is_ruled_on_journalled_done_verified_and_remembered(console: Console) -> None:
    end = await console.run("export report", params="march")
    assert (end.kind, end.code) == ("done", Ending.DONE), end.text
    assert console.months == ["march"]
    assert "verified" in end.text
    with Journal.read(console.home) as journal:
        row = journal.plan(str(end.data["plan"]))
    assert (row.status, [step.status for step in row.steps]) == ("done", ["done"])
    assert row.plan.steps[0].action.args["procedure"] == "export report"
    tally = Shelf(console.home.database).tally("export report")
    assert (tally.worked, tally.failed, tally.last_worked is not None) == (1, 0, True)


async def test_the_report_is_for_its_owner_only_and_says_what_was_done(console: Console) -> None:
    end = await console.run("export report", params="march")
    (folder,) = runs(console)
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    told = json.loads((folder / "report.json").read_text())
    assert (told["outcome"], [step["done"] for step in told["steps"]]) == ("verified", [True, True])
    assert end.data["run"]["report"] == str(folder / "report.html")
    page = (folder / "report.html").read_text()
    assert "Export" in page
    assert "data:image/png;base64," in page
    assert "<script" not in page


async def test_unconfirmed_it_asks_and_opens_nothing(console: Console) -> None:
    end = await console.run("export report", agreed=False, params="march")
    assert (end.kind, end.code, end.rule) == ("asked", Ending.NEEDS_APPROVAL, "confirm")
    assert end.approval
    assert console.opened == 0


async def test_a_step_that_deletes_asks_the_person_who_is_there(console: Console) -> None:
    console.file.write_text("old")
    seen = [event async for event in console.carry("wipe archive", says=True)]
    assert seen[-1].code == Ending.DONE, seen[-1].text
    assert not console.file.exists()
    assert console.asked == [("do this step?",)]
    (question,) = [one.progress.text for one in seen if one.progress is not None and one.progress.approval]
    assert "click button “Delete archive”" in question


async def test_without_a_person_it_ends_before_the_step_and_a_yes_is_used_once_by_the_next_run(
    console: Console,
) -> None:
    console.file.write_text("old")
    end = await console.run("wipe archive")
    assert (end.kind, end.code, end.rule) == ("asked", Ending.NEEDS_APPROVAL, "needs person"), end.text
    assert console.file.exists()
    assert console.program.performed == []
    with console.journal() as journal:
        (asked,) = journal.approvals()
        assert asked.id in end.text
        journal.decide_approval(asked.id, True, "kim")
    assert (await console.run("wipe archive")).code == Ending.DONE
    assert not console.file.exists()
    console.file.write_text("new")
    assert (await console.run("wipe archive")).code == Ending.NEEDS_APPROVAL, "the yes was for one time"
    assert console.file.exists()


async def test_a_no_is_a_no(console: Console) -> None:
    console.file.write_text("old")
    end = await console.run("wipe archive", says=False)
    assert end.code == Ending.NEEDS_APPROVAL
    assert console.file.exists()


async def test_where_it_is_not_sure_it_halts_and_that_counts_against_it(console: Console) -> None:
    console.program.control("export").name = "Publish"
    end = await console.run("export report", params="march")
    assert (end.kind, end.code) == ("failed", Ending.FAILED)
    assert "halted before step 2" in end.text
    assert console.months == []
    assert Shelf(console.home.database).tally("export report").failed == 1


async def test_an_effect_that_does_not_come_about_is_no_success(console: Console) -> None:
    console.program.reactions["export"] = lambda _: None
    end = await console.run("export report", params="march")
    assert (end.kind, end.code) == ("failed", Ending.FAILED)
    assert "effect" in end.text


async def test_what_was_changed_since_it_was_planned_is_not_played(console: Console) -> None:
    asked = await console.run("export report", agreed=False, params="march")
    text = (await asyncio.to_thread(Shelf(console.home.database).to_run, "export report")).text
    await asyncio.to_thread(console.accept, text + "undo: wipe archive\n")
    with console.journal() as journal:
        journal.decide_approval(asked.approval, True, "lee")
    async with own_agent(console.home, Config.load(console.home), wait_s=1.0) as agent:
        last = [item async for item in agent.approved(asked.approval, by="lee")][-1]
    assert last.kind == "failed"
    assert "was changed since" in last.text
    assert console.opened == 0


async def test_a_pause_in_the_middle_ends_it_between_two_gestures(console: Console) -> None:

    def pause(_: FakeProgram) -> None:
        with console.journal() as journal:
            journal.pause("kim", "enough")

    console.program.reactions["reports"] = pause
    end = await console.run("two clicks")
    assert end.code == Ending.NEEDS_APPROVAL
    assert "paused" in end.text
    assert [one.key for one in console.program.performed] == ["reports"]


async def test_a_pause_while_it_waits_for_another_run_is_heeded(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = ScreenHands._played

    async def waited(hands: ScreenHands, going: Any) -> Outcome:
        with console.journal() as journal:
            journal.pause("kim", "enough")
        return await played(hands, going)

    monkeypatch.setattr(ScreenHands, "_played", waited)
    end = await console.run("two clicks")
    assert end.code == Ending.NEEDS_APPROVAL
    assert "paused" in end.text
    assert console.program.performed == []


async def test_a_hold_on_the_procedure_binds_who_runs_it_for_a_service(console: Console, tmp_path: Path) -> None:
    kept = await asyncio.to_thread(Shelf(console.home.database).to_run, "two clicks")
    run = Run(kept=kept, told={}, unit=UnitId.local("engine", "api"))
    with console.journal() as journal:
        questions = StepQuestions(journal, run, answer_s=0, say=lambda *_: None)
        watch = Watch(journal, run, tmp_path, questions, since=datetime.now(UTC))
        asked = Asked(number=1, text="click button “Reports”")
        assert isinstance(await watch(kept.procedure.steps[0], None, asked), Allowed)
        journal.hold(screen_unit("two clicks"), None, "month end", "kim")
        ruling = await watch(kept.procedure.steps[0], None, asked)
    assert isinstance(ruling, NotAllowed)
    assert "month end" in ruling.why


async def test_who_goes_away_ends_it_between_two_gestures_and_that_is_noted(console: Console) -> None:
    task = asyncio.create_task(console.run("two clicks"))

    def leave(_: FakeProgram) -> None:
        task.cancel()

    console.program.reactions["reports"] = leave
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one.key for one in console.program.performed] == ["reports"]
    (folder,) = runs(console)
    assert json.loads((folder / "ended.json").read_text())["came_about"] is False
    assert "interrupted" in (folder / "report.html").read_text()


async def test_a_stop_that_is_written_down_ends_it_too(console: Console) -> None:
    console.program.reactions["reports"] = lambda _: files.write(runs(console)[0] / STOP, b"kim closed the door")
    end = await console.run("two clicks")
    assert end.code == Ending.NEEDS_APPROVAL
    assert "kim closed the door" in end.text


async def test_after_a_run_that_was_cut_short_nobody_but_a_person_begins_again(console: Console) -> None:
    folder = files.made(files.run_folder(console.home.path, "0123456789abcdef"))
    afterwards.note_begun(folder, procedure="two clicks", version=1, effects=(), before={})
    begun = json.loads((folder / "begun.json").read_text())
    files.write_json(folder / "begun.json", {**begun, "pid": 999_999_999})
    kept = await asyncio.to_thread(Shelf(console.home.database).to_run, "two clicks")
    async with own_agent(console.home, Config.load(console.home), wait_s=1.0) as agent:
        unattended = [item async for item in agent.submit(plan_of(kept, {}), confirmed=True, by="kim")][-1]
    assert (unattended.kind, unattended.rule) == ("asked", NEEDS_PERSON)
    assert console.opened == 0
    end = await console.run("two clicks")  # a `--yes` of somebody who is not there to be told
    assert (end.kind, end.code, end.rule, console.opened) == ("asked", Ending.NEEDS_APPROVAL, "cut short", 0)
    assert "0123456789abcdef was cut short" in end.text
    seen = [event async for event in console.carry("two clicks", says=True)]
    assert console.asked, "told of it they are asked, though they had said yes before"
    assert any("0123456789abcdef was cut short" in line for event in seen for line in event.lines)
    assert (seen[-1].code, console.opened) == (Ending.DONE, 1)
    assert await afterwards.cut_short(console.home.path, "two clicks") == ()


def test_what_was_cut_short_stays_until_a_person_has_looked(tmp_path: Path) -> None:
    folder = files.made(files.run_folder(tmp_path, "0123456789abcdef"))
    afterwards.note_begun(folder, procedure="two clicks", version=1, effects=(), before={})
    assert files.prune(tmp_path, keep_days=0, keep_mb=0, now=time.time() + 1e6) == 0
    afterwards.looked_at(tmp_path, "0123456789abcdef", "kim")
    assert files.prune(tmp_path, keep_days=0, keep_mb=0, now=time.time() + 1e6) == 1


async def test_cut_short_it_is_looked_at_and_never_played_again(console: Console) -> None:
    effects = (await asyncio.to_thread(Shelf(console.home.database).to_run, "export report")).procedure.effects
    run = "0123456789abcdef"
    folder = files.made(files.run_folder(console.home.path, run))
    afterwards.note_begun(folder, procedure="export report", version=1, effects=effects, before={"0": None})
    assert await afterwards.came_about(console.home.path, run) is None, "nobody can tell"
    console.file.write_text("report of {month}")
    assert await afterwards.came_about(console.home.path, run) is True
    assert await afterwards.came_about(console.home.path, "f" * 16) is None


async def reconciled(console: Console, *, written: bool) -> tuple[str, list[str]]:
    """What an agent that comes back after a kill -9 in the middle of a run says of it, and what it tells people."""
    kept = await asyncio.to_thread(Shelf(console.home.database).to_run, "export report")
    plan = plan_of(kept, {"month": "march"})
    run = str(plan.steps[0].action.args["run"])
    effects = filled_effects(kept.procedure.effects, {"month": "march"})
    afterwards.note_begun(
        files.made(files.run_folder(console.home.path, run)),
        procedure=kept.name,
        version=1,
        effects=effects,
        before=await before(effects),
    )
    with console.journal() as journal:
        step = journal.intend_step(plan, 0, plan.steps[0], {}, "confirmed")
        if written:
            console.file.write_text("report of march")
        checker = Checker({}, World(), last_good_dir=console.home.last_good_dir)
        await Reconciler(journal=journal, checker=checker, timeline=Timeline(journal)).reconcile()
        (row,) = [one for one in journal.plan(plan.id).steps if one.id == step]
        told = [one.text for one in journal.said_of_kind("unclear", journal.plan(plan.id).created_at)]
    assert console.opened == 0, "it is never played again"
    return row.status, told


async def test_an_agent_that_comes_back_sees_that_the_effect_is_there(console: Console) -> None:
    assert await reconciled(console, written=True) == ("done", [])


async def test_where_nobody_can_tell_a_person_is_told(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsagent.reconcile._LOOK_S", 0.1)
    status, told = await reconciled(console, written=False)
    assert status == "unknown"
    assert any("cannot be told" in line and "export report" in line for line in told)


async def test_where_nothing_else_finds_it_the_configured_model_is_asked(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    @asynccontextmanager
    async def last_rung(home: Home, settings: ScreenSettings) -> AsyncIterator[LastRung]:
        async def asks(fingerprint: Fingerprint, surface: Surface, look: Look) -> NotLocated:
            asked.append(fingerprint.name)
            return NotLocated(reason="missing", why="the model does not find it")

        yield asks

    monkeypatch.setattr("opsagent.screens.hand.last_rung", last_rung)
    console.program.control("export").name = "Publish"
    end = await console.run("export report", params="march")
    assert asked == ["Export"]
    assert "the model does not find it" in end.text
