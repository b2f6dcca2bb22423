"""The figures of the memory suite: one JSON document, or tables (docs/evals.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsagent_evals.memory import recall_report as recall
from opsagent_evals.memory import simulation
from opsagent_evals.memory.parts import Part
from opsagent_evals.memory.simulation import Simulation

if TYPE_CHECKING:
    from rich.table import Table

_SHORT = ("documents", "questions", "recall_at_5", "locomo_recall_at", "locomo_questions", "regret_b", "regret_ratio")
"""What is written below the tables; the rest is in them, or in --json."""


@dataclass(slots=True)
class Results:
    """All that was measured; what was not asked for is empty."""

    simulation: Simulation | None = None
    paraphrases: tuple[Part, ...] = ()
    locomo: tuple[Part, ...] = ()
    locomo_left_out: int = 0
    """Questions whose evidence names no turn that there is."""
    locomo_skipped: str = ""
    """Why LoCoMo was not run, where it would have been."""
    cases: Part | None = None


def totals(results: Results) -> dict[str, Any]:
    """Return all figures; rates are 0..1."""
    found: dict[str, Any] = {}
    if results.simulation:
        found |= simulation.totals(results.simulation)
    if results.paraphrases:
        found |= recall.paraphrase_totals(results.paraphrases)
    if results.locomo:
        found |= recall.locomo_totals(results.locomo)
        found["locomo_left_out"] = results.locomo_left_out
    if results.locomo_skipped:
        found |= {"locomo_recall_at_5": None, "locomo_recall_at_10": None, "locomo_skipped": results.locomo_skipped}
    if results.cases:
        found |= recall.case_totals(results.cases)
    return found


def document(results: Results) -> dict[str, Any]:
    """Return everything as one JSON value."""
    summed = totals(results)
    cases: list[dict[str, Any]] = []
    if results.simulation:
        cases += simulation.details(results.simulation)
    for part in (*results.paraphrases, *((results.cases,) if results.cases else ())):
        cases += recall.details(part)
    cases += recall.conversation_details(results.locomo)
    return {"suite": "memory", "totals": summed, "cases": cases, "runs": [summed]}


def short_totals(results: Results) -> dict[str, Any]:
    """Return the figures that bars are about."""
    return {name: value for name, value in totals(results).items() if name.startswith(_SHORT)}


def tables(results: Results) -> list[Table]:
    """Return a table for each part."""
    found: list[Table] = []
    if results.simulation:
        found += simulation.tables(results.simulation)
    if results.paraphrases:
        found.append(recall.table("paraphrases", recall.paraphrase_groups(results.paraphrases)))
    if results.locomo:
        found.append(recall.table("LoCoMo, evidence by turns", recall.locomo_groups(results.locomo)))
    if results.cases:
        found.append(recall.table("cases", recall.case_groups(results.cases)))
    return found


def missed(results: Results) -> list[str]:
    """Return the bars that were missed, in words. A user's own cases have none."""
    if results.cases:
        return []
    simulated = simulation.missed(results.simulation) if results.simulation else ()
    return [*simulated, *recall.missed(totals(results))]
