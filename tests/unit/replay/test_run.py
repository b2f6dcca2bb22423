"""A whole replay, over logs made of files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from opsagent.model import EvidenceKind, Fault
from opsagent.replay.grouping import rhythm
from opsagent.replay.merging import merged
from opsagent.replay.report import document
from opsagent.replay.run import Replay
from opsagent.replay.sources import Wanted
from opsagent.replay.words import Beat, Found, Happened, Replayed
from opsagent_tools.supervisors.found import Found as Supervisor
from opsagent_tools.supervisors.past import PastEvent, PastKind
from opsagent_tools.units import UnitId
from tests.support.pasts import BASE, DAY, Home, a_month, wall

UNTIL = BASE + 9 * DAY


def replay(home: Path | None = None, *files: Path, since: float = BASE - DAY, until: float = UNTIL) -> Replayed:
    found = Supervisor(family="pm2", address=str(home), uid=os.geteuid(), kind="pm2", state="idle")
    wanted = Wanted(supervisors=(found,) if home is not None else (), files=files)
    return Replay(wanted, since=since, until=until).run()


def of(replayed: Replayed, name: str) -> list[Found]:
    return [one for one in replayed.incidents if one.unit.name == name]


def times_of(replayed: Replayed, name: str) -> dict[str, Any]:
    return next({"times": one.times, "offset": one.offset} for one in replayed.sources if one.name.endswith(name))


@pytest.mark.parametrize("ahead_h", [0.0, 9.0, -3.5])
def test_a_month_of_pm2_is_told_as_it_was(tmp_path: Path, ahead_h: float) -> None:
    """Whatever the clock of its machine said."""
    found = replay(a_month(tmp_path / "home", ahead_h=ahead_h))
    nightly, heavy = sorted(found.recurring, key=lambda one: one.unit)
    assert (nightly.unit.name, nightly.count, nightly.every_s) == ("api", 7, DAY)
    assert "ENOSPC: disk is full" in nightly.signature
    assert nightly.last_at == BASE + 7 * DAY + 3 * 3600 + 12 * 60
    assert (heavy.unit.name, heavy.fault, heavy.count) == ("worker", Fault.MEMORY_GROWTH, 7)
    loop, burst = of(found, "web")
    assert (loop.fault, loop.began_at, loop.deaths) == (Fault.CRASH_LOOP, BASE + 5 * DAY + 40_000, 8)
    assert loop.cause is not None
    assert "Cannot read properties" in loop.cause.template
    assert set(loop.evidence) == {EvidenceKind.SUPERVISOR, EvidenceKind.TEXT}
    assert (burst.fault, burst.evidence, burst.ended) == (Fault.ERROR_BURST, (EvidenceKind.TEXT,), "it was over")
    assert abs(burst.began_at - (BASE + 6 * DAY + 50_000)) <= 1
    assert burst.errors == 300


def test_what_was_read_is_told_with_its_offset(tmp_path: Path) -> None:
    found = replay(a_month(tmp_path / "home", ahead_h=9.0))
    assert times_of(found, "web-out.log") == {"times": "own", "offset": "+09:00"}
    assert times_of(found, "pm2.log")["offset"] == "+09:00"
    assert times_of(found, "api-error.log") == {"times": "own", "offset": ""}
    assert times_of(found, "worker-out.log")["times"] == "unsure"
    assert next(one.files for one in found.sources if one.name.endswith("web-out.log")) == 2


def test_the_same_logs_give_the_same_document(tmp_path: Path) -> None:
    home = a_month(tmp_path / "home")
    first, second = (json.dumps(document(replay(home))["incidents"]) for _ in range(2))
    assert first == second


def test_only_what_began_in_the_window_is_told(tmp_path: Path) -> None:
    found = replay(a_month(tmp_path / "home"), since=BASE + 3 * DAY, until=BASE + 5 * DAY)
    assert [one.began_at for one in of(found, "api")] == [BASE + day * DAY + 3 * 3600 + 12 * 60 for day in (3, 4)]


def test_last_words_without_a_time_are_placed_by_the_deaths(tmp_path: Path) -> None:
    """Node's default: nothing says when, but PM2 says when it died."""
    home = Home(tmp_path / "home")
    home.start(BASE, "api")
    said = []
    for count in range(3):
        home.crash(BASE + 1000 * (count + 1), "api")
        said += ["/srv/api.js:3", "throw new TypeError('x')", "      ^", "", f"TypeError: cannot read row {count}",
                 "    at handler (/srv/api.js:3:9)", "    at node:internal/main:1:1", "", "Node.js v20.20.2"]  # fmt: skip
    home.log("api-error.log", said, written_at=BASE + 3000)
    found = replay(home.done())
    assert [one.began_at for one in of(found, "api")] == [BASE + 1000, BASE + 2000, BASE + 3000]
    assert [one.cause.template for one in found.incidents if one.cause] == ["TypeError: cannot read row <n>"] * 3
    assert found.unplaced == []


def test_errors_without_a_time_that_no_death_explains_are_only_counted(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.start(BASE, "api")
    home.crash(BASE + 1000, "api")
    home.log("api-error.log", ["Error: timeout of query"] * 5, written_at=BASE + 50_000)
    found = replay(home.done())
    (crash,) = of(found, "api")
    assert crash.signatures == ()
    assert [(unit.name, seen.count) for unit, seen in found.unplaced] == [("api", 5)]


def test_what_a_person_stopped_is_no_incident(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.start(BASE, "api")
    for count in range(10):
        home.stop(BASE + 100 * (count + 1), "api")
        home.start(BASE + 100 * (count + 1) + 1, "api")
    assert replay(home.done()).incidents == []


def test_one_that_its_supervisor_gave_up_on_is_not_over(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.start(BASE, "api")
    for count in range(5):
        home.crash(BASE + 10 + count, "api", again=count < 4)
    home.say(BASE + 14, 'Script /srv/api.js had too many unstable restarts (5). Stopped. "errored"')
    (loop,) = replay(home.done()).incidents
    assert (loop.fault, loop.ended_at) == (Fault.CRASH_LOOP, None)
    assert "gave up" in loop.ended


def test_a_plain_file_is_a_unit_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "shop.log"
    lines = [f"{wall(BASE + minute * 60)} INFO served {minute}" for minute in range(600)]
    lines += [f"{wall(BASE + 40_000 + count // 10)} ERROR no route to 10.0.0.{count % 200}" for count in range(200)]
    path.write_text("\n".join(lines))
    os.utime(path, (BASE + 40_020, BASE + 40_020))
    (burst,) = replay(None, path).incidents
    assert (str(burst.unit.supervisor), burst.unit.name, burst.fault) == ("file", "shop", Fault.ERROR_BURST)


def test_one_line_of_the_far_future_costs_no_other_line_its_time(tmp_path: Path) -> None:
    path = tmp_path / "shop.log"
    lines = [f"{wall(BASE + minute * 60)}Z INFO served {minute}" for minute in range(60)]
    lines[30] = f"{wall(BASE + 8 * DAY)}Z INFO a date of a ticket"
    path.write_text("\n".join(lines))
    (source,) = replay(None, path).sources
    assert (source.first, source.last) == (BASE, BASE + 59 * 60)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "broken.log.1.gz").write_bytes(b"\x1f\x8b no gzip")
    (tmp_path / "broken.log").write_bytes(bytes(range(256)) * 50)
    os.mkfifo(tmp_path / "pipe.log")
    found = replay(None, tmp_path / "broken.log", tmp_path / "pipe.log", tmp_path / "nowhere.log", tmp_path)
    assert {Path(one.name).name for one in found.unread} == {
        "broken.log.1.gz",
        "pipe.log",
        "nowhere.log",
        tmp_path.name,
    }
    assert found.incidents == []


def test_what_is_refused_or_too_old_is_told(tmp_path: Path) -> None:
    (tmp_path / "old.log").write_text("2020-01-01T00:00:00 ERROR x\n")
    os.utime(tmp_path / "old.log", (BASE - 30 * DAY,) * 2)
    refused = Supervisor(family="pm2", address="/srv/.pm2", uid=os.geteuid(), refused="belongs to somebody else")
    wanted = Wanted(supervisors=(refused,), files=(tmp_path / "old.log",))
    found = Replay(wanted, since=BASE - DAY, until=UNTIL).run()
    assert {(Path(one.name).name, one.why) for one in found.unread} == {
        (".pm2", "belongs to somebody else"),
        ("old.log", "was last written before the time that is wanted"),
    }


def test_an_empty_past_is_empty(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    found = replay(tmp_path / "home")
    assert (found.incidents, found.recurring, found.unplaced) == ([], [], [])


def test_secrets_in_logs_are_masked_in_what_is_told(tmp_path: Path) -> None:
    path = tmp_path / "shop.log"
    lines = [f"{wall(BASE + minute * 60)}Z INFO served" for minute in range(60)]
    lines += [f"{wall(BASE + 5000 + count // 20)}Z ERROR login failed password=hunter2abc" for count in range(100)]
    path.write_text("\n".join(lines))
    found = replay(None, path)
    assert found.incidents
    assert "hunter2abc" not in json.dumps(document(found))


def test_logs_are_merged_by_time_what_was_logged_before_what_is_said_of_it() -> None:
    unit = UnitId.local("pm2", "api")
    beats = [Beat(unit, 10.0), Beat(unit, 12.0)]
    deaths = [Happened(PastEvent(kind=PastKind.DIED, at=at, name="api"), "pm2", unit) for at in (10.4, 11.0)]
    order = [(item.at, isinstance(item, Beat)) for item in merged([deaths, beats])]
    assert order == [(10.0, True), (10.4, False), (11.0, False), (12.0, True)]


@pytest.mark.parametrize(
    ("times", "every"),
    [
        ([0, 100, 200, 300], 100.0),
        ([0, 100, 205, 290, 400], 102.5),
        ([0, 100, 110, 500, 2000], None),
        ([0, 100, 200], None),  # two gaps are no rhythm
        ([5, 5, 5, 5], None),
    ],
)
def test_a_rhythm_is_told_where_there_is_one(times: list[float], every: float | None) -> None:
    assert rhythm(times) == every


def test_of_a_large_log_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    path = tmp_path / "shop.log"
    text = "x" * 150
    path.write_text("\n".join(f"{wall(BASE + second * 10)}Z INFO {text} {second}" for second in range(60_000)))
    (source,) = replay(None, path, since=BASE + 500_000).sources
    assert source.lines < 25_000
    assert source.first == BASE + 500_000 - 3600
