"""One web service, `api`, whose code a deploy replaces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pm2 import PM2
from tests.support.shop import Shop


@pytest.fixture
def shop(home: Path, tmp_path: Path, free_port: int) -> Iterator[Shop]:
    """Nothing runs yet: `shop.up()` runs it on the engine. Its release is graceful.js."""
    found = Shop(home, tmp_path / "app.js", free_port)
    found.deploy("graceful.js")
    yield found
    found.opsagent("down")


@pytest.fixture
def pm2_shop(shop: Shop) -> Iterator[PM2]:
    """It runs as four workers of a PM2."""
    with shop.on_pm2() as pm2:
        yield pm2
