"""Numbers as small bars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent.views.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "width", "top", "drawn"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, None, "▁▂▃▄▅▆▇█"),
        ([1, None, 1], 3, None, "█ █"),
        ([0, 0], 4, None, "  ▁▁"),
        ([9, 0.5, 0.5], 2, 1.0, "▅▅"),
        ([], 3, None, "   "),
        ([5], 0, None, ""),
    ],
)
def test_the_latest_values_fill_the_width_from_the_right(
    values: list[float | None], width: int, top: float | None, drawn: str
) -> None:
    assert sparkline(values, width, top=top) == drawn


@given(
    st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32)),
    st.integers(0, 80),
    st.none() | st.floats(-1e6, 1e6),
)
def test_it_is_as_wide_as_asked_whatever_the_values(values: list[float | None], width: int, top: float | None) -> None:
    assert len(sparkline(values, width, top=top)) == width
