"""Looking at an engine that ends at this very moment."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from opsagent.home import Home
from opsagent.running import look_at_engine, view_engine
from opsagent_tools.supervisors.circus import procfs
from opsagent_tools.supervisors.port import SupervisorUnreachable


class _HangsUp:
    """A daemon that takes a call and hangs up in the middle, and the process that is said to be it."""

    def __init__(self, home: Home, *, ends: bool) -> None:
        self._engine = subprocess.Popen(["sleep", "1000"])
        self._ends = ends
        paths = view_engine(home).paths
        for folder in (paths.engine_dir, paths.look.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stat = procfs.read_stat(self._engine.pid)
        assert stat is not None
        paths.pid_file.write_text(json.dumps({"pid": self._engine.pid, "birth": stat.birth}))
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._door.bind(str(paths.look))
        self._door.listen()
        self._serving = threading.Thread(target=self._serve)
        self._serving.start()

    def _serve(self) -> None:
        talk, _ = self._door.accept()
        talk.close()
        if self._ends:
            self._engine.kill()
            self._engine.wait()

    def close(self) -> None:
        self._serving.join()
        self._door.close()
        self._engine.kill()
        self._engine.wait()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


@pytest.mark.parametrize("ends", [True, False])
def test_one_that_hangs_up_because_it_ends_is_gone_and_one_that_lives_on_does_not_answer(
    home: Home, ends: bool
) -> None:
    engine = _HangsUp(home, ends=ends)
    try:
        if ends:
            assert not look_at_engine(home).engine_running
        else:
            with pytest.raises(SupervisorUnreachable):
                look_at_engine(home)
    finally:
        engine.close()
