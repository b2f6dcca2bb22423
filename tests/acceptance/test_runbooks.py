"""`opsagent runbook`: what is done about each fault, one's own files, and what a test says of them. Nothing is changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Cli

OWN = """
title = "The index of web is gone"
cause = "unknown"
answers = ["hang"]
looks_for = "whether it serves"
never = "restart it"

[[remedy]]
name = "rebuild"
does = "rebuild its index"
when = ["health_now.ok is true", "unit.instances is 1", "port_holder.relation in own engine"]
expects = "it serves"
verify = ["health_now.ok is true"]
undo = "nothing to undo"

[[remedy.step]]
action = "run_runbook_command"
command = ["/usr/bin/touch", "/somewhere/index"]
undo_command = ["/usr/bin/true"]
"""


@pytest.fixture(autouse=True)
def _clean(busy: Cli) -> Iterator[None]:
    yield
    shutil.rmtree(busy.home / "runbooks", ignore_errors=True)


def put(cli: Cli, name: str, text: str, mode: int = 0o600) -> Path:
    folder = cli.home / "runbooks"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_they_are_listed_ones_own_first_and_shown(busy: Cli) -> None:
    put(busy, "index.toml", OWN)
    listed = busy("runbook", "list")
    assert listed.code == 0
    assert listed.out.splitlines()[0].split()[:2] == ["RUNBOOK", "CAUSE"]
    assert listed.out.splitlines()[1].startswith("own.index")
    assert "port_taken" in listed.out
    shown = busy("runbook", "show", "stale_lock", "--json").json
    assert shown["cause"] == "stale_lock"
    assert shown["remedies"][0]["condition"]["says"].startswith("A lock is in the way")
    page = busy("runbook", "show", "own.index").out
    assert "/usr/bin/touch /somewhere/index" in page
    assert "never" in page


def test_a_slip_is_offered_the_nearest(busy: Cli) -> None:
    result = busy("runbook", "show", "stale_lok")
    assert (result.code, result.error) == (2, "there is no runbook 'stale_lok': did you mean 'stale_lock'?")
    path = put(busy, "index.toml", OWN.replace("health_now.ok is true", "helth_now.ok is true"))
    tested = busy("runbook", "test", str(path))
    assert tested.code == 1
    assert "did you mean health_now?" in tested.out


def test_what_cannot_be_used_is_told_and_the_others_hold(busy: Cli) -> None:
    put(busy, "shared.toml", OWN, 0o666)
    put(busy, "torn.toml", "title = ")
    put(busy, "index.toml", OWN)
    listed = busy("runbook", "list", "--json")
    assert listed.code == 1
    assert "others may write" in listed.json["broken"][0]
    assert "no TOML" in listed.json["broken"][1]
    assert listed.json["runbooks"][0]["name"] == "own.index"
    tested = busy("runbook", "test", "torn")
    assert tested.code == 1
    assert "no TOML" in tested.out


def test_it_is_tried_on_a_service_as_it_is_now(busy: Cli) -> None:
    put(busy, "index.toml", OWN)
    result = busy("runbook", "test", "index", "--against", "web", "--json")
    assert result.code == 0, result
    (tried,) = result.json["runbooks"][0]["trial"]["remedies"]
    assert tried["result"] == "fits", tried
    assert [one["holds"] for one in tried["conditions"]] == [True, True, True]
    (step,) = tried["steps"]
    assert (step["action"], step["risk"], step["verdict"]) == ("run_runbook_command:web", "disruptive", "deny")
    assert step["rule"] == "suggest", "the mode of a home without a configuration"
    assert not Path("/somewhere").exists()
