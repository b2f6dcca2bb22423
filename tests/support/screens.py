"""Displays for tests: `screen` is one of our own per test module; `require` asks for the programs that a test needs.

    @pytest.fixture(scope="module")
    def screen_size() -> tuple[int, int]:  # only where another size is wanted
        return (1024, 768)

    async def test_something(screen: Display, require: Callable[[str], Path]) -> None:
        program = await screen.run([str(require("galculator"))])
        window = await screen.window(program="galculator")

`screen` is shared by the tests of one module: each ends the programs that it started. It ends
with its last test, with everything on it. Missing programs skip the test, and fail it under CI=true.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from opsagent_tools.gui.display import Display, screen_display
from opsagent_tools.gui.display.installed import missing_programs


@pytest.fixture(scope="module")
def screen_size() -> tuple[int, int]:
    """The size of `screen`, pixels; a module may have a fixture of the same name."""
    return (1280, 800)


@pytest.fixture(scope="module")
def screen(screen_size: tuple[int, int]) -> Iterator[Display]:
    """A display of our own, with window manager, D-Bus session and accessibility bus, shared by a module's tests."""
    require_screen()
    with screen_display(screen_size) as display:
        yield display


def require_screen() -> None:
    """Skip where a display of our own cannot be started; under CI=true: fail."""
    missing = missing_programs()
    if not missing:
        return
    advice = f"needs {', '.join(missing)}: apt-get install {' '.join(missing.values())}"
    if os.environ.get("CI") == "true":
        pytest.fail(advice, pytrace=False)
    pytest.skip(advice)
