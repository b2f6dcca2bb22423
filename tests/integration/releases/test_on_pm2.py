"""Releases of services that PM2 runs: noted, shown, put back, and PM2's own workers run with them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent.cli.agent import config_of
from opsagent.cli.main import main
from opsagent.cli.services import look
from opsagent.home import Home
from opsagent.releases.opening import keeper_of
from tests.support import pm2 as real
from tests.support.pm2 import PM2
from tests.support.waiting import eventually

CONFIG = """
[policy]
release_good_after_s = 0.5
canary_s = 0.5

[supervisors]
pm2_homes = ["{home}"]
"""
SOURCE = "console.log({says!r}); setInterval(() => {{}}, 1000);\n"


@pytest.fixture(scope="module")
def daemon() -> Iterator[PM2]:
    with real.running() as found:
        yield found


async def _note(home: Home) -> str | None:
    unit = next(unit for unit in look(home).units if unit.name == "shop")
    async with keeper_of(home, config_of(home), unit.id.supervisor) as keeper:
        return await keeper.note(unit, datetime.now(UTC))


def test_a_release_of_pm2s_comes_back(
    daemon: PM2, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "config.toml").write_text(CONFIG.format(home=daemon.home))
    (home / "config.toml").chmod(0o600)
    script = tmp_path / "srv" / "shop" / "shop.js"
    script.parent.mkdir(parents=True)
    script.write_text(SOURCE.format(says="release A"))
    # Start times of processes are exact to a second only: what was written in the second before a start is not proven yet.
    eventually(lambda: time.time() - script.stat().st_ctime > 1.5, timeout=5)
    daemon.start("shop", str(script))
    eventually(lambda: "release A" in daemon.log("shop"), timeout=20)
    eventually(lambda: asyncio.run(_note(Home.open(home))), timeout=20)
    script.write_text(SOURCE.format(says="release B"))
    daemon.cli("restart", "shop")
    eventually(lambda: "release B" in daemon.log("shop"), timeout=20)
    before = daemon.pids("shop")
    capsys.readouterr()
    code = main(["rollback", "shop", "--yes", "--json", "--home", str(home)])
    told = json.loads(capsys.readouterr().out)
    assert (code, told["result"]) == (0, "done"), told
    assert "release A" in script.read_text()
    assert daemon.pids("shop") != before
    eventually(lambda: daemon.log("shop").rfind("release A") > daemon.log("shop").rfind("release B"), timeout=20)
