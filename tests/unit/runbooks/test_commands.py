"""Commands of a person's own runbook, really run: as the unit's owner, bounded, and only as the file says now."""

from __future__ import annotations

import os
import pwd
import time
from pathlib import Path
from typing import cast

import pytest

from opsagent.check import Checker
from opsagent.command_hands import CommandHands
from opsagent.command_receipts import folder_in, read_receipt, write_receipt
from opsagent.guard import Situation, risk_of, rule_on_step
from opsagent.model import Risk, Step
from opsagent.planning import new_plan
from opsagent.policy import Policy
from opsagent.rules.protected_paths import why_protected
from opsagent.runbooks.commands import command_step, shown, words_of
from opsagent.runbooks.library.card import RemedyCard
from opsagent.runbooks.own import read_file
from opsagent_tools.actions import Action, ActionName, Outcome
from opsagent_tools.processes.commands import CommandRefused, run_words
from opsagent_tools.processes.proc import read_stat
from opsagent_tools.units import Unit
from tests.support.cases import unit_of
from tests.support.waiting import until
from tests.unit.runbooks.test_reading import HEAD, REMEDY

ME = os.geteuid()


class _World:
    """Tells who owns the unit."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def unit(self, _: object) -> Unit:
        return self._unit


def home_of(tmp_path: Path, step: str, extra: str = "") -> tuple[Path, RemedyCard]:
    """A home with one runbook, `renew.toml`, and its remedy as planned now."""
    folder = tmp_path / "home" / "runbooks"
    folder.mkdir(parents=True, mode=0o700)
    path = folder / "renew.toml"
    path.write_text(HEAD + REMEDY + extra + '[[remedy.step]]\naction = "run_runbook_command"\n' + step)
    path.chmod(0o600)
    return tmp_path / "home", read_file(path).remedies[0]


def planned(said: RemedyCard, unit: Unit, **told: str) -> Step:
    return command_step(unit, said, 0, {f"${name.replace('__', '.')}": value for name, value in told.items()})


async def done(home: Path, action: Action, *, uid: int = ME) -> Outcome:
    hands = CommandHands(cast("Checker", _World(unit_of("api", uid=uid))), home)
    return await hands.run(action)


async def test_it_is_run_with_its_words_and_leaves_a_receipt(tmp_path: Path) -> None:
    wrote = tmp_path / "wrote"
    home, said = home_of(
        tmp_path, f'command = ["/bin/sh", "-c", "echo $0 $OPSAGENT_UNIT $HOME > {wrote}", "$unit.name"]\n'
    )
    step = planned(said, unit_of("api"), unit__name="api; rm -rf /")
    run = str(step.action.args["run"])
    assert read_receipt(folder_in(home), run) is None, "nobody can tell before it has run"
    outcome = await done(home, step.action)
    assert outcome.done, outcome.detail
    assert wrote.read_text() == f"api; rm -rf / api {pwd.getpwuid(ME).pw_dir}\n"
    assert read_receipt(folder_in(home), run) is True
    assert step.goal.args["run"] == run


async def test_another_exit_code_is_no_success_and_what_it_said_is_masked(tmp_path: Path) -> None:
    secret = "ghp_" + "a1B2" * 9
    home, said = home_of(tmp_path, f'command = ["/bin/sh", "-c", "echo {secret}; printf \'\\\\033[31mred\'; exit 3"]\n')
    step = planned(said, unit_of("api"))
    outcome = await done(home, step.action)
    assert not outcome.done
    assert "exit code 3" in outcome.detail
    assert secret not in outcome.detail
    assert secret not in str(step.action.args["shown"]) + step.why
    assert outcome.detail.isprintable()
    assert read_receipt(folder_in(home), str(step.action.args["run"])) is False


async def test_what_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    one, other = (["sleep", f"{seconds}.{os.getpid()}"] for seconds in (77, 78))
    words = f'["/bin/sh", "-c", "{" ".join(one)} & {" ".join(other)}"]'
    home, said = home_of(tmp_path, f"command = {words}\ntimeout_s = 0.3\n")
    began = time.monotonic()
    outcome = await done(home, planned(said, unit_of("api")).action)
    assert not outcome.done
    assert "took longer than 0.3 s" in outcome.detail
    assert time.monotonic() - began < 10
    assert not [found for found in _commands() if found in (one, other)]


async def test_what_it_leaves_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    home, said = home_of(
        tmp_path, f'command = ["/bin/sh", "-c", "sleep 30 & echo $! > {tmp_path}/pid"]\ntimeout_s = 20\n'
    )
    began = time.monotonic()
    try:
        assert (await done(home, planned(said, unit_of("api")).action)).done
        assert time.monotonic() - began < 10
    finally:
        os.kill(int((tmp_path / "pid").read_text()), 9)


async def test_what_changed_since_it_was_planned_is_not_run(tmp_path: Path) -> None:
    home, said = home_of(tmp_path, f'command = ["/usr/bin/touch", "{tmp_path}/one"]\n')
    step = planned(said, unit_of("api"))
    path = home / "runbooks" / "renew.toml"
    path.write_text(path.read_text().replace("/one", "/two"))
    outcome = await done(home, step.action)
    assert not outcome.done
    assert "was changed since" in outcome.detail
    path.chmod(0o666)
    assert "not in the runbooks any more" in (await done(home, step.action)).detail
    path.unlink()
    assert not (await done(home, step.action)).done
    assert not list(tmp_path.glob("one")) + list(tmp_path.glob("two"))


async def test_a_plan_that_somebody_made_up_runs_nothing(tmp_path: Path) -> None:
    home, said = home_of(tmp_path, f'command = ["/usr/bin/touch", "{tmp_path}/one"]\n')
    true = planned(said, unit_of("api")).action
    for lie in (
        {"runbook": "own.renew/other"},
        {"step": 7},
        {"step": -1},
        {"digest": "0" * 32},
        {"run": "../../etc/x"},
    ):
        action = Action(name=true.name, unit=true.unit, args={**true.args, **lie})
        assert not (await done(home, action)).done
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize("value", ["-rf", "--all", "", "a\nb", "x" * 500])
def test_a_word_that_was_looked_up_is_data(tmp_path: Path, value: str) -> None:
    _, said = home_of(tmp_path, 'command = ["/bin/echo", "$own.path"]\n')
    with pytest.raises(ValueError, match="a word that may be passed on"):
        planned(said, unit_of("api"), own__path=value)


def test_words_are_those_of_the_file(tmp_path: Path) -> None:
    _, said = home_of(tmp_path, 'command = ["/bin/echo", "a b", "$own.path"]\nundo_command = ["/bin/echo", "back"]\n')
    step = planned(said, unit_of("api"), own__path="/srv/a b")
    assert words_of(said.steps[0], step.action.args) == ("/bin/echo", "a b", "/srv/a b")
    assert step.undo is not None
    assert words_of(said.steps[0], step.undo.args) == ("/bin/echo", "back")
    assert step.undo.args["run"] != step.action.args["run"]


def test_what_it_puts_at_stake_is_what_its_file_and_the_policy_say(tmp_path: Path) -> None:
    def risk(folder: str, extra: str) -> Risk:
        _, said = home_of(tmp_path / folder, 'command = ["/bin/true"]\n', extra)
        return risk_of(planned(said, unit_of("api")).action, unit_of("api"))

    assert risk("a", "") is Risk.DISRUPTIVE
    assert risk("b", 'effect = "destructive"\n') is Risk.DESTRUCTIVE
    made_up = Action(name=ActionName.RUN_RUNBOOK_COMMAND, unit=unit_of("api").id, args={})
    assert risk_of(made_up, None) is Risk.DESTRUCTIVE


def test_the_guard_sees_every_file_that_a_command_names(tmp_path: Path) -> None:
    """However long it is, wherever the file stands in it; and a grant that one command earned is none for another."""
    long = ", ".join(f'"{"x" * 300}"' for _ in range(3))
    for folder, step in (
        ("a", f'command = ["/bin/cp", {long}, "/etc/shadow"]\n'),
        ("b", 'command = ["/bin/true"]\nundo_command = ["/bin/cp", "/x", "--to=/etc/sudoers.d/x"]\n'),
        ("c", 'command = ["/bin/true"]\ncwd = "/var/lib/postgresql/15"\n'),
    ):
        _, said = home_of(tmp_path / folder, step)
        step_made = planned(said, unit_of("api"))
        actions = [step_made.action, *([step_made.undo] if step_made.undo is not None else [])]
        assert any(why_protected(action, (), "") for action in actions), folder
    _, said = home_of(tmp_path / "d", 'command = ["/bin/cat", "$own.path"]\n')
    assert why_protected(planned(said, unit_of("api"), own__path="/etc/shadow").action, (), "")
    plan = new_plan(unit=unit_of("api").id, steps=(step_made,), remedy="own.x/y", origin="agent", source="runbook")
    granted = frozenset({(unit_of("api").id, ActionName.RUN_RUNBOOK_COMMAND)})
    ruling = rule_on_step(
        planned(said, unit_of("api"), own__path="/srv/x"),
        plan,
        Situation(unit=unit_of("api"), grants=granted),
        Policy(mode="approve"),
    )
    assert ruling.verdict == "ask"


async def test_nothing_is_run_that_others_may_change(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    assert (await run_words([str(program)], uid=ME, cwd=tmp_path, timeout_s=5)).code == 0
    program.chmod(0o777)
    with pytest.raises(CommandRefused, match="may change"):
        await run_words([str(program)], uid=ME, cwd=tmp_path, timeout_s=5)
    program.chmod(0o644)
    with pytest.raises(CommandRefused, match="no program"):
        await run_words([str(program)], uid=ME, cwd=tmp_path, timeout_s=5)
    program.chmod(0o755)
    tmp_path.chmod(0o777)
    with pytest.raises(CommandRefused, match=f"may change {tmp_path}"):
        await run_words([str(program)], uid=ME, cwd=tmp_path, timeout_s=5)


@pytest.mark.skipif(ME != 0, reason="only root can make a link that belongs to another user")
async def test_a_link_of_somebody_else_on_the_way_to_a_program_is_refused(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "link").symlink_to("/bin/true")
    (tmp_path / "program").symlink_to("theirs/link")
    words = [str(tmp_path / "program")]
    assert (await run_words(words, uid=ME, cwd=tmp_path, timeout_s=5)).code == 0
    os.lchown(tmp_path / "theirs" / "link", nobody, -1)
    with pytest.raises(CommandRefused, match="theirs/link"):
        await run_words(words, uid=ME, cwd=tmp_path, timeout_s=5)
    os.lchown(tmp_path / "theirs" / "link", 0, -1)
    os.chown(tmp_path / "theirs", nobody, -1)
    with pytest.raises(CommandRefused, match="theirs, and with it"):
        await run_words(words, uid=ME, cwd=tmp_path, timeout_s=5)
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(CommandRefused, match="cannot be run"):
        await run_words([str(tmp_path / "round")], uid=ME, cwd=tmp_path, timeout_s=5)


async def test_whoever_left_its_session_is_ended_too_when_time_is_up(tmp_path: Path) -> None:
    script = f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 300' & sleep 300"
    ran = await run_words(["/bin/sh", "-c", script], uid=ME, cwd=tmp_path, timeout_s=1.5)
    assert ran.code is None
    pid = int((tmp_path / "pid").read_text())
    await until(lambda: (found := read_stat(pid)) is None or found.dead)


async def test_its_environment_is_its_own_and_its_output_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMETHING_PRIVATE", "hush")
    ran = await run_words(["/usr/bin/env"], uid=ME, cwd=tmp_path, timeout_s=5)
    assert b"SOMETHING_PRIVATE" not in ran.output
    assert {line.split(b"=")[0] for line in ran.output.splitlines()} >= {b"PATH", b"HOME", b"LANG"}
    much = await run_words(["/bin/sh", "-c", "yes | head -c 3000000; echo end"], uid=ME, cwd=tmp_path, timeout_s=20)
    assert len(much.output) <= 16 * 1024
    assert much.output.endswith(b"end\n")


@pytest.mark.skipif(ME != 0, reason="only root can run a command as another user")
async def test_it_runs_as_the_owner_of_the_unit(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    home, said = home_of(tmp_path, 'command = ["/bin/sh", "-c", "id -u; id -g; exit 4"]\n')
    outcome = await done(home, planned(said, unit_of("api")).action, uid=nobody.pw_uid)
    assert f"({nobody.pw_uid} {nobody.pw_gid})" in outcome.detail


@pytest.mark.skipif(ME == 0, reason="root may run a command as anybody")
async def test_who_is_not_root_runs_nothing_as_another(tmp_path: Path) -> None:
    home, said = home_of(tmp_path, 'command = ["/bin/true"]\n')
    assert "is to run as user" in (await done(home, planned(said, unit_of("api")).action, uid=ME + 1)).detail


def test_old_receipts_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsagent.command_receipts._MOST", 3)
    for number in range(6):
        write_receipt(tmp_path / "runs", f"{number:016x}", 0)
    assert len(list((tmp_path / "runs").iterdir())) == 3
    assert read_receipt(tmp_path / "runs", f"{5:016x}") is True
    assert read_receipt(tmp_path / "runs", "../../x") is None


def test_a_long_command_is_shown_short() -> None:
    assert len(shown(("/bin/echo", "x" * 500))) <= 160
    assert "secretvalue" not in shown(("/bin/app", "--password=secretvalue"))


def _commands() -> list[list[str]]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_text(errors="replace").rstrip("\0").split("\0"))
        except OSError:
            continue
    return found


def test_the_remedy_of_a_file_makes_that_step(tmp_path: Path) -> None:
    from opsagent.runbooks.library.making import steps_of
    from opsagent.runbooks.remedy import Fit
    from tests.support.cases import target_of

    _, said = home_of(tmp_path, 'command = ["/bin/echo", "$unit.name"]\n')
    (step,) = steps_of(said, Fit(target=target_of("api"), why="x", args={"$unit.name": "api"}))
    assert step.action.args["word_0"] == "api"
