"""A real systemd keeps the supervisors' contract, and does what only systemd does.

One box (a systemd as process 1 of namespaces of its own) is booted; the tests run inside, as programs of that machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.systemd_box import Box, booted, needed

_INSIDE = {
    "tests/contract/test_supervisor_contract.py": 56,
    "tests/contract/systemd_box/services.py": 23,
    "tests/contract/systemd_box/machine.py": 7,
    "tests/contract/systemd_box/agent.py": 6,
}
"""What runs inside, and how many tests of it at least: none that is left out goes unseen."""


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    needed()
    with booted() as found:
        yield found


@pytest.mark.parametrize("module", _INSIDE)
def test_inside_a_box(box: Box, module: str) -> None:
    done = box.pytest(module)

    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
    passed = re.search(r"(\d+) passed in", done.stdout)
    assert passed is not None, done.stdout[-2000:]
    assert int(passed[1]) >= _INSIDE[module]
