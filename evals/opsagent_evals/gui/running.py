"""All runs of the suite: shown once on the plain variant, played on every other; some side by side, each on its stage."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from opsagent_evals.gui.baselines import BASELINES, follow
from opsagent_evals.gui.model import CaseScore, Drift, Program, lost
from opsagent_evals.gui.playing import AGENT, play
from opsagent_evals.gui.recording import Shown, show
from opsagent_evals.gui.report import Results
from opsagent_evals.gui.stage import NotUp, StageError
from opsagent_tools.gui.model import SurfaceKind
from opsagent_tools.gui.port import ScreenError
from opsagent_tools.patience import within

T = TypeVar("T")
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
    cases: Sequence[Case], beside: Sequence[str], *, jobs: int, finished: Callable[[CaseScore], None]
) -> Results:
    """Play all cases, and on those of windows the baselines `beside`. Cancelled, everything that was started is ended."""
    playing = _Playing(cases, beside, asyncio.Semaphore(jobs), finished)
    pairs = dict.fromkeys((case.program.name, case.kind) for case in cases)
    if jobs == 1:  # program by program, as whoever looks on expects
        for name, kind in pairs:
            await playing.group(name, kind)
    else:
        await asyncio.gather(*(playing.group(name, kind) for name, kind in pairs))
    return Results(cases=tuple(sorted(playing.scores, key=playing.place)))


@dataclass(slots=True)
class _Playing:
    cases: Sequence[Case]
    beside: Sequence[str]
    few: asyncio.Semaphore
    finished: Callable[[CaseScore], None]
    scores: list[CaseScore] = field(default_factory=list)
    alone: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def group(self, name: str, kind: SurfaceKind) -> None:
        """Show one program on one kind of surface, and play its cases."""
        mine = [case for case in self.cases if (case.program.name, case.kind) == (name, kind)]
        program = mine[0].program
        with tempfile.TemporaryDirectory(prefix="opsagent-gui-") as folder:
            shown = await self._attempt(program, lambda: show(program, kind))
            if isinstance(shown, str):
                for case in mine:
                    self._score(lost(program, case.drift, kind, AGENT, shown))
                return
            crops = Path(folder)
            for crop, png in shown.crops.items():
                (crops / crop).write_bytes(png)
            players = [AGENT, *(self.beside if kind is _baselines_on(program) else ())]
            await asyncio.gather(*(self._one(case, player, shown, crops) for case in mine for player in players))

    async def _one(self, case: Case, player: str, shown: Shown, crops: Path) -> None:
        async def run() -> CaseScore:
            if player == AGENT:
                return await play(case.program, case.drift, case.kind, shown, crops)
            return await follow(case.program, case.drift, shown, player)

        score = await self._attempt(case.program, run)
        kind = case.kind if player == AGENT else SurfaceKind.PIXEL
        self._score(lost(case.program, case.drift, kind, player, score) if isinstance(score, str) else score)

    async def _attempt(self, program: Program, run: Callable[[], Awaitable[T]]) -> T | str:
        """Return what came of a run, or why it was lost."""
        alone = self.alone.setdefault(program.name, asyncio.Lock()) if program.alone else contextlib.nullcontext()
        async with alone, self.few:
            try:
                with contextlib.suppress(NotUp):
                    return await within(run(), _RUN_S)
                return await within(run(), _RUN_S)
            except (StageError, ScreenError, TimeoutError, OSError) as error:
                return " ".join(str(error).split()) or type(error).__name__

    def _score(self, score: CaseScore) -> None:
        self.scores.append(score)
        self.finished(score)

    def place(self, score: CaseScore) -> tuple[int, int]:
        """Return where a score stands in the report: by player, then by case; a baseline's own name says pixels."""
        ends = (f"{score.program}/", f"/{score.drift}")
        names = [case.name for case in self.cases]
        named = score.name in names and score.player == AGENT
        number = names.index(score.name) if named else next(
            number for number, name in enumerate(names) if name.startswith(ends[0]) and name.endswith(ends[1])
        )  # fmt: skip
        return (AGENT, *BASELINES).index(score.player), number


def _baselines_on(program: Program) -> SurfaceKind | None:
    """Return on which surface's recording the baselines follow a program: once, and not on terminals."""
    return None if SurfaceKind.TERMINAL in program.kinds else program.kinds[0]
