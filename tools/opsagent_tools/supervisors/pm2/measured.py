"""What apps measure of themselves, as a list of PM2's has it already (`axm_monitor`): event-loop lag, custom metrics.

Off unless the app, or PM2's own library in it, measures anything. The app chose names and values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from opsagent_tools.redact import redact
from opsagent_tools.supervisors.pm2.units import App

_LAG = frozenset({"event loop latency", "loop delay"})
"""PM2's own names for it, new and old."""
_MILLISECONDS = re.compile(r"(\d+(?:\.\d+)?) ?(?:ms)?")
_MOST_MS = 1e7


def measured_by(apps: Sequence[App]) -> Mapping[str, str | int | float | bool]:
    """Return lag_ms (the slowest process's) and metric.NAME of the processes of one unit."""
    if not any(app.env.get("axm_monitor") for app in apps):
        return {}
    from opsagent_tools.supervisors.pm2.setup import metrics_of

    found: dict[str, str | int | float | bool] = {}
    lags = [lag for app in apps for name, value in metrics_of([app]).items() if (lag := _lag(name, value)) is not None]
    if lags:
        found["lag_ms"] = max(lags)
    for name, value in metrics_of(apps).items():
        found[f"metric.{name}"] = redact(value) if isinstance(value, str) else value
    return found


def _lag(name: str, value: object) -> float | None:
    if name.lower() not in _LAG:
        return None
    if isinstance(value, str):
        match = _MILLISECONDS.fullmatch(value)
        value = float(match[1]) if match else None
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value < _MOST_MS else None
