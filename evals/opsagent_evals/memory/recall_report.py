"""The figures of the parts that ask: recall at 1, 5 and 10 by language, half and method; bars and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from opsagent_evals.memory import hits
from opsagent_evals.memory.corpus import KNOWN_LANGUAGES
from opsagent_evals.memory.hits import Asked
from opsagent_evals.memory.parts import MEMORY, METHODS, Part

if TYPE_CHECKING:
    from rich.table import Table

PARAPHRASE_BARS = {"recall_at_5_en": 0.90, "recall_at_5_ko": 0.60, "recall_at_5_en_distractors": 0.80}
"""At least this much, of the held-out questions and of all (`…_all`)."""
LOCOMO_BARS = {"locomo_recall_at_5": 0.50, "locomo_recall_at_10": 0.60}
"""At least this much, of all questions and of the held-out conversations (`…_heldout`)."""
HELD_OUT, DEV = "heldout", "dev"
PARAPHRASES, WITH_DISTRACTORS, CASES = "paraphrases", "distractors", "cases"


def paraphrase_totals(parts: Sequence[Part]) -> dict[str, Any]:
    """Return recall of the held-out questions; of the others under `…_dev`, of both under `…_all`."""
    found: dict[str, Any] = {"documents": parts[0].documents if parts else 0}
    for part in parts:
        tail = "_distractors" if part.name == WITH_DISTRACTORS else ""
        for language in KNOWN_LANGUAGES:
            asked = [one for one in part.asked if one.language == language]
            held = [one for one in asked if one.half == HELD_OUT]
            found |= {f"questions_{language}": len(asked), f"questions_{language}_heldout": len(held)}
            found |= _rates(f"_{language}{tail}", held)
            found |= _rates(f"_{language}{tail}_dev", [one for one in asked if one.half == DEV], (MEMORY,))
            found |= _rates(f"_{language}{tail}_all", asked)
    return found


def locomo_totals(parts: Sequence[Part]) -> dict[str, Any]:
    """Return recall of evidence over all questions, and over the held-out conversations."""
    asked = [one for part in parts for one in part.asked]
    held = [one for one in asked if one.half == HELD_OUT]
    rates = _rates("", asked) | _rates("_heldout", held)
    found = {name.replace("recall_at_", "locomo_recall_at_"): rate for name, rate in rates.items()}
    return {"locomo_questions": len(asked), "locomo_questions_heldout": len(held), **found}


def case_totals(part: Part) -> dict[str, Any]:
    """Return recall over a user's own cases: of all questions, and by language, whichever there are."""
    found: dict[str, Any] = {"documents": part.documents, "questions": len(part.asked)}
    found |= _rates("", part.asked)
    for language in dict.fromkeys(one.language for one in part.asked):
        asked = [one for one in part.asked if one.language == language]
        found[f"questions_{language}"] = len(asked)
        found |= _rates(f"_{language}", asked)
    return found


def missed(totals: dict[str, Any]) -> list[str]:
    """Return the bars that are missed by figures that are there, in words."""
    bars = {
        name + tail: bar
        for each, tails in ((PARAPHRASE_BARS, ("", "_all")), (LOCOMO_BARS, ("", "_heldout")))
        for name, bar in each.items()
        for tail in tails
    }
    return [
        f"{name} {totals[name]} is below {bar}"
        for name, bar in bars.items()
        if (totals.get(name) is not None and totals[name] < bar)
    ]


def details(part: Part) -> Iterator[dict[str, Any]]:
    """Yield each question with the rank of the right document by method; held-out ones without their text."""
    for number, one in enumerate(part.asked):
        detail: dict[str, Any] = {"part": part.name, "question": number, "language": one.language}
        if one.half:
            detail["half"] = one.half
        if one.half != HELD_OUT:
            detail["text"] = one.text
        detail["document"] = next(iter(one.right))
        detail["ranks"] = {method: next(iter(ranks), None) for method, ranks in one.ranks.items()}
        yield detail


def conversation_details(parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    """Yield LoCoMo's conversations with their recall by method."""
    for part in parts:
        rates = _rates("", part.asked)
        half = part.asked[0].half if part.asked else ""
        yield {"part": "locomo", "conversation": part.name, "half": half, "turns": part.documents} | rates


def table(title: str, groups: Iterable[tuple[str, Sequence[Asked]]]) -> Table:
    """Return recall of named groups of questions by method, with the interval of memory's recall at 5."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    grid = Table(title=f"{title}: recall at 1 / 5 / 10", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    grid.add_column("questions", no_wrap=True)
    rows = list(groups)
    methods = _methods([one for _, asked in rows for one in asked])
    for name in ("n", *(method.replace("_", " ") for method in methods), "memory at 5, 95 %"):
        grid.add_column(name, justify="right", no_wrap=True)
    for name, asked in rows:
        rates = {method: hits.recall(asked, method) for method in methods}
        low, high = rates[MEMORY].interval(5)
        cells = [" ".join(f"{rates[method].at[k]:.2f}" for k in hits.AT) for method in methods]
        grid.add_row(name, str(len(asked)), *cells, f"{low:.2f} to {high:.2f}")
    return grid


def paraphrase_groups(parts: Sequence[Part]) -> Iterator[tuple[str, Sequence[Asked]]]:
    """Yield questions by documents, language and half."""
    for part in parts:
        for language in dict.fromkeys(one.language for one in part.asked):
            for half, said in ((HELD_OUT, "held out"), (DEV, "dev")):
                asked = [one for one in part.asked if (one.language, one.half) == (language, half)]
                yield f"{language}, {part.documents} documents, {said}", asked


def locomo_groups(parts: Sequence[Part]) -> Iterator[tuple[str, Sequence[Asked]]]:
    """Yield all questions, the held-out ones, and those of each category."""
    asked = [one for part in parts for one in part.asked]
    yield "all", asked
    yield "held-out conversations", [one for one in asked if one.half == HELD_OUT]
    for category in sorted({one.language for one in asked}):
        yield f"category {category}", [one for one in asked if one.language == category]


def case_groups(part: Part) -> Iterator[tuple[str, Sequence[Asked]]]:
    """Yield all questions, and those of each language."""
    yield f"all, {part.documents} documents", part.asked
    for language in dict.fromkeys(one.language for one in part.asked):
        yield language, [one for one in part.asked if one.language == language]


def _methods(asked: Sequence[Asked]) -> list[str]:
    return [method for method in METHODS if all(method in one.ranks for one in asked)]


def _rates(tail: str, asked: Sequence[Asked], methods: Sequence[str] = METHODS) -> dict[str, float]:
    return {
        f"{'' if method == MEMORY else method + '_'}recall_at_{k}{tail}": round(rate, 4)
        for method in _methods(asked)
        if method in methods
        for k, rate in hits.recall(asked, method).at.items()
    }
