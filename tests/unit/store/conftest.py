from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opsagent.home import Home
from opsagent.store.journal import Journal
from tests.unit.store.values import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place(home: Path) -> Home:
    return Home.open(home)


@pytest.fixture
def journal(place: Home, clock: Clock) -> Iterator[Journal]:
    with Journal.open(place, clock=clock) as opened:
        yield opened
