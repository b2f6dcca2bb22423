"""The log sense over its own restarts, in floods, and beside a supervisor that passes on what its units write."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from opsagent.model import Signal, SignalKind
from opsagent.senses.desk import Desk, SenseSettings
from opsagent.senses.logs import LogSense
from opsagent.world import World
from opsagent_tools.logs.sources import LogSource
from opsagent_tools.units import Unit, UnitId, UnitState
from tests.support.waiting import until

UNIT = UnitId.local("circus", "api")
QUICK = SenseSettings(
    log_active_s=0.02,
    log_busy_s=0.02,
    log_idle_s=0.05,
    log_held_s=0.05,
    log_volume_s=0.3,
    log_learn_s=0.0,
    log_keep_s=0.05,
)
LEARNING = SenseSettings(log_active_s=0.02, log_idle_s=0.05, log_held_s=0.05, log_learn_s=300.0)


class Sensed:
    """A log sense that runs, and what it told."""

    def __init__(self, sense: LogSense) -> None:
        self.sense = sense
        self.signals: list[Signal] = []

    def of(self, kind: SignalKind) -> list[Signal]:
        return [signal for signal in self.signals if signal.kind is kind]

    def errors(self) -> int:
        return sum(int(signal.data["count"]) for signal in self.of(SignalKind.LOG_ERROR))

    def total(self, name: str) -> int:
        return sum(int(signal.data[name]) for signal in self.of(SignalKind.LOG_VOLUME))

    def row(self, part: str) -> dict[str, Any]:
        (row,) = [row for row in self.sense.rows("api") if part in row["template"]]
        return row


def unit(*logs: Path) -> Unit:
    return Unit(id=UNIT, state=UnitState.RUNNING, logs=logs)


@asynccontextmanager
async def running(
    *logs: Path,
    folder: Path | None = None,
    settings: SenseSettings = QUICK,
    output: Mapping[UnitId, LogSource] | None = None,
    killed: bool = False,
) -> AsyncIterator[Sensed]:
    """A log sense over some logs. `killed`: nothing is kept at its end, as after a kill."""
    signals: list[Signal] = []
    sense = LogSense(Desk(World(), signals.append, settings), folder, (output or {}).get)
    sensed = Sensed(sense)
    sensed.signals = signals
    sense.sync([unit(*logs)])
    watching = asyncio.create_task(sense.watch())
    try:
        yield sensed
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        if killed:
            sense.sync([])
        else:
            sense.close()


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("INFO of before\n")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "senses"
    path.mkdir(mode=0o700)
    return path


async def test_what_is_logged_is_counted_and_the_sample_is_redacted(log: Path) -> None:
    async with running(log) as sensed:
        append(log, "INFO login of user 17, password=hunter2hunter2\n" * 3 + "WARN slow: 12 ms\n")
        await until(lambda: len(sensed.sense.rows()) == 2)
        row = sensed.row("login")
        assert (row["count"], row["level"], row["unit"]) == (3, "info", str(UNIT))
        assert "hunter2" not in json.dumps(sensed.sense.rows())
        assert sensed.row("slow")["level"] == "warn"
        assert sensed.sense.rows("another") == []


async def test_how_much_is_logged_is_told(log: Path) -> None:
    async with running(log) as sensed:
        append(log, "INFO a\nINFO b\nERROR: c\n")
        await until(lambda: (sensed.total("lines"), sensed.total("errors")) == (3, 1))
        assert sensed.total("signatures") == 3
        assert (sensed.total("sampled"), sensed.total("skipped")) == (0, 0)


async def test_what_is_new_is_told_and_not_of_a_unit_that_is_just_being_learnt(log: Path) -> None:
    async with running(log, settings=LEARNING) as sensed:
        append(log, "INFO a first one\nERROR: x\n")
        await until(lambda: len(sensed.sense.rows()) == 2)
        assert sensed.of(SignalKind.LOG_NEW) == []
        assert not sensed.row("first")["new"]
    async with running(log) as sensed:
        append(log, "WARN a second one token=abcdefghijklmnop1234\n")
        (told,) = await until(lambda: sensed.of(SignalKind.LOG_NEW))
        assert told.data["level"] == "warn"
        assert told.data["key"] == sensed.row("second")["key"]
        assert "abcdefghijklmnop" not in str(told.text)
        assert sensed.row("second")["new"]


async def test_of_many_new_signatures_few_are_told(log: Path) -> None:
    async with running(log) as sensed:
        words = [f"{a}{b}lein" for a in "bcdfghklmnprst" for b in ("a", "e", "i", "o", "u")]
        append(log, "".join(f"INFO {word} arrived at the {word} gate\n" for word in words))
        await until(lambda: sum(row["count"] for row in sensed.sense.rows()) == len(words))
        assert 1 <= len(sensed.of(SignalKind.LOG_NEW)) <= 12


async def test_a_flood_is_sampled_and_that_is_told_and_no_error_is_overlooked(log: Path) -> None:
    async with running(log) as sensed:
        flood = "".join(f"INFO item {n} of the flood is done\n" for n in range(20_000))
        append(log, flood + "ERROR: the one line that matters\n" + flood)
        await until(lambda: sensed.total("lines") == 40_001)
        assert sensed.total("sampled") > 10_000
        assert [signal.data["signature"] for signal in sensed.of(SignalKind.LOG_ERROR)] == [
            sensed.row("matters")["template"]
        ]


async def test_what_a_flood_writes_beyond_all_bounds_is_not_read_and_that_is_told(log: Path) -> None:
    async with running(log) as sensed:
        line = "INFO flood " + "x" * 980 + "\n"
        append(log, line * 20_000)
        append(log, "ERROR: at its end\n")
        await until(lambda: sensed.errors() == 1 and sensed.total("skipped") > 5_000_000)
        assert sensed.total("skipped") + sensed.total("lines") * len(line) >= 19_000_000


async def test_a_unit_whose_every_line_is_another_one_stays_bounded(log: Path) -> None:
    async with running(log) as sensed:
        letters = "abcdefghijklmnop"
        names = [a + b + c for a in letters for b in letters for c in letters]
        append(log, "".join(f"INFO {name}ward {name[::-1]}ness {name}ish\n" for name in names[:3000]))
        await until(lambda: sensed.total("lines") == 3000)
        assert len(sensed.sense.rows()) <= 210


async def test_after_a_restart_nothing_is_lost_and_nothing_counted_twice(log: Path, folder: Path) -> None:
    async with running(log, folder=folder) as sensed:
        append(log, "INFO item 1 done\n" * 5)
        await until(lambda: sensed.row("item")["count"] == 5 if sensed.sense.rows() else False)
    append(log, "INFO item 2 done\n" * 7 + "ERROR: while nobody looked\n")
    log.rename(log.with_name("app.log.1"))
    append(log, "INFO item 3 done\n")
    async with running(log, folder=folder) as sensed:
        await until(lambda: sensed.row("item")["count"] == 13)
        append(log, "ERROR: now\n")
        await until(lambda: sensed.errors() == 1)
        assert sensed.row("nobody")["count"] == 1
        assert "now" in str(sensed.of(SignalKind.LOG_ERROR)[0].data["signature"])
        assert stat.S_IMODE((folder / "logs.jsonl").stat().st_mode) == 0o600
        assert "hunter2" not in (folder / "logs.jsonl").read_text()


async def test_after_a_kill_what_was_not_kept_is_read_again_and_counted_once(log: Path, folder: Path) -> None:
    settings = SenseSettings(log_active_s=0.02, log_busy_s=0.02, log_idle_s=0.05, log_held_s=0.05, log_keep_s=0.1)
    async with running(log, folder=folder, settings=settings) as sensed:
        append(log, "ERROR: item 1 failed\n" * 5)
        await until(lambda: sensed.errors() == 5)
        kept = folder / "logs.jsonl"
        await until(lambda: kept.exists() and b"item" in kept.read_bytes())
        as_kept = kept.read_bytes()
        append(log, "ERROR: item 2 failed\n" * 3)
        await until(lambda: sensed.errors() == 8)
    kept.write_bytes(as_kept + b'{"v":1,"at":17,"units":{"circus:api')  # what a kill leaves of a write
    async with running(log, folder=folder, settings=settings) as sensed:
        await until(lambda: sensed.row("item")["count"] == 8)
        append(log, "INFO more\n")
        await until(lambda: sensed.sense.rows() and any("more" in row["template"] for row in sensed.sense.rows()))
        assert sensed.errors() == 0


@pytest.mark.parametrize("broken", [b"no JSON\n", b'{"v":99,"at":1,"units":{}}\n', b'{"v":1}\n', b"\0" * 100 + b"\n"])
async def test_a_broken_file_is_set_aside_and_told(
    log: Path, folder: Path, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "logs.jsonl").write_bytes(broken)
    (folder / "miner.json").write_bytes(broken + b"}")
    async with running(log, folder=folder) as sensed:
        append(log, "ERROR: x\n")
        await until(lambda: sensed.errors() == 1)
    assert (folder / "logs.jsonl.broken").read_bytes() == broken
    assert (folder / "miner.json.broken").exists()
    assert "is broken" in caplog.text
    assert (folder / "logs.jsonl").read_bytes().startswith(b'{"v":1')


async def test_a_folder_that_cannot_be_written_stops_nothing(
    log: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(log, folder=tmp_path / "none" / "there") as sensed:
        append(log, "ERROR: x\n")
        await until(lambda: sensed.errors() == 1)
        await until(lambda: "cannot be kept" in caplog.text)


async def test_a_unit_that_goes_and_comes_again_is_known_again(log: Path) -> None:
    async with running(log) as sensed:
        append(log, "INFO item 1\n")
        await until(sensed.sense.rows)
        sensed.sense.sync([])
        assert sensed.sense.rows() == []
        append(log, "INFO item 2\n")
        sensed.sense.sync([unit(log)])
        await until(lambda: sensed.row("item")["count"] == 2)


class Spoken:
    """A source as a supervisor gives it."""

    def __init__(self) -> None:
        self.skipped, self.past, self.missed = 0, False, ""
        self.lines: list[bytes] = []
        self.closed = 0

    def look(self) -> list[bytes]:
        lines, self.lines = self.lines, []
        return lines

    def position(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        self.closed += 1


async def test_a_unit_without_files_is_heard_through_its_supervisor() -> None:
    spoken = Spoken()
    async with running(output={UNIT: spoken}) as sensed:
        spoken.lines.append(b"ERROR: said, not written")
        await until(lambda: sensed.errors() == 1)


async def test_a_unit_whose_files_cannot_be_read_is_heard_through_its_supervisor(tmp_path: Path) -> None:
    loop = tmp_path / "loop.log"
    loop.symlink_to(loop)
    spoken = Spoken()
    async with running(loop, output={UNIT: spoken}) as sensed:
        spoken.lines.append(b"ERROR: said, not written")
        await until(lambda: sensed.errors() == 1)
        sensed.sense.sync([unit(loop)])
        spoken.lines.append(b"ERROR: said again after a listing")
        await until(lambda: sensed.errors() == 2)


async def test_last_words_are_told_before_anything_else_happens(log: Path) -> None:
    async with running(log, settings=SenseSettings(log_idle_s=60.0, log_active_s=60.0)) as sensed:
        append(log, 'Traceback (most recent call last):\n  File "x.py", line 3, in f\n    f()\nKeyError: 7\n')
        sensed.sense.look_now(UNIT)
        (told,) = sensed.of(SignalKind.LOG_ERROR)
        assert "KeyError" in str(told.text)
