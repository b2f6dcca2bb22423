"""A scene to ask questions in, and programs that are gone when the test is done."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.byhand import Scene, end, python, ready


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    folder = tmp_path / "last_good"
    folder.mkdir(mode=0o700)
    return Scene(folder)


@pytest.fixture
def start() -> Iterator[Any]:
    """Start programs that are gone when the test is done, with the first line that each printed."""
    with ExitStack() as stack:

        def run(code: str, *args: str, **options: Any) -> tuple[subprocess.Popen[bytes], str]:
            process = python(code, *args, stdout=subprocess.PIPE, **options)
            stack.callback(end, process)
            return process, ready(process)

        yield run
