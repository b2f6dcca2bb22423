"""The figures of the simulation of remedies (`remedies`): regret by setting and design, what each part is worth, bars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsagent_evals.memory import remedies
from opsagent_evals.memory.remedies import MIXTURE
from opsagent_evals.telling import say

if TYPE_CHECKING:
    from rich.table import Table

RATIO_BARS = {"drift": ("knn_plain", 0.60), "drift_noisy_outcome": ("knn_outcome", 0.80)}
"""In this setting the mixture has at most so much of the regret of this design."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What the designs, and the mixture without each of its parts, did."""

    designs: remedies.Results
    ablation: remedies.Results


def simulated() -> Simulation:
    """Run everything on the seeds that nothing was tuned on."""

    def progress(line: str) -> None:
        say(f"simulation … {line}")

    designs = remedies.simulate(progress=progress)
    parts = remedies.simulate(methods=tuple(remedies.ABLATION), progress=progress)
    return Simulation(
        designs=designs,
        ablation={setting: {MIXTURE: designs[setting][MIXTURE], **scores} for setting, scores in parts.items()},
    )


def totals(found: Simulation) -> dict[str, Any]:
    """Return mean regrets with their intervals (95 %), and how the mixture compares."""
    designs = found.designs
    seeds = {len(score.regret) for scores in designs.values() for score in scores.values()}
    intervals = {
        setting: {method: remedies.interval(score.regret) for method, score in scores.items()}
        for setting, scores in designs.items()
    }
    return {
        "seeds": min(seeds, default=0),
        "regret": {
            setting: {method: round(mean, 1) for method, (mean, _, _) in methods.items()}
            for setting, methods in intervals.items()
        },
        "regret_interval": {
            setting: {method: [round(low, 1), round(high, 1)] for method, (_, low, high) in methods.items()}
            for setting, methods in intervals.items()
        },
        "accuracy": {
            setting: {method: round(remedies.interval(score.accuracy)[0], 3) for method, score in scores.items()}
            for setting, scores in designs.items()
        },
        "regret_best_single": {setting: remedies.best_single(designs, setting) for setting in designs},
        "regret_beyond_best_single": {
            setting: [round(value, 1) for value in _beyond_best(found, setting)] for setting in designs
        },
        "regret_ratio": {
            setting: {"to": other, "ratio": round(_ratio(found, setting, other), 3), "bar": bar}
            for setting, (other, bar) in RATIO_BARS.items()
            if setting in designs
        },
        "regret_ablation": {
            setting: {method: round(remedies.interval(score.regret)[0], 1) for method, score in scores.items()}
            for setting, scores in found.ablation.items()
        },
    }


def missed(found: Simulation) -> Iterator[str]:
    """Yield the bars that are missed, in words."""
    for setting in found.designs:
        mean, low, _ = _beyond_best(found, setting)
        if low > 0:
            best = remedies.best_single(found.designs, setting)
            yield f"regret in {setting} is {mean:.0f} above that of {best}, beyond the interval (at least {low:.0f})"
    for setting, (other, bar) in RATIO_BARS.items():
        if setting in found.designs and (ratio := _ratio(found, setting, other)) > bar:
            yield f"regret in {setting} is {ratio:.3f} of that of {other}, above {bar}"


def details(found: Simulation) -> Iterator[dict[str, Any]]:
    """Yield what each design did, seed by seed."""
    for name, results in (("simulation", found.designs), ("ablation", found.ablation)):
        for setting, scores in results.items():
            for method, score in scores.items():
                regret = [round(value, 2) for value in score.regret]
                accuracy = [round(value, 4) for value in score.accuracy]
                yield {"part": name, "setting": setting, "method": method, "regret": regret, "accuracy": accuracy}


def tables(found: Simulation) -> Iterator[Table]:
    """Yield the table of designs and that of the ablation."""
    seeds = totals(found)["seeds"]
    yield _table(f"regret over {seeds} seeds, mean ± 95 % (accuracy)", found.designs)
    yield _table("ablation: regret of the mixture without one part", found.ablation)


def _table(title: str, results: remedies.Results) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    grid = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    grid.add_column("design", no_wrap=True)
    for setting in results:
        grid.add_column(setting.replace("_", " "), justify="right", no_wrap=True)
    for method in next(iter(results.values()), {}):
        cells = []
        for scores in results.values():
            mean, low, _ = remedies.interval(scores[method].regret)
            cells.append(f"{mean:.0f} ± {mean - low:.0f} ({remedies.interval(scores[method].accuracy)[0]:.2f})")
        grid.add_row(method.replace("_", " "), *cells)
    return grid


def _beyond_best(found: Simulation, setting: str) -> tuple[float, float, float]:
    return remedies.difference(found.designs, setting, MIXTURE, remedies.best_single(found.designs, setting))


def _ratio(found: Simulation, setting: str, other: str) -> float:
    scores = found.designs[setting]
    return remedies.interval(scores[MIXTURE].regret)[0] / remedies.interval(scores[other].regret)[0]
