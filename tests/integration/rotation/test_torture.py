"""Rotation while 20,000 lines a second are written and the reader is killed: see tests/benchmarks/bench_rotation.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.torture import torture


@pytest.mark.parametrize(
    "ways",
    [["rename", "copytruncate"], ["rename", "rename", "copytruncate", "copytruncate", "truncate"]],
    ids=["logrotate", "all"],
)
def test_what_survives_is_read_once(tmp_path: Path, ways: list[str]) -> None:
    came = torture(tmp_path, ways, seconds=1.8, every_s=0.25, kill_every=4)

    assert (came.lost, came.doubled) == (0, 0), came
    assert came.rotations >= 5
    assert came.kills >= 1
    assert came.survived > 10_000 or "truncate" in ways
