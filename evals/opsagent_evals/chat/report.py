"""The figures of the chat suite: totals, one row a case, and the control that always asks back. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsagent.commands.reading import Ask, Reading
from opsagent.commands.words import has_hangul
from opsagent_evals.chat.cases import Case
from opsagent_evals.chat.match import Verdict, expected, judge, planned

if TYPE_CHECKING:
    from rich.table import Table

EXACT = 0.60
HELPED = 0.85
ABSTAINED = 0.95
RULES_MS = 3.0
MODEL_MS = 30.0
ASKS_BACK = Reading(ask=Ask(kind="unclear", question="What shall I do?"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One case, as it was read."""

    case: Case
    reading: Reading
    ms: float
    """Milliseconds that the reading took."""

    @property
    def guessed(self) -> bool:
        """Tell whether the intent model was asked, too."""
        return self.reading.guessed

    @property
    def verdict(self) -> Verdict:
        return judge(self.case, self.reading)


def totals(rows: Sequence[Read]) -> dict[str, Any]:
    """Return the figures of DESIGN's contract and those beside them; counts are integers, rates are 0..1."""
    actionable = [row for row in rows if not row.case.abstain]
    verdicts = Counter(row.verdict for row in actionable)
    abstain = [row for row in rows if row.case.abstain]
    return {
        "cases": len(rows),
        "actionable": len(actionable),
        "exact": verdicts["exact"],
        "exact_by_asking": sum(row.verdict == "exact" and not row.reading.steps for row in actionable),
        "offered": verdicts["offered"],
        "exact_rate": _rate(verdicts["exact"], actionable),
        "exact_or_offered_rate": _rate(verdicts["exact"] + verdicts["offered"], actionable),
        "wrong_changes": sum(row.verdict == "wrong_change" for row in rows),
        "wrong_readings": sum(row.verdict == "wrong_reading" for row in rows),
        "abstain": len(abstain),
        "abstained_right": sum(row.verdict == "exact" for row in abstain),
        "abstained_right_rate": _rate(sum(row.verdict == "exact" for row in abstain), abstain),
        "p95_ms": _p95([row.ms for row in rows]),
        "p95_ms_rules": _p95([row.ms for row in rows if not row.guessed]),
        "p95_ms_guessed": _p95([row.ms for row in rows if row.guessed]),
    }


def control(rows: Sequence[Read]) -> list[Read]:
    """Return the same cases, each asked back."""
    return [Read(case=row.case, reading=ASKS_BACK, ms=0.0) for row in rows]


def document(rows: Sequence[Read]) -> dict[str, Any]:
    """Return everything as one JSON value."""
    files = sorted({row.case.file for row in rows})
    by_language = {"en": [row for row in rows if not has_hangul(row.case.text)]}
    by_language["ko"] = [row for row in rows if has_hangul(row.case.text)]
    return {
        "suite": "chat",
        "totals": totals(rows),
        "parts": {file: totals([row for row in rows if row.case.file == file]) for file in files},
        "languages": {language: totals(some) for language, some in by_language.items() if some},
        "beside": {"always asks back": totals(control(rows))},
        "cases": [_case(row) for row in rows],
        "runs": [],
    }


def _case(row: Read) -> dict[str, Any]:
    return {
        "case": row.case.number,
        "text": row.case.text,
        "expected": expected(row.case),
        "abstain": row.case.abstain,
        "outcome": row.verdict,
        "plan": row.reading.to_json(),
        "ms": round(row.ms, 3),
    }


def missed(rows: Sequence[Read], *, timed: bool = True) -> list[str]:
    """Return the bars that are not met, one line each. `timed`: the bars of time hold (not for hosted models)."""
    found = totals(rows)
    lines = [f"{found['wrong_changes']} wrong changes (bar 0)"] if found["wrong_changes"] else []
    for name, bar in (
        ("exact_rate", EXACT),
        ("exact_or_offered_rate", HELPED),
        ("abstained_right_rate", ABSTAINED),
    ):
        if found[name] is not None and found[name] < bar:
            lines.append(f"{name} {found[name]} (bar {bar})")
    for name, most in (("p95_ms_rules", RULES_MS), ("p95_ms_guessed", MODEL_MS)):
        if timed and found[name] is not None and found[name] > most:
            lines.append(f"{name} {found[name]} (bar {most:g})")
    return lines


def tables(rows: Sequence[Read]) -> list[Table]:
    """Draw what did not go as expected, and the figures beside the control."""
    from rich.table import Table

    odd = [row for row in rows if row.verdict != "exact"]
    cases = Table("case", "command", "expected", "read as", "outcome", title=f"{len(odd)} of {len(rows)} not exact")
    for row in odd:
        cells = (row.case.number, row.case.text, expected(row.case), planned(row.reading), row.verdict)
        cases.add_row(*(_plain(cell) for cell in cells))
    figures = Table("", "actionable", "exact", "offered", "wrong changes", "abstain", "abstained right", "p95 ms")
    parts = sorted({row.case.file for row in rows})
    sets = [(file, [row for row in rows if row.case.file == file]) for file in parts]
    for name, some in (*sets, ("always asks back", control(rows))):
        found = totals(some)
        names = ("actionable", "exact", "offered", "wrong_changes", "abstain", "abstained_right", "p95_ms")
        figures.add_row(name, *(str(found[key]) for key in names))
    return [cases, figures]


def _plain(text: str) -> str:
    from rich.markup import escape

    from opsagent_tools.text import escape_for_terminal

    return escape(escape_for_terminal(text))


def _rate(count: int, among: Sequence[Any]) -> float | None:
    return round(count / len(among), 4) if among else None


def _p95(values: Sequence[float]) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 3)
