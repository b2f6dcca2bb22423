"""The screen of a replay."""

from __future__ import annotations

import os
from pathlib import Path

from opsagent.replay.report import document
from opsagent.replay.run import Replay
from opsagent.replay.sources import Wanted
from opsagent.views.replay import lines, summary
from opsagent.views.table import cells
from opsagent.views.terminal import Screen
from opsagent_tools.supervisors.found import Found
from tests.support.pasts import BASE, DAY, a_month


def test_a_narrow_terminal_shows_the_reason_too(tmp_path: Path) -> None:
    pm2 = Found(family="pm2", address=str(a_month(tmp_path / "home")), uid=os.geteuid(), kind="pm2", state="idle")
    found = document(Replay(Wanted(supervisors=(pm2,)), since=BASE - DAY, until=BASE + 9 * DAY).run())
    narrow = lines(found, Screen(True, False, 80), limit=20)
    assert all(cells(line) <= 80 for line in narrow)
    assert any(line.strip().startswith("ENOSPC: disk is full") for line in narrow)
    piped = lines(found, Screen(), limit=20)
    assert [line for line in piped if "ENOSPC" in line and "~1d" in line and "api" in line]
    assert lines(found, Screen(), limit=1)[3].startswith("… and 1 more")
    assert "read as +00:00 (as their files were written)" in " ".join(summary(found))
