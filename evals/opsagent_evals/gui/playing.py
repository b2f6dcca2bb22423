"""The agent plays a recorded procedure on a variant; each step is judged where it is done, and the end by its oracle."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from opsagent_evals.gui.model import CaseScore, Drift, Program, StepScore
from opsagent_evals.gui.recording import Shown, opened
from opsagent_evals.gui.screens import NoSecrets
from opsagent_evals.gui.stage import Stage, staged
from opsagent_evals.gui.watching import Done, Watcher
from opsagent_tools.gui.model import Box, Located, Point, SurfaceKind, Verb
from opsagent_tools.gui.procedure import RunReport, ScreenOutcome, ScreenStep, StepReport
from opsagent_tools.gui.replay import Allowed, Asked, NotAllowed, Screens, replay
from opsagent_tools.patience import within

AGENT = "opsagent"
_CASE_S = 240.0
_PRESS = frozenset({Verb.CLICK, Verb.DOUBLE, Verb.RIGHT})
_SLACK = 2
"""Pixels by which a place may be outside of what the judge holds for the target: borders are counted differently."""


@dataclass(slots=True)
class _Judged:
    """What is known of the steps of one run, while it runs."""

    stage: Stage
    watcher: Watcher | None
    boxes: dict[int, list[Box]] = field(default_factory=dict)
    wrong: dict[int, str] = field(default_factory=dict)
    reports: dict[int, StepReport] = field(default_factory=dict)
    unpressed: set[int] = field(default_factory=set)
    """Clicks that were reported done, and for which nothing was pressed."""
    undone: list[Done] = field(default_factory=list)
    """What was pressed in a step that was not done."""
    heard: int = 0

    async def guard(self, step: ScreenStep, located: Located | None, asked: Asked) -> Allowed | NotAllowed:
        """See where the target truly is, right before the step is done."""
        act = self.stage.program.acts[asked.number - 1]
        boxes = await self.stage.judge.boxes(act.on) if act.on else []
        self.boxes.setdefault(asked.number, []).extend(boxes)
        if act.on and located is not None and not _within(located.point, boxes):
            there = ", ".join(_said(box) for box in boxes) or "nowhere"
            self.wrong[asked.number] = f"{asked.text} at {located.point.x},{located.point.y}; {act.on} is at {there}"
        del step
        return Allowed("the eval lets everything pass: it judges")

    async def tell(self, report: StepReport) -> None:
        """Hold what was really pressed against where the target was."""
        self.reports[report.number] = report
        new = self._new()
        act = self.stage.program.acts[report.number - 1]
        pressed = [one.point for one in new if one.button]
        if (
            report.done
            and self.watcher is not None
            and act.verb in _PRESS
            and report.number in self.boxes
            and not pressed
        ):
            self.unpressed.add(report.number)
        for at in pressed:
            if not _within(at, self.boxes.get(report.number, [])):
                on = act.on or "+".join(act.keys)
                self.wrong.setdefault(report.number, f"pressed at {at.x},{at.y}, which is not {on}")
        if not report.done:
            self.undone.extend(new)

    def disturbed(self, outcome: ScreenOutcome) -> str:
        """Return what was pressed after the last step; of a run that halted also in the step that was not done."""
        late = self._new()
        pressed = [*self.undone, *late] if outcome is ScreenOutcome.HALTED else late
        places = [f"pressed at {one.point.x},{one.point.y}" if one.button else "a key" for one in pressed]
        return f"{', '.join(dict.fromkeys(places))}, and {outcome.value}" if places else ""

    def _new(self) -> list[Done]:
        """Return the buttons and keys that were pressed since the last call; on a terminal nobody records them."""
        if self.watcher is None:
            return []
        new = self.watcher.since(self.heard)
        self.heard += len(new)
        return new


async def play(program: Program, drift: Drift, kind: SurfaceKind, shown: Shown, crops: Path) -> CaseScore:
    """Play it once. Raises StageError."""
    async with AsyncExitStack() as held:
        stage = await held.enter_async_context(staged(program, drift))
        watcher = None
        screens: Screens
        if stage.terminal is not None:
            screens = stage.terminal.screens
        else:
            watcher = await Watcher(stage.running.env).open()
            held.push_async_callback(watcher.close)
            screens = await held.enter_async_context(opened(stage, kind, crops, allowed=True))
        judged = _Judged(stage, watcher)
        report = await _played(shown, screens, judged)
        disturbed = judged.disturbed(report.outcome)
        everything = report.outcome in {ScreenOutcome.VERIFIED, ScreenOutcome.UNVERIFIED}
        result = await program.outcome(stage.running) if everything else ""
        return CaseScore(
            program=program.name,
            drift=drift,
            kind=kind,
            player=AGENT,
            steps=_steps(program, judged, report),
            outcome=report.outcome.value,
            result=result,
            disturbed=disturbed,
            held_out=program.held_out,
        )


async def _played(shown: Shown, screens: Screens, judged: _Judged) -> RunReport:
    run = replay(
        shown.procedure,
        screens,
        shown.parameters,
        guard=judged.guard,
        secrets=NoSecrets(),
        tell=judged.tell,
    )
    try:
        return await within(run, _CASE_S)
    except TimeoutError:
        return RunReport(
            procedure=shown.procedure.name,
            outcome=ScreenOutcome.HALTED,
            why=f"it did not end within {_CASE_S:g} s",
            halted_at=len(judged.reports) + 1,
        )


def _steps(program: Program, judged: _Judged, report: RunReport) -> tuple[StepScore, ...]:
    scores = []
    for number, act in enumerate(program.acts, 1):
        told = judged.reports.get(number)
        halted = report.halted_at == number or (report.halted_at is None and told is None)
        why = (told.why if told is not None and not told.done else "") or (report.why if halted else "")
        scores.append(
            StepScore(
                number=number,
                on=act.on or "+".join(act.keys),
                done=told is not None and told.done and number not in judged.wrong and number not in judged.unpressed,
                wrong=judged.wrong.get(number, ""),
                why=why,
                rung=told.rung.value if told is not None and told.rung is not None else "",
                seconds=told.seconds if told is not None else 0.0,
            )
        )
    return tuple(scores)


def _within(point: Point, boxes: list[Box]) -> bool:
    return any(box.grown(_SLACK).holds(point) for box in boxes)


def _said(box: Box) -> str:
    return f"{box.left},{box.top} {box.width}x{box.height}"
