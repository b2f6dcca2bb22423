"""What tests fork instead of starting it: it must do what a process does that was started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.forked import run_opsagent


@pytest.mark.parametrize(
    ("arguments", "stdin"), [(["ps", "--json"], ""), (["policy", "--nonsense"], ""), (["memory", "import", "-"], "{no json\n")]
)  # fmt: skip
def test_it_says_and_returns_what_a_started_one_does(home: Path, arguments: list[str], stdin: str) -> None:
    forked = run_opsagent(arguments, env=os.environ, stdin=stdin)
    command = [sys.executable, "-m", "opsagent", *arguments]
    started = subprocess.run(command, capture_output=True, text=True, input=stdin, check=False)
    assert (forked.returncode, forked.stderr) == (started.returncode, started.stderr)
    assert (forked.stdout != "") == (started.stdout != "")


def test_one_that_does_not_end_is_killed(home: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_opsagent(["watch"], env=os.environ, timeout=0.2)
