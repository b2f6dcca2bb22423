"""How a supervisord was started, told by its command line; and which programs only look like one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from opsagent_tools.supervisors.port import NotSupported, SupervisorError
from opsagent_tools.supervisors.started import program_at
from opsagent_tools.supervisors.supervisord.origin import NAMES, Origin, origin_of
from opsagent_tools.units import ProcessKey
from tests.support.waiting import eventually

GONE = ProcessKey(2**22 - 1, 1.0)


def origin(*argv: str, **values: object) -> Origin:
    return Origin(**{"key": GONE, "uid": os.geteuid(), "argv": argv, "cwd": "/srv", "environ": (), **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("argv", "at"),
    [
        (["/usr/bin/supervisord", "-c", "x"], 0),
        (["/usr/bin/python3", "/usr/bin/supervisord", "-n"], 1),
        (["python3.11", "-m", "supervisor.supervisord"], 2),
        (["python", "-W", "ignore", "-X", "dev", "-u", "-m", "supervisor.supervisord"], 7),
        (["vim", "/etc/supervisord"], None),
        (["tail", "-f", "supervisord"], None),
        (["python3", "app.py", "supervisord"], None),
        (["python3", "-c", "pass", "supervisord"], None),
        (["python3", "-m", "pytest", "supervisord"], None),
        (["python3", "-m"], None),
        ([], None),
    ],
)
def test_a_supervisord_is_told_from_what_only_names_one(argv: Sequence[str], at: int | None) -> None:
    assert program_at(argv, NAMES) == at


def test_options_long_and_short_are_known() -> None:
    found = origin("supervisord", "-c", "etc/s.conf", "--nodaemon", "-j", "/run/s.pid")
    assert found.options == {"configuration": "etc/s.conf", "nodaemon": "", "pidfile": "/run/s.pid"}
    assert found.conf_path() == Path("/srv/etc/s.conf")


def test_without_an_option_the_first_usual_place_is_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "supervisord.conf").write_text("")
    assert origin("supervisord", cwd=str(tmp_path)).conf_path() == tmp_path / "supervisord.conf"


def test_options_that_are_none_are_no_options() -> None:
    assert origin("supervisord", "--made-up").options == {}


def test_what_runs_is_looked_at_and_secrets_are_not_shown() -> None:
    script = "import time; time.sleep(60)"
    argv = ["supervisord", "-c", script]
    with subprocess.Popen(argv, executable=sys.executable, env={"TOKEN": "s3cret"}, cwd="/") as process:
        try:
            found = eventually(lambda: origin_of(process.pid))
        finally:
            process.kill()
    assert (found.argv, found.cwd, found.environ) == (tuple(argv), "/", (("TOKEN", "s3cret"),))
    assert "s3cret" not in repr(found)
    assert origin_of(os.getpid()) is None


def test_whose_it_is_to_start_it_again() -> None:
    assert origin("supervisord").not_ours("supervisord") == ""
    assert "systemctl start x.service" in origin("supervisord", service="x.service").not_ours("supervisord")
    assert "only that user" in origin("supervisord", uid=os.geteuid() + 1).not_ours("supervisord")
    with pytest.raises(NotSupported, match="is not known"):
        origin("supervisord", environ=None).demand_ours("supervisord")


def test_a_start_that_fails_says_why() -> None:
    with pytest.raises(SupervisorError, match=r"exit code 3\): no luck"):
        origin("/bin/sh", "-c", "echo no luck >&2; exit 3").start_again("supervisord")
    with pytest.raises(SupervisorError, match="cannot be started"):
        origin("/nowhere/supervisord").start_again("supervisord")
