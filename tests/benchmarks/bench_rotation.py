"""A minute of torture for each way of rotation: of the lines that survive, none lost and none read twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.conftest import Figure
from tests.support.torture import torture

SECONDS = 60.0


@pytest.mark.parametrize("way", ["rename", "copytruncate", "truncate", "all"])
def bench_rotation(benchmark: Any, figure: Figure, tmp_path: Path, way: str) -> None:
    ways = ["rename", "copytruncate", "truncate"] if way == "all" else [way]
    came = benchmark.pedantic(
        lambda: torture(tmp_path, ways, seconds=SECONDS, every_s=0.7, kill_every=5), rounds=1, iterations=1
    )
    note = f"{came.written:,} lines written, {came.survived:,} survived {came.rotations} rotations; {came.kills} kills"
    figure(f"rotation by {way}, lines lost", came.lost, "lines", bar=0.0, note=note)
    figure(f"rotation by {way}, lines read twice", came.doubled, "lines", bar=0.0)
