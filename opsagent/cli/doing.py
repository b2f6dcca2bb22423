"""Carries out a command in plain words: read it, ask back or confirm, then step by step until one does not succeed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opsagent.cli.errors import CliError, Code, Unclear
from opsagent.commands.reading import CommandStep, Reading, offer_text
from opsagent.model import Risk
from opsagent_tools.registry import READING

if TYPE_CHECKING:
    from opsagent.claims import Claim
    from opsagent.cli.carry import Carrier, Ended
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.ports import AgentPort

_NEEDS_YES = frozenset({Risk.DISRUPTIVE, Risk.DESTRUCTIVE})
_REPLACING = frozenset({"reload", "restart", "scale"})
"""What is looked at before it is done, and not done twice at a time."""


class Doing:
    """One `opsagent do`."""

    def __init__(self, home: Home, text: str, out: Out, *, yes: bool) -> None:
        from opsagent.cli.daemon import status
        from opsagent.cli.services import look

        self._home = home
        self._text = text
        self._out = out
        self._yes = yes
        self._daemon = status(home)
        self._running = look(home, daemon=self._daemon)
        self._reading = self._read()
        self._results: list[dict[str, Any]] = []
        self._carrier: Carrier | None = None

    def _read(self) -> Reading:
        from opsagent.commands.reader import read

        return read(self._text, self._running.with_daemons)

    def dry_run(self) -> int:
        """Show the reading and do nothing."""
        if self._out.as_json:
            self._out.document(self._reading.to_json())
        elif self._reading.ask is not None:
            self._out.line(_asked_back(self._reading))
        else:
            for step in self._reading.steps:
                self._out.line(f"{step}  ({step.risk})")
        ask = self._reading.ask
        return Code.USAGE if ask is not None and ask.kind == "unknown_unit" else Code.DONE

    def run(self) -> int:
        """Do it; return the exit code."""
        steps = self._reading.steps or self._offered()
        if not self._agreed(steps):
            return Code.NEEDS_APPROVAL
        interrupted = False
        try:
            code = asyncio.run(self._all(steps))
        except KeyboardInterrupt:
            code, interrupted = Code.INTERRUPTED, True
        self._tell_end(steps, interrupted=interrupted)
        return code

    def _offered(self) -> tuple[CommandStep, ...]:
        """Ask back; return what the person takes instead. Raises Unclear where nobody answers, or no."""
        ask = self._reading.ask
        assert ask is not None  # a reading is either steps or a question
        for kind, why in sorted(self._running.silent.items()):
            self._out.note(f"{kind} does not answer, so its services are not known: {why}")
        if ask.offers and self._can_ask():
            self._out.note(ask.question if "`" in ask.question else f"{ask.question}: `{offer_text(ask.offers[0])}`")
            if _confirm("do that?"):
                self._yes = True  # they have just said yes to exactly these steps
                return ask.offers[0]
            raise CliError("nothing was done", code=Code.USAGE)
        raise Unclear(_asked_back(self._reading), **self._reading.to_json())

    def _agreed(self, steps: Sequence[CommandStep]) -> bool:
        """Have steps that interrupt something confirmed on a terminal. Elsewhere the guard asks, and says by which id.

        What replaces instances is asked about when it is known what it will cost.
        """
        shown_first = _REPLACING | {"rollback"}
        grave = [step for step in steps if step.risk in _NEEDS_YES and step.tool not in shown_first]
        if not grave or self._yes or not self._can_ask():
            return True
        self._out.note(f"this interrupts a service: {offer_text(tuple(grave))}")
        self._yes = _confirm("go on?")
        if not self._yes:
            self._out.note("nothing was done")
        return self._yes

    def _can_ask(self) -> bool:
        return not self._out.as_json and sys.stdin.isatty() and self._out.notes.terminal

    async def _all(self, steps: Sequence[CommandStep]) -> int:
        for step in steps:
            result = self._answer(step) if step.tool in READING else await self._change(step)
            if result["result"] != "done":
                return int(result["exit_code"])
        return Code.DONE

    def _answer(self, step: CommandStep) -> dict[str, Any]:
        from opsagent.answering.answers import Answers
        from opsagent.cli.answers import show

        answer = Answers(self._home, self._running, self._daemon).answer_now(step, self._reading.language)
        if not self._out.as_json:
            show(step, answer, self._out)
        return self._record(step, "done", Code.DONE, answer=answer.data)

    async def _change(self, step: CommandStep) -> dict[str, Any]:
        from opsagent.cli.agent import agent_of
        from opsagent.home import LockTaken

        if step.tool == "rollback":
            return await self._roll_back(step)
        busy = self._busy(step)  # before anything is loaded or waited for
        seen: list[Claim] = []

        def taken() -> bool:  # another one that began in this very moment is not waited for
            seen.extend(filter(None, [self._busy(step)]))
            return bool(seen)

        if busy is None:
            try:
                async with agent_of(self._home, taken) as agent:
                    return await self._submit(step, agent)
            except LockTaken:
                busy = next(iter(seen), None) or self._busy(step)
                if busy is None:
                    raise
        return self._record(step, "refused", Code.REFUSED, detail=str(busy), rule="busy")

    async def _roll_back(self, step: CommandStep) -> dict[str, Any]:
        """Do as `opsagent rollback UNIT` does: the difference first."""
        from opsagent.cli.rolling_back import RollingBack

        rolling = RollingBack(self._home, step.target or "", self._out, yes=self._yes)
        plan = await rolling.plan()
        if isinstance(plan, int):
            return self._record(step, "refused" if plan else "done", plan, detail=rolling.refused)
        if not rolling.agreed(plan):
            return self._record(step, "declined", Code.NEEDS_APPROVAL, detail="nothing was done")
        began = self._record(step, "interrupted", Code.INTERRUPTED, plan=plan.id)
        ended = await rolling.carry_out(plan)
        began.update(ended.as_json(), exit_code=ended.code)
        return began

    def _busy(self, step: CommandStep) -> Claim | None:
        """Return the change of this unit that is under way, by whomever; None where there is none."""
        from opsagent.claims import Claims
        from opsagent.cli.services import find

        if step.tool not in _REPLACING:
            return None
        return Claims(self._home.claims_dir).held(find(step.target or "", self._running.units).id)

    async def _submit(self, step: CommandStep, agent: AgentPort) -> dict[str, Any]:
        from opsagent.cli.agent import config_of
        from opsagent.cli.carry import Carrier
        from opsagent.cli.services import find, look
        from opsagent.cli.store import person
        from opsagent.commands.plans import plan_of

        running = look(self._home, daemon=self._daemon)  # anew: an earlier step may have replaced the processes
        unit = find(step.target or "", running.with_daemons)
        canary_s = config_of(self._home).policy.canary_s
        plan = plan_of(step, unit, running.spec(unit.id), text=self._text, canary_s=canary_s)
        self._carrier = Carrier(self._out)
        began = self._record(step, "interrupted", Code.INTERRUPTED, plan=plan.id)
        ended = await self._carrier.follow(agent.submit(plan, confirmed=self._yes, by=person()))
        if ended.result == "asked" and ended.rule == "confirm" and self._can_ask():
            ended = await self._confirmed(step, ended, agent)
        began.update(ended.as_json(), exit_code=ended.code)
        return began

    async def _confirmed(self, step: CommandStep, asked: Ended, agent: AgentPort) -> Ended:
        """Ask on the terminal what the guard wants to be asked, now that it is told what it will cost."""
        from opsagent.cli.carry import Carrier
        from opsagent.cli.store import person, writing

        self._out.note(f"{step}: {asked.detail}")
        yes = _confirm("go on?")
        with writing(self._home) as journal:
            journal.decide_approval(asked.approval, yes, person())
        if not yes:
            asked.result, asked.detail = "declined", "nothing was done"
            return asked
        self._carrier = Carrier(self._out)
        return await self._carrier.follow(agent.approved(asked.approval, by=person()), told=True)

    def _record(self, step: CommandStep, result: str, code: int, **more: Any) -> dict[str, Any]:
        record = {"step": step.to_json(), "text": str(step), "result": result, "exit_code": int(code), **more}
        self._results.append(record)
        return record

    def _tell_end(self, steps: Sequence[CommandStep], *, interrupted: bool) -> None:
        if self._out.as_json:
            left = [step.to_json() for step in steps[len(self._results) :]]
            self._out.document(
                {"text": self._text, "language": self._reading.language, "results": self._results, "not_done": left}
            )
            return
        for result in self._results:
            if "answer" not in result:
                self._tell(result)
        if interrupted and self._carrier is not None:
            done = self._carrier.done_steps()
            self._out.note(f"interrupted; done so far: {'; '.join(done) if done else 'nothing'}")
        for step in steps[len(self._results) :]:
            self._out.note(f"not done: {step}")

    def _tell(self, result: Mapping[str, Any]) -> None:
        text, detail = result["text"], result.get("detail", "")
        match result["result"]:
            case "done":
                from opsagent.views.terminal import one_line

                self._out.line(one_line(f"done: {text}" + (f" ({detail})" if detail else "")))
            case "asked":
                self._out.note(
                    f"{text} needs a yes: {detail}. Say it again with --yes, or `opsagent approve {result['approval']}`"
                )
            case "refused":
                rule = f" (rule: {result['rule']})" if result.get("rule") else ""
                self._out.note(f"refused: {text}: {detail}{rule}")
            case "declined":
                self._out.note(detail)
            case "interrupted":
                self._out.note(f"interrupted in the middle of: {text}; `opsagent ps` shows how things stand")
            case _:
                opened = f" (incident {result['incident']})" if result.get("incident") else ""
                self._out.note(f"failed: {text}: {detail}{opened}")


def _asked_back(reading: Reading) -> str:
    """Return the question back as one line, with its first offer in it."""
    ask = reading.ask
    assert ask is not None
    if ask.offers and "`" not in ask.question:
        return f"{ask.question}: `{offer_text(ask.offers[0])}`?"
    return f"{ask.question}?" if ask.question.endswith("`") else ask.question


def _confirm(question: str) -> bool:
    """Ask on the terminal; anything but y or yes is no."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    return answer.strip().lower() in {"y", "yes", "ㅇ", "네", "예"}
