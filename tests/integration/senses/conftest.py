from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.supervisors import CircusHarness


@pytest.fixture
async def circus(home: Path, runtime_root: Path) -> AsyncIterator[CircusHarness]:
    """The embedded engine in a home of its own."""
    engine_dir = home / "engine"
    engine_dir.mkdir(mode=0o700)
    harness = CircusHarness(engine_dir, runtime_root)
    yield harness
    await harness.end()
