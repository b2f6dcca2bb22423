"""The figures of the logs suite: one JSON document, or a table (docs/evals.md)."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from opsagent_evals.logs.measure import Applications, Row, Speeds

if TYPE_CHECKING:
    from rich.table import Table

BARS = {
    "ga_content_heldout": 0.90,
    "ga_raw_heldout": 0.80,
    "mining_ratio_to_drain3": 3.0,
    "lines_per_s": 150_000,
}
"""At least this much of each."""
MEMORY_BAR_MB = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All that was measured."""

    rows: tuple[Row, ...]
    applications: Applications
    mining: Speeds
    lines_per_s: float
    """From bytes in a file to signatures, one core."""
    memory_mb: float
    """Over a million lines, beyond the start."""
    drain3: str
    """Why there is nothing of Drain3; empty: it was there."""


def totals(result: Result) -> dict[str, Any]:
    """Return means over systems (0..1), and speeds in lines a second of processor time."""
    rows, held = result.rows, [row for row in result.rows if row.held_out]
    mining = result.mining
    readme, default = mining.drain3_readme, mining.drain3_default
    return {
        "systems": len(rows),
        "ga_content": _mean(rows, lambda row: row.content.ga),
        "ga_raw": _mean(rows, lambda row: row.raw.ga),
        "ga_content_heldout": _mean(held, lambda row: row.content.ga),
        "ga_raw_heldout": _mean(held, lambda row: row.raw.ga),
        "ga_content_online": _mean(rows, lambda row: row.content_online.ga),
        "ga_raw_online": _mean(rows, lambda row: row.raw_online.ga),
        "ga_content_heldout_online": _mean(held, lambda row: row.content_online.ga),
        "ga_raw_heldout_online": _mean(held, lambda row: row.raw_online.ga),
        "fga_content": _mean(rows, lambda row: row.content.fga),
        "fga_content_heldout": _mean(held, lambda row: row.content.fga),
        "pa_content": _mean(rows, lambda row: row.pa_content),
        "lines_per_s": round(result.lines_per_s),
        "mining_lines_per_s": round(mining.own),
        "mining_ratio_to_drain3": round(mining.own / readme, 2) if readme else None,
        "mining_ratio_to_drain3_default": round(mining.own / default, 2) if default else None,
        "drain3_ga_content": _mean_or_none(row.drain3 for row in rows),
        "drain3_ga_raw": _mean_or_none(row.drain3_raw for row in rows),
        "drain3_ga_content_heldout": _mean_or_none(row.drain3 for row in held),
        "drain3_ga_raw_heldout": _mean_or_none(row.drain3_raw for row in held),
        "drain3_missing": result.drain3 or None,
        "memory_mb": result.memory_mb,
        **{f"applications_{name}": value for name, value in asdict(result.applications).items()},
    }


def document(result: Result) -> dict[str, Any]:
    """Return everything as one JSON value."""
    summed = totals(result)
    return {"suite": "logs", "totals": summed, "cases": [_case(row) for row in result.rows], "runs": [summed]}


def missed(result: Result) -> list[str]:
    """Return the bars that were missed, in words."""
    summed = totals(result)
    below = [
        f"{name} {summed[name]} is below {bar}"
        for name, bar in BARS.items()
        if summed[name] is not None and summed[name] < bar
    ]
    if result.memory_mb > MEMORY_BAR_MB:
        below.append(f"memory_mb {result.memory_mb} is above {MEMORY_BAR_MB}")
    return below


def table(result: Result) -> Table:
    """Return one line a system."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    grid.add_column("system")
    for name in ("content", "online", "FGA", "PA", "raw", "online", "Drain3", "Drain3 raw", "groups", "labels"):
        grid.add_column(name, justify="right", no_wrap=True)
    for row in result.rows:
        rates = (row.content.ga, row.content_online.ga, row.content.fga, row.pa_content, row.raw.ga, row.raw_online.ga)
        cells = [f"{rate:.3f}" for rate in rates]
        cells += ["-" if rate is None else f"{rate:.3f}" for rate in (row.drain3, row.drain3_raw)]
        name = f"{row.system} (held out)" if row.held_out else row.system
        grid.add_row(name, *cells, str(row.content.groups), str(row.content.labels))
    return grid


def _case(row: Row) -> dict[str, Any]:
    return asdict(row)


def _mean(rows: Sequence[Row], rate: Callable[[Row], float]) -> float:
    return round(statistics.mean(rate(row) for row in rows), 4) if rows else 0.0


def _mean_or_none(rates: Iterable[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return round(statistics.mean(known), 4) if known else None
