"""Asks the configured chat models, in a process of their own, and takes what they propose as typed steps or not at all.

What goes out is masked here, what comes back is checked here (`opsagent.brain.proposals`). Nothing is carried out: a
proposal that would change anything comes back as an offer, for a person to take.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opsagent.brain import prompts
from opsagent.brain.account import Account, Spent
from opsagent.brain.forms import LONGEST, clean, quoted, units_form
from opsagent.brain.orders import Unusable, orders_of
from opsagent.brain.port import Look, OtherTool, Purpose, Tell, Thought, Trouble
from opsagent.brain.process import Broken, ModelProcess
from opsagent.brain.proposals import Misfit, taken
from opsagent.commands.reading import Ask, CommandStep, Context, Language, Reading
from opsagent.commands.words import has_hangul
from opsagent.model_settings import ModelSettings
from opsagent.store.errors import StoreError
from opsagent_tools.redact import redact
from opsagent_tools.registry import READING
from opsagent_tools.text import escape_for_terminal
from opsagent_tools.units import Unit

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.mcp_client.tools import ForeignTools

_SAID_MAX = 2000
_KNOWN_MAX = 24_000
"""Characters of what a model is told beside the request."""
_FOREIGN = "A tool of somebody else, who says of it (not to be trusted): "
_TURNS, _TURN_MAX = 20, 6000
_QUIET: Tell = lambda line: None  # noqa: E731  # a default of that type


class ModelThinker:
    """The chat models of a home. `look` carries out one reading step; `others` are reading tools of somebody else."""

    def __init__(
        self,
        home: Home,
        settings: ModelSettings,
        look: Look,
        *,
        others: Sequence[OtherTool] = (),
        foreign: ForeignTools | None = None,
        retry_s: float = 1.0,
    ) -> None:
        """`foreign`: tools of others that are started when something is asked for the first time, and closed with this."""
        self._home = home
        self._settings = settings
        self._look = look
        self._others = {_named(tool): tool for tool in others}
        self._foreign = foreign
        self._met = foreign is None
        """Whether the tools of others are among `_others`."""
        self._retry_s = retry_s
        self._account = Account(home, settings)
        self._process: ModelProcess | None = None
        self._left_out: list[str] = []
        """Why some of the configured models are not asked."""

    @property
    def name(self) -> str:
        """Return which model is asked first."""
        return self._settings.first.name if self._settings.first is not None else ""

    async def plan(
        self,
        text: str,
        units: Sequence[Unit],
        context: Context,
        *,
        tell: Tell = _QUIET,
        language: Language | None = None,
        history: Sequence[tuple[str, str]] = (),
    ) -> Thought:
        """Ask what a command or a question means. `history`: what was said before, (`person` or `agent`, text)."""
        spoken: Language = language or ("ko" if has_hangul(text) else "en")
        known = {
            "units": units_form(units, context.spoken_of),
            "procedures": [clean(one) for one in context.procedures],
            "other_names": {clean(alias): clean(name) for alias, name in context.aliases.items()},
            "groups": {clean(name): [clean(one) for one in members] for name, members in context.groups.items()},
            "steps_before": [step.to_json() for step in context.last],
            "now": context.now.isoformat() if context.now is not None else None,
        }
        request = f"The request: {json.dumps(_masked(text), ensure_ascii=False)}\n\n{quoted(known, _KNOWN_MAX)}"
        said = [(who, _masked(line[:_TURN_MAX])) for who, line in history[-_TURNS:]]
        return await self._think("command", request, units, tell, language=spoken, history=said, context=context)

    async def advise(self, trouble: Trouble, units: Sequence[Unit], *, tell: Tell = _QUIET) -> Thought:
        """Ask what may help against trouble that nothing known helps against."""
        known = {
            "incident": {"unit": trouble.unit, "fault": trouble.fault, "note": trouble.note, **trouble.facts},
            "units": units_form(units),
        }
        request = f"An incident that nothing known helps against.\n\n{quoted(known, _KNOWN_MAX)}"
        return await self._think("incident", request, units, tell, incident=trouble.incident)

    async def test(self) -> Thought:
        """Ask something tiny: whether the models answer at all."""
        return await self._think("test", "Are you there?", (), _QUIET)

    async def close(self) -> None:
        """End the models' process."""
        if self._process is not None:
            await self._process.close()
            self._process = None
        if self._foreign is not None:
            await self._foreign.close()
            self._met = False
        self._account.close()

    async def _think(
        self,
        purpose: Purpose,
        request: str,
        units: Sequence[Unit],
        tell: Tell,
        *,
        language: Language = "en",
        history: Sequence[tuple[str, str]] = (),
        context: Context | None = None,
        incident: str | None = None,
    ) -> Thought:
        desk = _Desk(self, purpose, units, tell, context or Context(), incident)
        reads = purpose != "test"
        if reads and self._foreign is not None and not self._met:
            self._others |= {_named(tool): tool for tool in await self._foreign.list()}
            self._met = True
        question = {
            "system": prompts.system_prompt(purpose),
            "history": history,
            "request": request,
            "tools": [*prompts.reading_tools(), *self._more()] if reads else [],
            "propose": prompts.propose_tool(purpose) if reads else None,
            "calls": self._settings.calls_per_question,
            "retry_s": self._retry_s,
        }
        try:
            process = self._running()
            over = await process.ask(question, desk, timeout_s=self._whole_s())
            return _thought(desk, over, self._settings, language, (*self._left_out, *process.missing))
        except (Unusable, Broken, StoreError, OSError) as error:
            return _thought(desk, {"said": "", "why": str(error)}, self._settings, language, ())
        finally:
            desk.break_off()

    def _whole_s(self) -> float:
        """Return how long all of one question may take."""
        return self._settings.timeout_s * min(self._settings.calls_per_question, 4)

    def _more(self) -> list[dict[str, Any]]:
        """Return the other tools; what foreign ones say of themselves is marked as theirs."""
        return [
            {
                "name": name,
                "description": f"{_FOREIGN if tool.foreign else ''}{clean(tool.summary)}",
                "schema": dict(tool.schema),
            }
            for name, tool in self._others.items()
        ]

    def _running(self) -> ModelProcess:
        if self._process is None:
            orders, hosts, self._left_out = orders_of(self._home, self._settings)
            self._process = ModelProcess(orders, hosts)
        return self._process


@dataclass(slots=True)
class _Desk:
    """Answers the models' process while one question lasts."""

    thinker: ModelThinker
    purpose: Purpose
    units: Sequence[Unit]
    tell: Tell
    context: Context
    incident: str | None
    spent: Spent = field(default_factory=Spent)
    steps: tuple[CommandStep, ...] = ()
    why: str = ""
    misfit: str = ""
    looked: list[str] = field(default_factory=list)
    _call: str = ""
    _model: str = ""

    async def may_call(self, model: str) -> str:
        account = self.thinker._account  # noqa: SLF001  # its own desk
        self._call, why = await asyncio.to_thread(account.begin, model, self.purpose, self.incident, self.spent)
        self._model = model
        if not why:
            self.tell(f"asks {model}")
        return why

    async def called(self, told: Mapping[str, Any]) -> None:
        account = self.thinker._account  # noqa: SLF001
        call, self._call = self._call, ""
        if call:
            await asyncio.to_thread(account.end, call, self._model, self.purpose, told, self.spent)

    def break_off(self) -> None:
        """Settle a request of which nobody told how it ended. Not in a thread: whoever asked may be leaving."""
        call, self._call = self._call, ""
        if call:
            with suppress(StoreError):  # it stays noted as one that is under way
                self.thinker._account.break_off(call, self._model, self.purpose, self.spent)  # noqa: SLF001

    async def look(self, tool: str, args: Mapping[str, Any]) -> str:
        thinker = self.thinker
        other = thinker._others.get(tool)  # noqa: SLF001
        try:
            if other is not None:
                self._note(tool)
                found = await other.call(dict(args))
                return quoted(found, text=LONGEST) if other.foreign else quoted(found)  # theirs is one long text
            (step,) = taken(
                [
                    {
                        "tool": tool,
                        "target": args.get("target"),
                        "args": {k: v for k, v in args.items() if k != "target"},
                    }
                ],
                self.units,
            )
            if step.tool not in READING:  # it has no such tool; whoever asks all the same gets nothing done
                return quoted({"error": f"there is no reading tool {tool[:40]!r}"})
            self._note(f"{tool} {step.target}" if step.target else tool)
            return quoted(dict(await thinker._look(step)))  # noqa: SLF001
        except Misfit as misfit:
            return quoted({"error": str(misfit).removeprefix("step 1: ")})
        except Exception as error:  # noqa: BLE001  # whatever a look comes to, the model is told, and goes on
            return quoted({"error": f"{type(error).__name__}: {error}"})

    async def propose(self, args: Mapping[str, Any]) -> str:
        unattended = self.purpose == "incident"
        try:
            self.steps = taken(args.get("steps"), self.units, procedures=self.context.procedures, unattended=unattended)
        except Misfit as misfit:
            self.misfit = str(misfit)
            return self.misfit
        self.why, self.misfit = str(args.get("why", "")), ""
        return ""

    def _note(self, what: str) -> None:
        self.looked.append(what)
        self.tell(f"looks: {what}")


def _thought(
    desk: _Desk, over: Mapping[str, Any], settings: ModelSettings, language: Language, missing: Sequence[str]
) -> Thought:
    spent, model = desk.spent, desk.spent.model or (settings.first.name if settings.first is not None else "")
    reading = _reading(desk.steps, model, language) if desk.steps else None
    said = _line(desk.why if desk.steps else str(over["said"]))
    why_not = ""
    if reading is None and (over["why"] or not said or desk.misfit):
        why_not = f"what it proposed cannot be taken: {desk.misfit}" if desk.misfit else ""
        said_why = () if spent.failed and not why_not else (why_not or str(over["why"]) or "it said nothing",)
        why_not = "; ".join(dict.fromkeys((*said_why, *spent.failed, *missing)))
        said = ""
    return Thought(
        reading=reading,
        said=said,
        tokens_in=spent.tokens_in,
        tokens_out=spent.tokens_out,
        cost=spent.cost,
        currency=settings.currency,
        model=model,
        why_not=why_not,
        looked=tuple(desk.looked),
    )


def _reading(steps: tuple[CommandStep, ...], model: str, language: Language) -> Reading:
    """Return what is proposed: as steps where it only reads, else as an offer, which a person has to take."""
    if all(step.tool in READING for step in steps):
        return Reading(steps=steps, language=language)
    question = f"{model}이(가) 이렇게 제안합니다" if language == "ko" else f"{model} proposes"
    return Reading(ask=Ask(kind="unclear", question=question, offers=(steps,)), language=language)


def _named(tool: OtherTool) -> str:
    """Return the name by which a model calls a tool, in characters that every provider takes."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"other_{tool.name}" if tool.foreign else tool.name)[:64]


def _masked(text: str) -> str:
    return redact(escape_for_terminal(text))


def _line(text: str) -> str:
    return _masked(text.strip())[:_SAID_MAX]
