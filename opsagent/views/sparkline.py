"""A row of numbers as a row of small bars. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], width: int, *, top: float | None = None, bottom: float = 0.0) -> str:
    """Return the last `width` values as bars, oldest left; a value that is not known is a gap.

    `top`: what fills a bar (default: the largest of them). `bottom`: what has no height.
    """
    shown = list(values)[-width:] if width > 0 else []
    known = [value for value in shown if value is not None]
    high = max(known, default=bottom) if top is None else top
    span = high - bottom
    bars = "".join(" " if value is None else _bar((value - bottom) / span if span > 0 else 0.0) for value in shown)
    return bars.rjust(width)


def _bar(share: float) -> str:
    return _BARS[min(len(_BARS) - 1, max(0, int(share * len(_BARS))))]
