"""Scenario folders, played for real: engine, services, daemon, fault, oracle, clearing up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opsagent_evals.faults import isolation, observation
from opsagent_evals.faults.place import Place
from opsagent_evals.faults.run import play_all, workshop
from opsagent_evals.faults.scenario import load
from opsagent_evals.faults.score import Outcome
from tests.support import pm2, processes

SERVICE = """#!/usr/bin/env -S python3 -SE
import socket
import sys

door = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    guest, _ = door.accept()
    guest.sendall(b"hello")
    guest.close()
"""
ORACLE = """#!/usr/bin/env -S python3 -SE
import socket
import sys

with socket.create_connection(("127.0.0.1", {port}), 0.5) as guest:
    guest.settimeout(0.5)
    sys.exit(guest.recv(10) != b"hello")
"""
KILL = """#!/usr/bin/env -S python3 -SE
import json
import os
import signal

os.kill(json.load(open(os.environ["STATE_DIR"] + "/services.json"))["door"]["pids"][0], signal.SIGKILL)
"""


@pytest.fixture
def root() -> Iterator[Path]:
    with workshop(keep=False) as root:
        yield root


@pytest.fixture
def folder(tmp_path: Path, free_port: int) -> Path:
    """A scenario: the only service is killed, and nobody but the agent starts it again."""
    folder = tmp_path / "01_door"
    folder.mkdir()
    (folder / "scenario.toml").write_text(
        'title = "the door is gone"\ntimeout_s = 30\nbaseline_s = 0.5\n'
        '[expect]\nunit = "door"\nactions = ["start:door"]\n'
    )
    (folder / "services.toml").write_text(
        f'[services.door]\ncommand = ["./door", "{free_port}"]\nport = {free_port}\nautorestart = false\n'
        f'health = {{ tcp = "127.0.0.1:{free_port}", interval_s = 0.5, timeout_s = 1.0 }}\n'
    )
    for name, text in {"door": SERVICE, "oracle": ORACLE.format(port=free_port), "inject": KILL}.items():
        write(folder / name, text)
    return folder


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.mark.timeout(180)
def test_a_killed_service_is_started_and_the_second_time_from_memory(folder: Path, root: Path, home: Path) -> None:
    first, second = play_all([load(folder)], root, repeat=2)
    assert list(home.iterdir()) == [], "what is learnt on a stage is not learnt by the user's own memory"
    assert (first.error, first.strays, second.error, second.strays) == ("", (), "", ())
    assert (first.outcome, first.right, first.right_unit) == (Outcome.REPAIRED, True, True)
    assert (first.actions, first.remedy_source, first.cause) == (("start:door",), "runbook", "crash:door")
    assert first.ttd_s is not None
    assert first.ttm_s is not None
    assert second.right
    assert second.from_memory


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kept_by", ["restart", "monit", "pm2"])
def test_others_are_put_to_the_same_fault(
    kept_by: str, folder: Path, root: Path, require: Callable[[str], Path]
) -> None:
    if kept_by == "pm2":
        pm2.needed()
    if kept_by == "monit":
        require("monit")
    (scored,) = play_all([load(folder)], root, kept_by=kept_by)
    assert (scored.error, scored.strays) == ("", ())
    # PM2 may have started it again before the oracle was asked
    assert scored.outcome in ({Outcome.REPAIRED, Outcome.LEFT_ALONE} if kept_by == "pm2" else {Outcome.REPAIRED})
    did = {"restart": ("restart:door",), "monit": ("restart:door",), "pm2": ()}[kept_by]
    assert scored.actions[:1] == did[:1]


def test_a_fault_that_is_there_before_the_fault_fails_the_case_and_clear_is_run_all_the_same(
    folder: Path, root: Path, tmp_path: Path
) -> None:
    write(folder / "oracle", "#!/bin/sh\necho x >> $STATE_DIR/calls\n[ $(wc -l < $STATE_DIR/calls) -le 2 ]\n")
    write(folder / "clear", f"#!/bin/sh\necho cleared > {tmp_path}/cleared\n")
    (scored,) = play_all([load(folder)], root)
    assert scored.outcome is Outcome.FAILED
    assert scored.error.startswith("the oracle did not hold before the fault: oracle exited with 1")
    assert (tmp_path / "cleared").exists()


@pytest.mark.parametrize("room", [True, False], ids=["in a room of its own", "beside everything else"])
def test_an_interrupted_case_is_cleared_up_and_what_was_left_is_reported(
    folder: Path, root: Path, tmp_path: Path, eventually: Callable[..., Any], *, room: bool
) -> None:
    prefix = isolation.prefix() if room else []
    if room and not prefix:
        pytest.skip("needs unshare, and the right to use it")
    write(folder / "inject", "#!/bin/sh\nsleep 4321 &\necho injected > $STATE_DIR/injected\n")
    write(folder / "clear", f"#!/bin/sh\necho cleared > {tmp_path}/cleared\n")
    place = Place(root / "01_door")
    place.prepare(folder)
    case = subprocess.Popen(
        [*prefix, sys.executable, "-P", "-m", "opsagent_evals.faults.case", str(place.root)],
        env=place.env(os.environ),
        stdin=subprocess.PIPE,
    )
    assert case.stdin is not None
    try:
        eventually((place.state / "injected").exists, timeout=60)
    finally:
        case.stdin.close()
        case.wait(60)
    run = observation.read(place.seen)
    assert run.error == "interrupted"
    assert [stray for stray in run.strays if "sleep 4321" in stray]
    assert (tmp_path / "cleared").exists()
    assert processes.mentioning((str(place.root),)) == []
