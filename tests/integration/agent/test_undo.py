"""`opsagent undo`, as a person uses it: a configuration that was put back, on a real service, and what refuses."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from opsagent.kept_contents import keep
from opsagent.planning import new_plan, rollback_config_steps
from tests.integration.agent.conftest import Place
from tests.support.forked import run_opsagent

DEPLOYED, GOOD = b"workers = 40\npassword = 'not for others'\n", b"workers = 4\npassword = 'not for others'\n"


async def undo(place: Place, *arguments: str) -> tuple[int, dict[str, Any]]:
    command = ["undo", *arguments, "--json", "--home", str(place.home.path)]
    done = await asyncio.to_thread(run_opsagent, command, env=os.environ)
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return done.returncode, told


async def test_a_person_takes_back_what_was_done_once_and_never_over_what_changed(
    place: Place, free_port: int, tmp_path: Path
) -> None:
    await place.up(place.service("store", free_port))
    path = tmp_path / "store.toml"
    path.write_bytes(GOOD)
    digests = [keep(place.home.last_good_dir, content) for content in (GOOD, DEPLOYED)]
    unit = await place.unit("store")
    plan = new_plan(
        unit=unit.id,
        steps=rollback_config_steps(unit, path, *digests),
        remedy="crash/rollback_config",
        origin="agent",
        source="runbook",
    )
    with place.writing() as journal:
        journal.end_step(journal.intend_step(plan, 0, plan.steps[0], {}, "mode"), "done")
        journal.end_plan(plan.id, "done")

    code, told = await undo(place, plan.id[:6], "--dry-run")
    assert (code, told["result"], told["kind"]) == (0, "dry_run", "plan")
    assert [(step["done"], step["undo"], step["state"]) for step in told["steps"]] == [
        ("rollback_config:store", "rollback_config:store", "possible")
    ]
    assert path.read_bytes() == GOOD

    path.write_bytes(b"workers = 8\n")  # somebody was at work
    code, told = await undo(place, plan.id, "--yes")
    assert (code, told["result"], told["steps"][0]["state"]) == (4, "refused", "changed")
    assert path.read_bytes() == b"workers = 8\n"

    path.write_bytes(GOOD)
    code, told = await undo(place, plan.id, "--yes")
    assert (code, told["result"]) == (0, "done"), told
    assert path.read_bytes() == DEPLOYED

    code, told = await undo(place, plan.id, "--yes")
    assert (code, told["result"], told["steps"][0]["state"]) == (0, "nothing", "back")
    with place.journal() as journal:
        assert journal.verify().problems == ()
