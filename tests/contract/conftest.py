"""One engine for a whole module, on which each test runs an ecosystem file of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from opsagent_tools.supervisors.circus.engine import Engine
from tests.support import ecosystems
from tests.support.ecosystems import Stage


@pytest.fixture(scope="module")
def module_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine whose daemon runs; it ends with the module."""
    runtime = Path(tempfile.mkdtemp(prefix="oa-", dir="/tmp"))
    engine = ecosystems.start_engine(tmp_path_factory.mktemp("engine"), runtime)
    yield engine
    ecosystems.end_engine(engine)
    shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture
async def stage(module_engine: Engine, tmp_path: Path) -> AsyncIterator[Stage]:
    """The module's engine, empty, and a folder for the apps of one test."""
    async with ecosystems.stage(module_engine, tmp_path) as found:
        yield found
