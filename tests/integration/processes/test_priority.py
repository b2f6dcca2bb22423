"""Priorities of real processes: only ever lowered, and put back exactly."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from opsagent_tools.processes import priority
from opsagent_tools.processes.proc import HAS_PROC, key_of
from opsagent_tools.units import ProcessKey

pytestmark = pytest.mark.skipif(not HAS_PROC, reason="priorities are read from /proc")


@pytest.fixture
def sleeper() -> Iterator[ProcessKey]:
    process = subprocess.Popen([sys.executable, "-Sc", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        key = key_of(process.pid)
        assert key is not None
        yield key
    finally:
        process.kill()
        process.communicate()


def test_it_is_lowered_and_put_back_exactly(sleeper: ProcessKey) -> None:
    were = priority.read([sleeper])
    assert were is not None
    assert priority.parse(",".join(map(str, were))) == were
    assert priority.lower(were, 15) == 1
    assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == 15
    if not priority.may_restore(were[0].nice):
        pytest.skip("only root may raise a priority again")
    assert priority.restore(were) == 1
    assert priority.read([sleeper]) == were


def test_it_is_never_raised(sleeper: ProcessKey) -> None:
    os.setpriority(os.PRIO_PROCESS, sleeper.pid, 17)
    were = priority.read([sleeper])
    assert were is not None
    priority.lower(were, 5)
    assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == 17
    for nice in (0, -1, 20):
        with pytest.raises(ValueError, match="only ever lowered"):
            priority.lower(were, nice)


def test_whoever_was_changed_meanwhile_is_left_alone(sleeper: ProcessKey) -> None:
    were = priority.read([sleeper])
    assert were is not None
    os.setpriority(os.PRIO_PROCESS, sleeper.pid, 3 + were[0].nice)
    with pytest.raises(ValueError, match="not what was looked at"):
        priority.lower(were, 15)


def test_a_session_that_is_shared_keeps_its_weight() -> None:
    mine = key_of(os.getpid())
    assert mine is not None
    parent = os.getsid(0) != os.getpid()
    found = priority.read([mine])
    if found is not None and parent:
        assert found[0].group_nice is None
