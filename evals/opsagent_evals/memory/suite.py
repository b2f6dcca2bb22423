"""`opsagent eval memory`: what the command line calls, through the entry point group `opsagent.evals`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from opsagent_evals import telling
from opsagent_evals.faults.run import workshop
from opsagent_evals.memory import corpus, locomo, parts, picture, report, simulation
from opsagent_evals.memory.recall_report import CASES, PARAPHRASES, WITH_DISTRACTORS
from opsagent_evals.memory.report import Results
from opsagent_evals.telling import say
from opsagent_memory.bilingual import BilingualEmbedder
from opsagent_memory.embed import Embedder, MiniLmEmbedder
from opsagent_memory.errors import MemoryFailure

PARTS = ("simulation", "paraphrases", "locomo")

make_embedder: Callable[[], Embedder] = BilingualEmbedder
"""What memory embeds with where nothing else is configured."""
make_english: Callable[[], Embedder] = MiniLmEmbedder
"""The model below it, which knows no Korean."""


def run(
    *,
    cases: Path | None = None,
    data: Path | None = None,
    repeat: int = 1,
    model: str | None = None,
    only: str | None = None,
    keep: bool = False,
    as_json: bool = False,
) -> int:
    """Put the memory to a simulation of remedies, to paraphrases, and to LoCoMo where `data` has it.

    With `cases`, a file of a user's own, only to that. `only` names one part. Progress goes to stderr, figures go to
    stdout; with `keep` the homes and a picture stay. Returns the exit code: 0 when all bars are met, 1 when not (or
    interrupted, or the memory fails), 2 for bad input.
    """
    try:
        _check(cases=cases, data=data, repeat=repeat, model=model, only=only)
        own = corpus.asked(cases) if cases is not None else None
        found = locomo.read(locomo.find(data)) if data is not None else ()
    except (OSError, ValueError) as error:
        say(f"opsagent: {error}")
        return 2
    again = _again(cases, data, only)
    try:
        with workshop(keep=keep) as root:
            results = _on_cases(own, root) if own is not None else _measured(found, only, root)
            if keep:
                _keep(results, root)
    except KeyboardInterrupt:
        say("interrupted")
        return 1
    except MemoryFailure as error:
        say(f"opsagent: {error}")
        return 1
    if as_json:
        telling.document(report.document(results))
    else:
        telling.tables(report.tables(results), report.short_totals(results), again)
    below = report.missed(results)
    for line in below:
        say(f"below the bar: {line}")
    return 1 if below else 0


def _check(*, cases: Path | None, data: Path | None, repeat: int, model: str | None, only: str | None) -> None:
    if model is not None or repeat != 1:
        raise ValueError("the suite memory takes no --model and no --repeat: leave them out")
    if only is not None and only not in PARTS:
        raise ValueError(f"there is no part {only}: there are {', '.join(PARTS)}")
    if cases is not None and (data is not None or only is not None):
        raise ValueError("--cases FILE runs that file only: leave --data and --only out")
    if only == "locomo" and data is None:
        raise ValueError(f"--only locomo needs LoCoMo: {locomo.WHERE}")
    if data is not None and only not in {None, "locomo"}:
        raise ValueError(f"--data is for the part locomo, not for {only}: leave one of them out")


def _on_cases(own: corpus.Cases, root: Path) -> Results:
    return Results(cases=parts.asked_of([(CASES, own)], root / CASES, make_embedder(), make_english())[0])


def _measured(found: tuple[locomo.Conversation, ...], only: str | None, root: Path) -> Results:
    results = Results()
    if only in {None, "simulation"}:
        results.simulation = simulation.simulated()
    embedder = make_embedder()
    if only in {None, "paraphrases"}:
        shipped = corpus.shipped()
        among = shipped.with_distractors(corpus.distractors())
        sets = [(PARAPHRASES, shipped), (WITH_DISTRACTORS, among)]
        results.paraphrases = parts.asked_of(sets, root / "paraphrases", embedder, make_english())
    if found:
        results.locomo = parts.conversations(found, root / "locomo", embedder)
        results.locomo_left_out = sum(one.left_out for one in found)
    elif only is None:
        results.locomo_skipped = f"LoCoMo was skipped: {locomo.WHERE}"
        say(results.locomo_skipped)
    return results


def _keep(results: Results, root: Path) -> None:
    say(f"homes stay in {root}")
    if results.simulation:
        file = root / "regret.html"
        file.write_text(picture.document(results.simulation), encoding="utf-8")
        say(f"regret over time: {file}")


def _again(cases: Path | None, data: Path | None, only: str | None) -> str:
    given: Mapping[str, Path | str | None] = {"--cases": cases, "--data": data, "--only": only}
    words = [f"{name} {shlex.quote(str(value))}" for name, value in given.items() if value is not None]
    return " ".join(["opsagent eval memory", *words])
