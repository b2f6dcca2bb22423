"""A service on a socket that the engine holds loses no request while its instances are replaced under load."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.units import UnitId
from tests.support.supervisors import pids, web_spec
from tests.support.waiting import until


class Load:
    """Clients that ask over and over, each time over a new connection, and count who answered and what failed."""

    def __init__(self, port: int) -> None:
        self.answers: Counter[int] = Counter()
        self.failures: list[str] = []
        self._port = port
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on) for _ in range(4)]

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in self._threads:
                thread.join()

    @property
    def count(self) -> int:
        return sum(self.answers.values())

    def _ask_on(self) -> None:
        while not self._done.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                body = answer.read()
                with self._lock:
                    self.answers[int(body)] += 1
            except (OSError, http.client.HTTPException, ValueError) as error:
                with self._lock:
                    self.failures.append(repr(error))
            finally:
                connection.close()


@pytest.fixture
async def engine(tmp_path: Path, runtime_root: Path) -> AsyncIterator[Engine]:
    found = Engine(tmp_path / "engine", runtime_root)
    yield found
    await found.shutdown()


@pytest.mark.parametrize("way", ["surge and retire", "reload", "restart"])
@pytest.mark.parametrize("instances", [1, 3])
async def test_no_request_is_lost(engine: Engine, tmp_path: Path, free_port: int, way: str, instances: int) -> None:
    await engine.apply([web_spec("web", tmp_path, free_port, share_socket=True, instances=instances)])
    supervisor, web, load = CircusSupervisor(engine), UnitId.local("circus", "web"), Load(free_port)
    old = await supervisor.describe(web)
    try:
        with load.running():
            await until(lambda: pids(old) <= set(load.answers) or load.failures)
            if way == "surge and retire":
                for process in old.processes:
                    canary = await supervisor.surge(web)
                    await until(lambda canary=canary: load.answers[canary.pid] or load.failures)
                    await supervisor.retire(web, process.key)
            else:
                await getattr(supervisor, way)(web)
            new = await supervisor.describe(web)
            answered = load.count
            await until(lambda: pids(new) <= set(load.answers) or load.failures)
            await until(lambda: load.count > answered + 50 or load.failures)
    finally:
        await supervisor.close()

    assert load.failures == []
    assert len(pids(new)) == instances
    assert not pids(new) & pids(old)
