"""One process acts for a home. The lock names its owner, and goes when its process goes, however it goes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsagent.home import Home, LockTaken

_OWNER = """
import sys
from pathlib import Path
from opsagent.home import Home
with Home.open(Path(sys.argv[1])).owner_lock():
    print("owned", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def owner(home: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    script = tmp_path / "watcher.py"
    script.write_text(_OWNER)
    process = subprocess.Popen(
        [sys.executable, str(script), str(home), "--password", "hunter2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "owned\n"
        yield process
    finally:
        process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait()


def test_a_second_owner_is_told_who_the_first_is(home: Path, owner: subprocess.Popen[str]) -> None:
    with pytest.raises(LockTaken) as taken:
        Home.open(home).owner_lock()
    assert taken.value.pid == owner.pid
    assert taken.value.command is not None
    assert "watcher.py" in taken.value.command
    assert "hunter2" not in str(taken.value)
    assert str(home) in str(taken.value)
    assert "\n" not in str(taken.value)


def test_a_killed_owner_leaves_the_home_free(home: Path, owner: subprocess.Popen[str]) -> None:
    owner.send_signal(signal.SIGKILL)
    with Home.open(home).owner_lock(wait_s=10):
        found = Home.open(home).owner()
        assert found is not None
        assert found.pid == os.getpid()


def test_waiting_ends_as_soon_as_the_owner_ends(home: Path, owner: subprocess.Popen[str]) -> None:
    assert owner.stdin is not None
    owner.stdin.close()
    Home.open(home).owner_lock(wait_s=10).release()


def test_a_lock_can_be_given_back_and_taken_again(home: Path) -> None:
    place = Home.open(home)
    lock = place.owner_lock()
    with pytest.raises(LockTaken):
        place.owner_lock(wait_s=0.1)
    lock.release()
    lock.release()
    assert place.owner() is None
    with place.owner_lock():
        pass


def test_a_child_process_does_not_keep_the_lock(home: Path) -> None:
    place = Home.open(home)
    with place.owner_lock():
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        place.owner_lock().release()
    finally:
        assert child.stdin is not None
        child.stdin.close()
        child.wait()


def test_a_full_disk_keeps_nobody_from_owning(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    place = Home.open(home)
    monkeypatch.setattr(os, "pwrite", full)
    with place.owner_lock(), pytest.raises(LockTaken, match="another process"):
        place.owner_lock()
