"""The figures of the metric suite: one JSON document, or tables (docs/metrics.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsagent_evals.metrics.leaks import BAR_RATE, LeakRow, share
from opsagent_evals.metrics.nab import OURS, RCF, Row
from opsagent_evals.metrics.scoring import PROFILES, STANDARD

if TYPE_CHECKING:
    from rich.table import Table

US_PER_POINT = 20.0
FALSE_ALARMS = 0.03
FOUND = 0.80


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was measured; a part that was not run is empty."""

    rows: Sequence[Row] = ()
    us_per_point: float | None = None
    findings: int = 0
    leaks: Sequence[LeakRow] = ()
    wrongly_scored: Sequence[str] = ()


def totals(results: Results) -> dict[str, Any]:
    """Return the figures that are held to bars, and those beside them. None: not run."""
    rows, name = {row.detector: row for row in results.rows}, STANDARD.name
    ours, rcf = rows.get(OURS), rows.get(RCF)
    leaks = results.leaks
    return {
        "nab_standard": ours and round(ours.all[name], 2),
        "nab_standard_development": ours and round(ours.development[name], 2),
        "nab_standard_heldout": ours and round(ours.heldout[name], 2),
        "rcf_standard_heldout": rcf and round(rcf.heldout[name], 2),
        "rcf_standard_heldout_best": rcf and round(rcf.heldout_best[name], 2),
        "us_per_point": results.us_per_point and round(results.us_per_point, 1),
        "findings": results.findings if ours else None,
        "leak_false_alarm_rate": round(share(leaks, 0.0), 4) if leaks else None,
        "leak_found_rate": round(share(leaks, BAR_RATE), 4) if leaks else None,
    }


def document(results: Results) -> dict[str, Any]:
    """Return everything as one JSON value."""
    cases = [_case(row) for row in results.rows]
    cases += [
        {"leaks": row.generator, "mib_per_hour": row.per_hour, "processes": row.processes, "told": row.told}
        for row in results.leaks
    ]
    return {"suite": "metrics", "totals": totals(results), "cases": cases, "runs": []}


def _case(row: Row) -> dict[str, Any]:
    def rounded(scores: Mapping[str, float]) -> dict[str, float]:
        return {profile: round(score, 2) for profile, score in scores.items()}

    return {
        "detector": row.detector,
        "all": rounded(row.all),
        "development": rounded(row.development),
        "heldout": rounded(row.heldout),
        "heldout_best": rounded(row.heldout_best),
    }


def missed(results: Results) -> list[str]:
    """Return what stayed below its bar, one line each."""
    figures, lines = totals(results), [f"not NAB's scoring: {line}" for line in results.wrongly_scored]
    if results.rows:
        ours, rcf = figures["nab_standard_heldout"], max(figures["rcf_standard_heldout"], _rcf_best(figures))
        lines += [] if ours > rcf else [f"nab_standard_heldout {ours}: not above RCF's {rcf} on the same half"]
        spent = figures["us_per_point"]
        lines += [] if spent <= US_PER_POINT else [f"us_per_point {spent}: above {US_PER_POINT:g}"]
    if results.leaks:
        alarms, found = figures["leak_false_alarm_rate"], figures["leak_found_rate"]
        lines += [] if alarms <= FALSE_ALARMS else [f"leak_false_alarm_rate {alarms}: above {FALSE_ALARMS}"]
        lines += [] if found >= FOUND else [f"leak_found_rate {found}: below {FOUND}"]
    return lines


def _rcf_best(figures: Mapping[str, Any]) -> float:
    return float(figures["rcf_standard_heldout_best"])


def tables(results: Results) -> list[Table]:
    """Return what was measured, to be read."""
    from rich.table import Table

    found = []
    if results.rows:
        table = Table(title="NAB: 0 says nothing, 100 detects every window at once", box=None)
        table.add_column("detector")
        for column in ("all", "low FP", "low FN", "held out", "low FP", "low FN", "held out, best case"):
            table.add_column(column, justify="right")
        for row in results.rows:
            scores = [row.all[profile.name] for profile in PROFILES]
            scores += [row.heldout[profile.name] for profile in PROFILES] + [row.heldout_best[STANDARD.name]]
            table.add_row(row.detector, *(f"{score:.1f}" for score in scores))
        found.append(table)
    if results.leaks:
        table = Table(title="Leaks: told, of so many processes", box=None)
        for column in ("generator", "MiB/h", "processes", "told", "share"):
            table.add_column(column, justify="left" if column == "generator" else "right")
        for one in results.leaks:
            words = (one.generator, f"{one.per_hour:g}", str(one.processes), str(one.told), f"{one.rate:.3f}")
            table.add_row(*words)
        found.append(table)
    return found
