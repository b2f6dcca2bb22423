"""What benchmarks share. A bench file is `bench_*.py`; `make bench` runs them all and writes docs/benchmarks.md.

def bench_recall(benchmark, figure):
    benchmark.pedantic(...)
    figure("recall at 1,000 episodes, embedding included, p95", milliseconds, "ms", bar=15.0)
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any, Protocol

import pytest


class Figure(Protocol):
    """Take down one measured figure; `bar` is what it must not exceed.

    `plot` puts it into the picture of growth as well: the name of its line, and the size it was measured at.
    """

    def __call__(
        self,
        what: str,
        value: float,
        unit: str,
        *,
        bar: float | None = None,
        note: str = "",
        plot: tuple[str, int] | None = None,
    ) -> None: ...


@pytest.fixture
def figure(benchmark: Any) -> Figure:
    """`figure("what", value, "ms", bar=20.0)`: goes into the report; a missed bar makes `make bench` fail."""

    def take(
        what: str,
        value: float,
        unit: str,
        *,
        bar: float | None = None,
        note: str = "",
        plot: tuple[str, int] | None = None,
    ) -> None:
        row = {"what": what, "value": round(value, 3), "unit": unit, "bar": bar, "note": note, "plot": plot}
        benchmark.extra_info.setdefault("figures", []).append(row)

    return take


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile (`share` 0..1) of `values`: a value that was measured, never one between."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A benchmark takes its time: none of them is cut off after the tests' two minutes."""
    for item in items:
        item.add_marker(pytest.mark.timeout(int(os.environ.get("BENCH_TIMEOUT", "900"))))
