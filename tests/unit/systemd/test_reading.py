"""What systemd's properties mean, as tables; and where a unit's output goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opsagent_tools.supervisors.systemd import reading
from opsagent_tools.supervisors.systemd.outputs import log_files, uses_journal
from opsagent_tools.supervisors.systemd.setup import setup_of
from opsagent_tools.units import UnitId, UnitState

_DIED = {
    "ExecMainStartTimestampMonotonic": 10,
    "ExecMainExitTimestampMonotonic": 50,
    "ActiveExitTimestampMonotonic": 51,
    "ExecMainCode": 2,
    "ExecMainStatus": 9,
}
"""Killed by SIGKILL: it left `active` after its process had ended."""
_STOPPED = {**_DIED, "ActiveExitTimestampMonotonic": 20, "ExecMainStatus": 15}
"""It left `active` first: it was asked to."""


@pytest.mark.parametrize(
    ("properties", "state"),
    [
        ({"ActiveState": "active"}, UnitState.RUNNING),
        ({"ActiveState": "reloading"}, UnitState.RUNNING),
        ({"ActiveState": "activating", "SubState": "auto-restart"}, UnitState.STARTING),
        ({"ActiveState": "deactivating"}, UnitState.STOPPING),
        ({"ActiveState": "inactive"}, UnitState.STOPPED),
        ({"ActiveState": "inactive", "Result": "success", **_STOPPED}, UnitState.STOPPED),
        ({"ActiveState": "failed", "Result": "timeout", **_STOPPED}, UnitState.STOPPED),
        ({"ActiveState": "failed", "Result": "signal", **_DIED}, UnitState.EXITED),
        ({"ActiveState": "failed", "Result": "watchdog", **_STOPPED}, UnitState.EXITED),
        ({"ActiveState": "failed", "Result": "oom-kill", **_STOPPED}, UnitState.EXITED),
        ({"ActiveState": "inactive", "Result": "start-limit-hit", **_DIED}, UnitState.EXITED),
        ({"ActiveState": "inactive", "Result": "success", **_DIED}, UnitState.EXITED),
        ({"ActiveState": "inactive", "Result": "success", "Restart": "always", **_DIED}, UnitState.STOPPED),
        ({"ActiveState": "something new"}, UnitState.UNKNOWN),
        ({}, UnitState.UNKNOWN),
    ],
)
def test_states(properties: dict[str, Any], state: UnitState) -> None:
    assert reading.state_of(properties) is state


def test_what_was_seen_to_be_stopped_is_stopped_whatever_it_looks_like() -> None:
    properties = {"ActiveState": "failed", "Result": "signal", **_DIED}

    assert reading.state_of(properties, asked=True) is UnitState.STOPPED


@pytest.mark.parametrize(
    ("properties", "ended"),
    [
        ({}, None),
        (_DIED, -9),
        ({**_DIED, "ExecMainCode": 1, "ExecMainStatus": 3}, 3),
        ({**_DIED, "ExecMainCode": 3}, -9),
    ],
)
def test_how_it_ended(properties: dict[str, Any], ended: int | None) -> None:
    assert reading.exit_of(properties) == ended


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        (
            {"Result": "exit-code", **_DIED, "ExecMainCode": 1, "ExecMainStatus": 3},
            "its process ended with exit code 3",
        ),
        ({"Result": "signal", **_DIED}, "its process was killed by SIGKILL"),
        ({"Result": "oom-kill", **_DIED}, "the kernel was out of memory (oom-kill) and killed a process of it"),
        ({"Result": "something-new"}, "it failed (something-new)"),
        ({"LoadState": "bad-setting"}, "systemd cannot load it (bad-setting)"),
        ({"Result": "success"}, "its process ended"),
    ],
)
def test_results_in_words(properties: dict[str, Any], words: str) -> None:
    assert reading.explain(properties) == words


def test_giving_up_is_told_although_the_result_is_that_of_the_last_crash() -> None:
    properties = {"ActiveState": "failed", "Result": "exit-code", "Restart": "always", "NRestarts": 4, **_DIED}

    assert reading.gave_up(properties)
    assert reading.reason_of(properties).endswith("; systemd gave up after 4 restarts (start-limit-hit)")
    assert not reading.gave_up({**properties, "Restart": "no"})


def test_infinity_is_no_number() -> None:
    assert (reading.seconds(2**64 - 1), reading.limit(2**64 - 1)) == (None, None)
    assert (reading.seconds(1_500_000), reading.limit(300)) == (1.5, 300)


@pytest.mark.parametrize(
    ("out", "errors", "journal"),
    [
        ("journal", "inherit", True),
        ("inherit", "inherit", True),
        ("journal+console", "inherit", True),
        ("append", "inherit", False),
        ("append", "journal", True),
        ("null", "inherit", False),
    ],
)
def test_who_writes_to_the_journal(out: str, errors: str, journal: bool) -> None:
    assert uses_journal({"StandardOutput": out, "StandardError": errors}) is journal


def test_a_log_file_is_found_in_the_unit_file_and_its_drop_ins(tmp_path: Path) -> None:
    unit, drop_in = tmp_path / "worker@.service", tmp_path / "log.conf"
    unit.write_text("[Service]\nStandardOutput=append:/var/log/old.log\n# StandardError=file:/var/log/none.log\n")
    drop_in.write_text("[Service]\nStandardOutput=append:/var/log/%p/%i.log\nStandardError = append:/var/log/%N.err\n")
    told = {"Id": "worker@2.service", "FragmentPath": str(unit), "DropInPaths": [str(drop_in)]}

    found = log_files({**told, "StandardOutput": "append", "StandardError": "append"})

    assert found == (Path("/var/log/worker/2.log"), Path("/var/log/worker@2.err"))
    assert log_files({**told, "StandardOutput": "append", "StandardError": "inherit"}) == found[:1]
    assert log_files({**told, "StandardOutput": "journal", "StandardError": "inherit"}) == ()


def test_what_is_not_known_of_a_log_file_is_not_guessed(tmp_path: Path) -> None:
    unit = tmp_path / "api.service"
    unit.write_text("[Service]\nStandardOutput=append:%h/api.log\n")

    assert log_files({"Id": "api.service", "FragmentPath": str(unit), "StandardOutput": "append", "MainPID": 0}) == ()


def test_a_setup_keeps_its_secrets() -> None:
    found = setup_of(
        UnitId.local("systemd", "api"),
        {
            "ExecStart": [("/usr/bin/node", ["node", "api.js", "--password=hunter2hunter2"], False)],
            "ExecReload": [("/bin/kill", ["kill", "-HUP", "1"], False)],
            "Environment": ["DB_PASSWORD=hunter2hunter2", "PORT=80"],
            "Type": "notify",
            "KillSignal": 2,
            "TimeoutStopUSec": 2**64 - 1,
            "UnitFileState": "disabled",
            "Job": (12, "/org/freedesktop/systemd1/job/12"),
            "EnvironmentFiles": [("/etc/api.env", True)],
        },
    )

    assert "hunter2" not in str((found.command, dict(found.env), dict(found.more)))
    assert (found.env["PORT"], found.shape, found.stop_signal, found.stop_timeout_s) == ("80", "notify", 2, None)
    assert (found.says_ready, found.at_boot, bool(found.busy)) == (True, False, True)
    assert (found.more["ExecReload"], found.more["EnvironmentFiles"]) == ("kill -HUP 1", "/etc/api.env")
