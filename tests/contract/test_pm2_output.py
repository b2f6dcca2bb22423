"""Output of apps that write to no file, heard on the bus of a real PM2."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from opsagent.model import SignalKind
from opsagent_tools.supervisors.pm2.adapter import Pm2Supervisor
from opsagent_tools.units import UnitId
from tests.support.pm2 import PM2
from tests.support.sensing import sensing
from tests.support.waiting import until

SAYS = "import sys, time\nwhile True:\n    print('ERROR: it is', 'half', end='', flush=True)\n    time.sleep(.05)\n"
SAYS += "    print(' past nine', flush=True)\n    time.sleep(.05)\n"
NOWHERE: dict[str, Any] = {"pm_out_log_path": "/dev/null", "pm_err_log_path": "/dev/null"}
API = UnitId.local("pm2", "api")


@pytest.fixture
async def supervisor(pm2: PM2) -> AsyncIterator[Pm2Supervisor]:
    adapter = Pm2Supervisor(pm2.home)
    yield adapter
    await adapter.close()


async def test_an_app_that_writes_to_no_file_is_heard_and_its_pieces_are_lines(
    pm2: PM2, supervisor: Pm2Supervisor
) -> None:
    script = pm2.home / "says.py"
    script.write_text(SAYS)
    pm2.start("api", script, **NOWHERE)
    pm2.start("other", script, **NOWHERE)
    assert (await supervisor.describe(API)).logs == ()

    tail = supervisor.output(API)
    heard: list[bytes] = []

    def enough() -> bool:
        heard.extend(tail.look())
        return len(heard) > 3

    await until(enough)
    assert set(heard[1:]) == {b"ERROR: it is half past nine"}
    assert tail.position() == {}

    pm2.kill_daemon()
    assert await until(lambda: not tail.look())
    tail.close()


async def test_the_senses_hear_it(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    script = pm2.home / "says.py"
    script.write_text(SAYS)
    pm2.start("api", script, **NOWHERE)
    async with sensing([supervisor]) as told:
        error = await told.until(SignalKind.LOG_ERROR, API)
        assert "half past nine" in str(error.text)
