"""What the reader gives back. A leaf of values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from opsagent.model import Risk, Scalar

Language = Literal["en", "ko"]

AskKind = Literal["unknown_unit", "ambiguous_unit", "unclear", "unsafe_text", "too_long", "empty"]
"""Why the reader asks back: no such unit; more than one of that name; words that are not explained; characters that
cannot be seen or look like others; more text than a command has; nothing at all."""
BY_A_MODEL = "proposed by a chat model"
"""`CommandStep.why` of what a model proposed: no word of it is the person's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandStep:
    """One tool call that a person asked for."""

    tool: str
    """A name of `opsagent_tools.registry.TOOLS`."""
    target: str | None = None
    """Name of a unit (its full id where the name is not unique); None: all of them, or the machine."""
    args: Mapping[str, Scalar] = field(default_factory=dict)
    risk: Risk = Risk.READ
    why: str = ""
    """The words that it was read from."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "args", MappingProxyType(dict(self.args)))

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON form."""
        return {
            "tool": str(self.tool),
            "target": self.target,
            "args": dict(self.args),
            "risk": self.risk.value,
            "why": self.why,
        }

    def __str__(self) -> str:
        """Return it as the command that the reader would take without asking."""
        return f"{self._words()}{self._when()}".strip()

    def _when(self) -> str:
        at, condition = self.args.get("at"), self.args.get("if")
        when = f" at {at}" if at and str(at)[:1].isdigit() else f" {at}" if at else ""
        return when + (f" if {condition}" if condition else "")

    def _words(self) -> str:
        where = self.target or ""
        match self.tool:
            case "scale":
                return f"scale {where} to {self.args.get('replicas')}"
            case "tail_logs":
                lines, since = self.args.get("lines"), self.args.get("since")
                return f"logs {where}" + (f" {lines} lines" if lines else "") + (f" since {since}" if since else "")
            case "search_logs":
                return f'search logs of {where} for "{self.args.get("query")}"'
            case "describe_process":
                return f"status {where}"
            case "recall_incidents":
                return f"why {where}" if where else "incidents"
            case "list_processes":
                return "status"
            case "host_metrics":
                return "host metrics"
            case "hold" if "for" in self.args:
                return f"hold {where} for {self.args['for']}"
            case "approve" | "deny":
                return f"{self.tool} {self.args.get('id', 'it')}"
            case "teach":
                return f"remember: {self.args.get('text', '')}"
            case "run_gui_procedure":
                params = self.args.get("params")
                return f"run {self.args.get('procedure', '')}" + (f" for {params}" if params else "")
            case "restart" if self.args.get("safely"):
                return f"restart {where} safely"
            case tool:
                return f"{tool} {where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a command may lean on beside its own words. Nothing in it is needed."""

    spoken_of: tuple[str, ...] = ()
    """Names of the units that were last spoken of: `it`, `them`, 그거."""
    last: tuple[CommandStep, ...] = ()
    """The steps of the turn before: `and worker?` asks the same of another unit."""
    procedures: tuple[str, ...] = ()
    """Names of procedures on screens."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Other names of units, as their people say them: alias → name."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names for several units at once: `backend` → its units."""
    phrases: Mapping[str, tuple[CommandStep, ...]] = field(default_factory=dict)
    """What this person meant by a text before, when it was offered to them and they took it; keys as
    `opsagent.commands.words.normal_form` writes them."""
    now: datetime | None = None
    """With its zone; needed where the text says a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question back. Nothing runs until a person has answered it."""

    kind: AskKind
    question: str
    offers: tuple[tuple[CommandStep, ...], ...] = ()
    """What may have been meant, best first."""

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON form."""
        return {
            "kind": self.kind,
            "question": self.question,
            "offers": [[step.to_json() for step in offer] for offer in self.offers],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Steps, or a question back; never both."""

    steps: tuple[CommandStep, ...] = ()
    ask: Ask | None = None
    language: Language = "en"
    guessed: bool = False
    """The intent model was asked: it ranked what is offered, or chose what is looked at. It takes longer."""

    def __post_init__(self) -> None:
        if bool(self.steps) == (self.ask is not None):
            raise ValueError("a reading is either steps or a question")

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON form (docs/commands.md)."""
        return {
            "steps": [step.to_json() for step in self.steps],
            "ask": self.ask.to_json() if self.ask is not None else None,
            "language": self.language,
        }


def offer_text(offer: tuple[CommandStep, ...]) -> str:
    """Return an offer as one line: `stop web, then start api`."""
    return ", then ".join(str(step) for step in offer)
