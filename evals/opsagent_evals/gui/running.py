"""All runs of the suite: shown once on the plain variant, played on every other; some side by side, each on its stage."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from opsagent_evals.gui.baselines import BASELINES, follow
from opsagent_evals.gui.model import CaseScore, Drift, Program
from opsagent_evals.gui.playing import AGENT, play
from opsagent_evals.gui.recording import Shown, show
from opsagent_evals.gui.report import Lost, Results
from opsagent_evals.gui.stage import StageError
from opsagent_tools.gui.model import SurfaceKind
from opsagent_tools.gui.port import ScreenError

_RUN_S = 420.0
"""A run that takes longer is given up: its stage is taken down."""


@dataclass(frozen=True, slots=True)
class Case:
    """One program on one kind of surface under one drift."""

    program: Program
    kind: SurfaceKind
    drift: Drift

    @property
    def name(self) -> str:
        return f"{self.program.name}/{self.kind}/{self.drift}"


async def run_all(
    cases: Sequence[Case],
    beside: Sequence[str],
    *,
    jobs: int,
    finished: Callable[[CaseScore], None],
    lost: Callable[[Lost], None],
) -> Results:
    """Play all cases, and on those of windows the baselines `beside`. Cancelled, everything that was started is ended."""
    few = asyncio.Semaphore(jobs)
    scores: list[CaseScore] = []
    missing: list[Lost] = []

    async def group(program: Program, kind: SurfaceKind) -> None:
        mine = [case for case in cases if (case.program.name, case.kind) == (program.name, kind)]
        with tempfile.TemporaryDirectory(prefix="opsagent-gui-") as folder:
            shown = await attempt(f"{program.name}/{kind}", AGENT, lambda: show(program, kind))
            if not isinstance(shown, Shown):
                return
            crops = Path(folder)
            for name, png in shown.crops.items():
                (crops / name).write_bytes(png)
            for case in mine:
                players = [AGENT, *(beside if kind is _baselines_on(program) else ())]
                await asyncio.gather(*(one(case, player, shown, crops) for player in players))

    async def one(case: Case, player: str, shown: Shown, crops: Path) -> None:
        async def run() -> CaseScore:
            if player == AGENT:
                return await play(case.program, case.drift, case.kind, shown, crops)
            return await follow(case.program, case.drift, shown, player)

        score = await attempt(case.name, player, run)
        if isinstance(score, CaseScore):
            scores.append(score)
            finished(score)

    async def attempt(name: str, player: str, run: Callable[[], object]) -> object:
        async with few:
            try:
                return await asyncio.wait_for(run(), _RUN_S)  # type: ignore[arg-type]
            except (StageError, ScreenError, TimeoutError, OSError) as error:
                gone = Lost(name=name, player=player, why=" ".join(str(error).split()) or type(error).__name__)
                missing.append(gone)
                lost(gone)
                return None

    for program, kind in dict.fromkeys((case.program, case.kind) for case in cases) if jobs == 1 else ():
        await group(program, kind)
    if jobs > 1:
        pairs = dict.fromkeys((case.program.name, case.kind) for case in cases)
        programs = {case.program.name: case.program for case in cases}
        await asyncio.gather(*(group(programs[name], kind) for name, kind in pairs))
    order = {case.name: number for number, case in enumerate(cases)}
    players = {player: number for number, player in enumerate((AGENT, *BASELINES))}
    scores.sort(
        key=lambda score: (players[score.player], order[score.name if score.name in order else _own(score, order)])
    )
    return Results(cases=tuple(scores), lost=tuple(missing))


def _baselines_on(program: Program) -> SurfaceKind | None:
    """Return on which surface's recording the baselines follow a program: once, and not on terminals."""
    return None if SurfaceKind.TERMINAL in program.kinds else program.kinds[0]


def _own(score: CaseScore, order: dict[str, int]) -> str:
    """Return the case that a baseline's run belongs to: its own name says pixels."""
    return next(name for name in order if name.startswith(f"{score.program}/") and name.endswith(f"/{score.drift}"))
