"""The hand of `run_gui_procedure`: plays an accepted procedure once, and keeps what came of it. Called by `opsagent.hands` only.

Before anything is touched: the version is the one that was planned, its crops are as they were accepted, its secrets can be
had. Written down before it begins and when it ended; what was cut short is looked at, never played again
(`opsagent.screens.afterwards`). Cancelled, it ends between two gestures.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent.home import Home
from opsagent.recall import MemoryDesk
from opsagent.screen_settings import ScreenSettings
from opsagent.screens import afterwards, files
from opsagent.screens.asking import STEP_ARG, Run, Say, StepQuestions
from opsagent.screens.errors import NoSecretThere, ProcedureError
from opsagent.screens.learning import learn
from opsagent.screens.planning import told_in
from opsagent.screens.secrets import NamedSecrets
from opsagent.screens.shelf import Shelf
from opsagent.screens.watching import Watch, both
from opsagent.seeing.rung import last_rung
from opsagent.store.journal import Journal
from opsagent_tools.actions import NEEDS_PERSON, Action, Outcome
from opsagent_tools.gui.effects import before
from opsagent_tools.gui.filling import filled_effects
from opsagent_tools.gui.port import ScreenError, Secrets
from opsagent_tools.gui.procedure import RunReport, ScreenOutcome, ScreenProcedure, StepReport
from opsagent_tools.gui.replay import Tell, replay
from opsagent_tools.redact import redact

if TYPE_CHECKING:
    from opsagent.screens.stage import Stage


@dataclass(slots=True)
class _Going:
    """One run, as far as it is known."""

    run: Run
    name: str
    folder: Path
    say: Say
    settings: ScreenSettings
    ruled_at: datetime
    """What people ordered since is heeded; what they had ordered before, the guard has ruled on."""
    steps: list[StepReport] = field(default_factory=list)
    left: str = ""


class ScreenHands:
    """Plays procedures, one at a time."""

    def __init__(
        self,
        home: Home,
        journal: Journal,
        desk: MemoryDesk,
        settings: Callable[[], ScreenSettings],
    ) -> None:
        self._home = home
        self._journal = journal
        self._desk = desk
        self._settings = settings
        self._alone = asyncio.Lock()

    async def run(self, action: Action, say: Say) -> Outcome:
        """Play it once. Done is what did all its steps and, where the procedure names an effect, had it."""
        ruled_at = datetime.now(UTC)
        if STEP_ARG in action.args:
            return Outcome(done=False, detail="that is a question about one step, and nothing to be done")
        left = set(await afterwards.cut_short(self._home.path, str(action.args["procedure"])))
        unseen = left - set(str(action.args.get("looked", "")).split())
        if unseen:
            why = f"run {min(unseen)} was cut short, and nobody can tell how far it came: a person looks, and runs it"
            return Outcome(done=False, detail=why, refused=NEEDS_PERSON)
        try:
            for run in left:
                await asyncio.to_thread(afterwards.looked_at, self._home.path, run, "a person")
            going = await asyncio.to_thread(self._begun, action, say, ruled_at)
        except NoSecretThere as error:
            return Outcome(done=False, detail=f"nothing was done: {error}", refused=NEEDS_PERSON)
        except (ProcedureError, OSError, ValueError) as error:
            return Outcome(done=False, detail=f"nothing was done: {error}")
        async with self._alone:
            return await self._played(going)

    def _begun(self, action: Action, say: Say, ruled_at: datetime) -> _Going:
        """Return what is to be played, as it was planned. Raises ProcedureError, OSError. Blocks."""
        args, settings = action.args, self._settings()
        kept = Shelf(self._home.database).to_run(str(args["procedure"]))
        if kept.digest != args.get("digest"):
            raise ProcedureError(f"{kept.name} was changed since this was planned: ask for it again")
        changed = files.changed_crops(self._home.path, kept.name, kept.version, kept.crops)
        if changed:
            raise ProcedureError(
                f"{kept.name}: {changed[0]} is not as it was accepted: import it again, or accept it anew"
            )
        told = told_in(kept, str(args["told"]))
        missing = NamedSecrets(self._home.path, settings.secrets, told).missing(secrets_of(kept.procedure, told))
        if missing:
            raise NoSecretThere(missing)
        run = str(args["run"])
        folder = files.run_folder(self._home.path, run)
        if (folder / files.BEGUN).exists():
            raise ProcedureError(f"the run {run} was begun before: ask for it again")
        files.made(folder)
        chosen = replace(
            settings,
            display=str(args.get("display") or settings.display),
            answer_s=float(args.get("answer_s", settings.answer_s)),
        )
        return _Going(Run(kept=kept, told=told, unit=action.unit), run, folder, say, chosen, ruled_at)

    async def _played(self, going: _Going) -> Outcome:
        kept = going.run.kept
        try:
            report = await self._replay(going)
        except asyncio.CancelledError:
            report = _broken_off(going, "it was interrupted between two gestures")
            await asyncio.shield(asyncio.to_thread(self._note, going, report))
            raise
        except ScreenError as error:
            untouched = not going.steps  # it could not be opened
            report = _broken_off(going, str(error), ScreenOutcome.HALTED if untouched else ScreenOutcome.NEEDS_PERSON)
        except Exception as error:  # noted as what it is, before it goes where faults of the program go
            report = _broken_off(going, f"it broke off: {type(error).__name__}")
            await asyncio.to_thread(self._note, going, report)
            raise
        if not going.settings.pictures:
            report = _in_words(report)
        came_about = await asyncio.to_thread(self._note, going, report)
        told = await learn(self._desk, self._home.path, kept, report, run=going.name, came_about=came_about)
        if told:
            going.say(told, "")
        await asyncio.to_thread(self._tidy, going)
        return _outcome(going, report, came_about)

    async def _replay(self, going: _Going) -> RunReport:
        run, settings = going.run, going.settings
        secrets = NamedSecrets(self._home.path, settings.secrets, run.told)
        questions = StepQuestions(self._journal, run, answer_s=settings.answer_s, say=going.say)
        watch = Watch(self._journal, run, going.folder, questions, since=going.ruled_at)
        effects = filled_effects(run.kept.procedure.effects, run.told)
        await asyncio.to_thread(
            afterwards.note_begun,
            going.folder,
            procedure=run.kept.name,
            version=run.kept.version,
            effects=effects,
            before=await before(effects),
        )
        async with (
            last_rung(self._home, settings) as last,
            self._stage(run.kept.procedure, going, secrets) as stage,
        ):
            report = await replay(
                run.kept.procedure,
                stage.screens,
                run.told,
                guard=watch,
                secrets=secrets,
                tell=_telling(going, len(run.kept.procedure.steps)),
                stop=both(watch.stopped, stage.stopped),
                last=last,
            )
        going.left = questions.left
        if report.outcome is ScreenOutcome.HALTED and watch.stopped():  # a person's word is nobody's failure
            return replace(report, outcome=ScreenOutcome.NEEDS_PERSON)
        return report

    def _stage(self, procedure: ScreenProcedure, going: _Going, secrets: Secrets) -> AbstractAsyncContextManager[Stage]:
        from opsagent.screens.stage import open_stage  # which knows displays, pointers and buses

        kept = going.run.kept
        crops = files.version_folder(self._home.path, kept.name, kept.version)
        return open_stage(procedure, going.settings, secrets, crops)

    def _note(self, going: _Going, report: RunReport) -> bool:
        """Write down how it ended, and the report. What cannot be written is missing later, and changes nothing."""
        from opsagent.screens.report import write_report

        wants_effect = bool(going.run.kept.procedure.effects)
        came_about = report.outcome is ScreenOutcome.VERIFIED or (
            report.outcome is ScreenOutcome.UNVERIFIED and not wants_effect
        )
        with contextlib.suppress(OSError):
            afterwards.note_ended(going.folder, report, wants_effect=wants_effect)
            write_report(going.folder, going.run, report, pictures=going.settings.pictures)
        return came_about

    def _tidy(self, going: _Going) -> None:
        settings = going.settings
        with contextlib.suppress(OSError):
            files.prune(
                self._home.path,
                keep_days=settings.keep_days,
                keep_mb=settings.keep_mb,
                now=time.time(),
                but=going.name,
            )


def secrets_of(procedure: ScreenProcedure, told: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the secrets that a run types."""
    named = (step.gesture.secret for step in procedure.steps if step.gesture.secret)
    return tuple(dict.fromkeys(told.get(name, name) for name in named))


def _telling(going: _Going, steps: int) -> Tell:
    async def tell(report: StepReport) -> None:
        going.steps.append(report)
        by = f" (by {report.rung.value}, {report.score:.2f})" if report.rung is not None else ""
        done = "" if report.done else ": not done: " + redact(report.why)
        going.say(f"{report.number}/{steps} {redact(report.said)}{by}{done}", "")

    return tell


def _in_words(report: RunReport) -> RunReport:
    """Return the report without its pictures."""
    return replace(report, strip=(), steps=tuple(replace(one, before=None, after=None) for one in report.steps))


def _broken_off(going: _Going, why: str, outcome: ScreenOutcome = ScreenOutcome.NEEDS_PERSON) -> RunReport:
    """Return the report of a run that did not end by itself: a gesture may have been done that no step tells of."""
    done = [one for one in going.steps if one.done]
    return RunReport(
        procedure=going.run.kept.name,
        outcome=outcome,
        why=why,
        halted_at=len(done) + 1,
        steps=tuple(going.steps),
    )


def _outcome(going: _Going, report: RunReport, came_about: bool) -> Outcome:
    """Return what came of it, as the journal and people are told."""
    count = sum(one.done for one in report.steps)
    done = f"{count} step{'' if count == 1 else 's'} done"
    where = f"report: {going.folder / 'report.html'}"
    why = redact(report.why)
    match report.outcome:
        case ScreenOutcome.VERIFIED:
            seen = "; ".join(redact(one) for one in report.effects)
            return Outcome(done=True, detail=f"{done}, verified: {seen} ({where})")
        case ScreenOutcome.UNVERIFIED if came_about:
            return Outcome(done=True, detail=f"{done}, not verified: it names no effect ({where})")
        case ScreenOutcome.UNVERIFIED:
            return Outcome(done=False, detail=f"{done}, and its effect was not seen: {why} ({where})")
        case ScreenOutcome.HALTED:
            return Outcome(done=False, detail=f"halted before step {report.halted_at}: {why} ({where})")
        case _:
            yes = f": opsagent approve {going.left}, then run it again" if going.left else ""
            return Outcome(done=False, detail=f"{done}; {why}{yes} ({where})", refused=NEEDS_PERSON)
