"""What the intent model says about a command: a check on plans that read, and an offer where the rules have none.

It never plans a change (docs/decisions/0017-intent-model.md). Pure, but for the weights, which are read once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from opsagent.commands import intents
from opsagent.commands.intents import ABSTAIN, SEVERAL, Guess
from opsagent.commands.known import Known
from opsagent.commands.meaning import MAX_INSTANCES, Steps
from opsagent.commands.tags import Role, Row, Tag
from opsagent.commands.words import Token
from opsagent.model import Scalar
from opsagent_tools.registry import READING

FLOOR = 0.03
"""A plan that only reads is asked back below this. Measured on phrasings held out: docs/decisions/0017-intent-model.md."""
UNLIKELY = 0.3
"""The same of what is offered first: the model's own guess goes before it."""
_WORTH = 0.2
"""From here on a guess is offered: still right more often than not, where abstaining is not likelier than this."""
_NO = 0.75
_SURE = 0.6
"""From here on what the rules are silent about is offered all the same."""
_OF_UNITS = frozenset(
    {"describe_process", "tail_logs", "recall_incidents", "start", "stop", "restart", "reload", "rollback", "hold"}
)
_ALONE = frozenset({"list_processes", "host_metrics", "recall_incidents", "pause", "resume"})
_WHOLE = frozenset({"pause", "resume", "approve", "deny"})
"""Orders that need no unit: any text could be one, so the model must be sure."""
_LOOKS = frozenset({"show", "check", "search"})
_WHEN = {Role.TIME: "at", Role.CONDITION: "if"}
_LATIN = re.compile(r"[a-z0-9_.@:-]+(?:['’]s)?", re.IGNORECASE)
_PARTICLES = re.compile(r"(?:에서|이랑|하고|부터|까지|를|을|은|는|이|가|와|과|랑|도|만|의|에|로|요|좀)+$")


def guesses(row: Row, tokens: Sequence[Token]) -> tuple[Guess, ...]:
    """Return what a text may ask for, likeliest first."""
    return _guessed(tuple(_words(row, tokens)), any(token.text in {"?", "？"} for token in tokens))


@lru_cache(maxsize=16)
def _guessed(words: tuple[str, ...], asked: bool) -> tuple[Guess, ...]:
    """Guess once what one reading asks for several times."""
    return intents.guess(words, question=asked)


def doubts_reading(steps: Steps, row: Row, tokens: Sequence[Token], floor: float = FLOOR) -> bool:
    """Tell whether what a plan looks at is most likely not what was asked for.

    What it changes is not doubted here: that is the rules' matter. A look beside a change is doubted where the text
    asks for one thing only.
    """
    tools = {step.tool for step in steps}
    reads = tools & READING.keys()
    if not reads:
        return False
    share = {guess.tool: guess.probability for guess in guesses(row, tokens)}
    if reads != tools and any(tag.value in _LOOKS and tag.form == "then" for tag in _of(row, Role.VERB)):
        return False  # its own verb asks for the look
    if reads != tools and any("if" in step.args for step in steps):
        return False  # look at api, and if it is down, restart it
    if reads != tools:
        return share[SEVERAL] < floor and max(share[tool] for tool in tools - reads) >= _SURE
    return sum(share[tool] for tool in reads) + (share[SEVERAL] if len(reads) > 1 else 0) < floor


def likely(row: Row, tokens: Sequence[Token], known: Known, *, sure: bool = False) -> Steps:
    """Return the steps to offer, or none where the model sees nothing that may be meant; `sure`: only where it is."""
    ranked = guesses(row, tokens)
    share = {guess.tool: guess.probability for guess in ranked}
    best = next(guess for guess in ranked if guess.tool not in {ABSTAIN, SEVERAL})
    bar = _SURE if sure or best.tool in _WHOLE else _WORTH
    if share[ABSTAIN] >= _NO or best.probability < bar:
        return ()
    return _steps(best.tool, row, known)


def _steps(tool: str, row: Row, known: Known) -> Steps:
    names = [tag.value for tag in row if tag.role is Role.UNIT and len(known.named(tag.value)) == 1]
    args = _args(tool, row)
    if tool == "scale":
        return tuple(known.step(tool, name, args) for name in names) if len(names) == 1 and args else ()
    if tool in {"approve", "deny"}:
        ids = [tag.value for tag in row if tag.role in {Role.ID, Role.NUMBER}]
        return (known.step(tool, None, {"id": ids[0]} if ids else {}),) if len(ids) <= 1 and not names else ()
    if tool in _OF_UNITS and names:
        return tuple(known.step(tool, name, _of_it(args, name)) for name in dict.fromkeys(names))
    return (known.step(tool, None, {}),) if tool in _ALONE and not names else ()


def _args(tool: str, row: Row) -> Mapping[str, Scalar]:
    """Return what the row says of how, when and how many, where the tool takes it."""
    found: dict[str, Scalar] = {}
    numbers = [int(tag.value) for tag in row if tag.role is Role.NUMBER and tag.value.isdigit()]
    if len(numbers) == 1 and tool == "tail_logs":
        found["lines"] = numbers[0]
    if len(numbers) == 1 and tool == "scale" and 1 <= numbers[0] <= MAX_INSTANCES:
        found["replicas"] = numbers[0]
    if tool in {"restart", "reload"} and _of(row, Role.MANNER):
        found["safely"] = True
    for tag in _of(row, Role.DURATION):
        if tag.form == "since" and tool in {"tail_logs", "recall_incidents"}:
            found["since"] = tag.value
        if tag.form == "for" and tool == "hold":
            found["for"] = tag.value
    if tool not in READING:
        found |= {name: tag.value for role, name in _WHEN.items() for tag in _of(row, role) if not tag.form}
    return found


def _of_it(args: Mapping[str, Scalar], name: str) -> Mapping[str, Scalar]:
    """Return the arguments with the name for `it` in a condition."""
    condition = str(args.get("if", ""))
    return {**args, "if": name + condition.removeprefix("it")} if condition.startswith("it ") else args


def _of(row: Row, role: Role) -> list[Tag]:
    return [tag for tag in row if tag.role is role]


def _words(row: Row, tokens: Sequence[Token]) -> Iterator[str]:
    """Yield the words as the model knows them: names of units, however they are written, as `intents.UNIT`."""
    named = {tag.start: tag.end for tag in row if tag.role in {Role.UNIT, Role.GROUP}}
    until = 0
    for place, token in enumerate(tokens):
        if place in named:
            until = max(until, named[place])
            yield intents.UNIT
            yield from intents.words_of(_behind_name(token.text))
        elif place >= until:
            yield from intents.words_of(token.text)


def _behind_name(text: str) -> str:
    """Return what is written behind a name without a blank: a Korean particle."""
    latin = _LATIN.match(text)
    if latin:
        return text[latin.end() :]
    particle = _PARTICLES.search(text)
    return particle.group() if particle else ""
