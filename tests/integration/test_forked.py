"""What tests fork instead of starting it: it must do what a process does that was started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.forked import Forked, run_opsagent, start_opsagent
from tests.support.waiting import eventually

_STARTED = (sys.executable, "-m", "opsagent")


@pytest.mark.parametrize(
    ("arguments", "stdin"), [(["ps", "--json"], ""), (["policy", "--nonsense"], ""), (["memory", "import", "-"], "{no json\n")]
)  # fmt: skip
def test_it_says_and_returns_what_a_started_one_does(home: Path, arguments: list[str], stdin: str) -> None:
    forked = run_opsagent(arguments, env=os.environ, stdin=stdin)
    started = subprocess.run([*_STARTED, *arguments], capture_output=True, text=True, input=stdin, check=False)
    assert (forked.returncode, forked.stderr) == (started.returncode, started.stderr)
    assert (forked.stdout != "") == (started.stdout != "")


def test_a_signal_ends_it_as_one_that_was_started(home: Path, tmp_path: Path) -> None:
    """A daemon as people start it is started here: elsewhere it is forked."""
    files = (tmp_path / "forked", tmp_path / "started")
    arguments = [["watch", "--json", "--home", str(home / file.name)] for file in files]
    with files[0].open("w") as one, files[1].open("w") as other:
        processes: list[Forked | subprocess.Popen[bytes]] = [
            start_opsagent(arguments[0], env=os.environ, out=one, err=one),
            subprocess.Popen([*_STARTED, *arguments[1]], stdout=other, stderr=other),
        ]
    for process, file in zip(processes, files, strict=True):
        eventually(file.read_text, why="it watches")
        process.send_signal(signal.SIGINT)
    assert [process.wait(30) for process in processes] == [130, 130]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_it_says_that_nobody_can_take_what_it_says(home: Path) -> None:
    """As one that was started does: `test_an_output_that_cannot_be_written_is_one_line`."""
    with Path("/dev/full").open("w") as full, tempfile.TemporaryFile("w+") as err:
        code = start_opsagent(["ps", "--json"], env=os.environ, out=full, err=err).wait(30)
        err.seek(0)
        assert (code, err.read()) == (1, "opsagent: standard output cannot be written: No space left on device\n")


def test_one_that_does_not_end_is_killed(home: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_opsagent(["watch"], env=os.environ, timeout=0.2)
