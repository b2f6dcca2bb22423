"""What the own logs of supervisors tell of the past."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from opsagent_tools.supervisors.past import PastEvent, PastKind
from opsagent_tools.supervisors.pm2 import past as pm2
from opsagent_tools.supervisors.supervisord import past as supervisord
from opsagent_tools.supervisors.systemd import past as systemd
from tests.support.pasts import BASE, Home


def told(events: Iterable[PastEvent]) -> list[tuple[str, str]]:
    return [(event.kind.value, event.name) for event in events]


def of_pm2(path: Path) -> list[PastEvent]:
    return list(pm2.events((path / "pm2.log").read_text().splitlines(), lambda wall, _: wall))


def test_pm2_tells_a_death_from_a_stop_and_a_stop_from_a_restart(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.start(BASE, "api")
    home.crash(BASE + 10, "api", code=3)
    home.stop(BASE + 60, "api")
    home.start(BASE + 61, "api")
    home.stop(BASE + 120, "api")
    home.start(BASE + 200, "other", 1)
    found = [event for event in of_pm2(home.done()) if event.name == "api"]
    assert told(found) == [
        (kind, "api") for kind in ("spawned", "died", "spawned", "ended", "spawned", "ended", "stopped")
    ]
    assert (found[1].exit_code, found[1].at) == (3, BASE + 10)


@pytest.mark.parametrize("stamp", ["2026-11-28T12:00:00+99:99", "9999-12-31T23:59:59", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_cannot_be_stops_nothing(tmp_path: Path, stamp: str) -> None:
    home = Home(tmp_path / "home")
    home.start(BASE, "api")
    (path := home.done() / "pm2.log").write_text(
        f"{stamp}: PM2 log: App [web:1] starting in -fork mode-\n{path.read_text()}"
    )
    assert told(of_pm2(path.parent))[-1] == ("spawned", "api")


def test_pm2_names_the_signal_and_the_memory(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.start(BASE, "api")
    home.crash(BASE + 10, "api", code=-9)
    home.too_heavy(BASE + 60, "api")
    found = of_pm2(home.done())
    assert [event.exit_code for event in found if event.kind is PastKind.DIED] == [-9]
    (heavy,) = [event for event in found if event.kind is PastKind.MEMORY]
    assert heavy.reason == "305 MB of 286 MB"
    assert PastKind.STOPPED not in {event.kind for event in found}


def test_a_reload_of_pm2s_is_no_death_and_no_stop(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.start(BASE, "api", 2)
    home.start(BASE + 5, "api", 2)  # the new one has the number
    home.say(BASE + 8, "Stopping app:api id:_old_2")
    home.say(BASE + 8, "App [api:_old_2] exited with code [0] via signal [SIGINT]")
    home.start(BASE + 60, "other", 3)
    kinds = [kind for kind, name in told(of_pm2(home.done())) if name == "api"]
    assert kinds == ["spawned", "spawned", "ended"]


def test_a_daemon_of_pm2s_that_ended_without_a_word_is_told(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.start(BASE, "api")
    home.say(BASE + 100, "--- New PM2 Daemon started ---")
    home.start(BASE + 100, "api")
    home.say(BASE + 200, "pm2 has been killed by signal, dumping process list before exit...")
    home.say(BASE + 300, "--- New PM2 Daemon started ---")
    began = [event for event in of_pm2(home.done()) if event.kind is PastKind.DAEMON_BEGAN]
    assert [bool(event.reason) for event in began] == [False, True, False]


SUPERVISORD = """\
2026-11-01 10:00:00,100 INFO supervisord started with pid 10
2026-11-01 10:00:01,100 INFO spawned: 'api_00' with pid 11
2026-11-01 10:00:05,100 INFO exited: api_00 (exit status 7; not expected)
2026-11-01 10:00:06,100 INFO spawned: 'api_00' with pid 12
2026-11-01 10:00:09,100 INFO exited: api_00 (terminated by SIGKILL; not expected)
2026-11-01 10:00:10,100 INFO gave up: api_00 entered FATAL state, too many start retries too quickly
2026-11-01 10:01:00,100 INFO spawned: 'api_00' with pid 13
2026-11-01 10:02:00,100 INFO stopped: api_00 (terminated by SIGTERM)
2026-11-01 10:03:00,100 WARN received SIGTERM indicating exit request
2026-11-01 10:04:00,100 INFO supervisord started with pid 20
"""


def test_supervisord_tells_of_its_processes_by_unit() -> None:
    found = list(supervisord.events(SUPERVISORD.splitlines(), lambda wall, _: wall, {"api_00": "api"}))
    kinds = [kind for kind, _ in told(found)]
    assert kinds == [
        "daemon_began", "spawned", "died", "spawned", "died", "gave_up", "spawned", "ended", "stopped", "daemon_ended",
        "daemon_began",
    ]  # fmt: skip
    assert {event.name for event in found if event.name} == {"api"}
    assert [event.exit_code for event in found if event.kind is PastKind.DIED] == [7, -9]
    assert not any(event.reason for event in found if event.kind is PastKind.DAEMON_BEGAN)


def test_a_log_of_supervisords_that_programs_write_into_tells_nothing() -> None:
    forged = "2026-11-01 10:00:00,100 DEBG 'api' stdout output:\n" + SUPERVISORD
    assert list(supervisord.events(forged.splitlines(), lambda wall, _: wall, {})) == []


def test_systemds_own_words_are_read() -> None:
    said = [
        (1.0, "Started api.service - The API."),
        (9.0, "api.service: Main process exited, code=exited, status=1/FAILURE"),
        (9.1, "api.service: Failed with result 'exit-code'."),
        (10.0, "Started api.service - The API."),
        (20.0, "api.service: Main process exited, code=killed, status=9/KILL"),
        (21.0, "api.service: Start request repeated too quickly."),
        (30.0, "Started api.service - The API."),
        (40.0, "Stopping api.service - The API..."),
        (41.0, "Stopped api.service - The API."),
    ]
    found = list(systemd.events((at, "api", text) for at, text in said))
    assert [kind for kind, _ in told(found)] == [
        "spawned", "died", "spawned", "died", "gave_up", "spawned", "ended", "stopped",
    ]  # fmt: skip
    assert [event.exit_code for event in found if event.kind is PastKind.DIED] == [1, -9]


def test_whoever_sends_an_entry_of_a_unit_is_not_systemd() -> None:
    assert systemd.is_systemds({"_PID": "1"}, "system", 0)
    assert not systemd.is_systemds({"_PID": "4711", "_COMM": "systemd"}, "system", 0)
    assert systemd.is_systemds({"_PID": "900", "_COMM": "systemd", "_UID": "1000"}, "user", 1000)
    assert not systemd.is_systemds({"_PID": "900", "_COMM": "systemd", "_UID": "1001"}, "user", 1000)
