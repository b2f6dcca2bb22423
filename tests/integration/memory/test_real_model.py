"""With the model that ships: two kinds of crash of one service are told apart, offline."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opsagent_memory import Episode, Memory, Outcome

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_two_kinds_of_crash_of_one_service_keep_their_remedies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("memory opened a connection")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    lock, killed = "crash of api: exit 1; FATAL lock <path> held by <num>", "crash of api: killed by signal 9"
    with Memory.open(tmp_path / "m.db", tmp_path / "index", clock=lambda: NOW) as memory:
        memory.warm()
        for text, remedy, outcome in (
            (lock, "crash/start", Outcome.FAILED),
            (lock, "crash/quarantine_lock", Outcome.WORKED),
            (killed, "crash/start", Outcome.WORKED),
        ):
            fields = {"remedy": remedy, "outcome": outcome.value, "class": "crash"}
            memory.add(Episode(scope="api", text=text, created_at=NOW, fields=fields))
        again = "crash of api: exit 1; FATAL lock /run/api.lock held by 4711; giving up"
        assert memory.remedies(again, scope="api")[0].remedy == "crash/quarantine_lock"
        assert [one.remedy for one in memory.remedies(killed, scope="api")] == ["crash/start"]
        assert memory.remedies(killed, scope="api")[0].successes == 1
        assert memory.remedies("memory growth of api: 280 of 300 MB", scope="api") == []
