"""Where services write, and of which zone their stamps are taken to be."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent.cli.log_sources import show_sources
from opsagent.cli.output import Out
from opsagent.cli.services import Running
from opsagent_tools.units import Unit, UnitId, UnitState


def shown(log: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    unit = Unit(id=UnitId.local("circus", "api"), state=UnitState.RUNNING, instances=1, logs=(log,))
    running = Running(engine_running=True, engine_pid=1, units=(unit,), specs=())
    show_sources(running, [unit], Out(as_json=False))
    return capsys.readouterr().out.splitlines()[1:]


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("ahead_h", "stamp", "told"),
    [
        (9, "%Y-%m-%d %H:%M:%S", "+09:00 (inferred)"),
        (0, "%Y-%m-%dT%H:%M:%SZ", "+00:00"),
        (0, "%Y-%m-%d %H:%M:%S", "+00:00 (inferred)"),
        (-3.5, "%d/%b/%Y %H:%M:%S", "-03:30 (inferred)"),
    ],
)
@pytest.mark.usefixtures("in_utc")
def test_the_offset_is_inferred_from_the_last_line_and_shown(
    ahead_h: float, stamp: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, now = tmp_path / "api.log", int(time.time())
    at = datetime.fromtimestamp(now, UTC) + timedelta(hours=ahead_h)
    log.write_text(f"starting\n{at.strftime(stamp)} INFO ready\n    a line without a stamp\n")
    os.utime(log, (now, now))
    (row,) = shown(log, capsys)
    assert row.split()[:2] == ["api", str(log)]
    assert row.endswith(told)


def test_a_log_that_is_not_there_yet_and_one_without_stamps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "api.log"
    assert f"{log} (not there yet)" in shown(log, capsys)[0]
    log.write_text("hello\n")
    assert shown(log, capsys)[0].endswith("-")


def test_what_stands_there_instead_of_a_file_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert shown(pipe, capsys)[0].split()[:2] == ["api", str(pipe)]
