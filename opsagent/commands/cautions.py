"""A second look at a plan that would change something: what keeps it from being done as it was read. Pure.

The frames ask whether every word has its place. Here nothing is explained again: plans and words are looked over for what
makes a plan wrong although each of its words was explained: a step that another one undoes, a time that has passed, a unit
that is not there, a word that says that somebody tells of a change. It takes a plan away or leaves it, and never makes one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from opsagent.commands import times
from opsagent.commands.clauses import Doubt, Why
from opsagent.commands.known import Known
from opsagent.commands.meaning import Meant, Steps
from opsagent.commands.reading import CommandStep, Context, Language
from opsagent.commands.words import Token
from opsagent_tools.registry import READING

_GO_TOGETHER = frozenset({
    ("stop", "start"), ("stop", "hold"), ("rollback", "restart"), ("rollback", "reload"), ("rollback", "scale"), ("rollback", "start"),
    ("scale", "restart"), ("scale", "reload"), ("start", "scale"), ("restart", "scale"), ("reload", "scale"),
    ("rollback", "hold"), ("resume", "restart"), ("resume", "reload"), ("resume", "start"), ("resume", "stop"), ("resume", "scale"), ("resume", "rollback"),
})  # fmt: skip
"""Changes of one unit that make sense one after the other; any other two contradict each other."""
_FRIENDLY = frozenset(
    "🙏👍👌🙂😊😀😃😄😁😅🤗🥺🙇🚀🎉✨💪❤☠💀🚨⚠🟢🔴🟠🟡🔧🛠📈📉🐢🐌😴😭😢😩😫😤😡😱🤯↩⏪🔃🔁⏫📌💥🧯🎯🆘♥💜💙🔥🌟⭐☕🤖👋🫡⏰🔄♻🚨💥😱😭😢🥲😰😨🆘⚠📢📣\ufe0f"
)
"""Symbols that say nothing about what is to be done; any other may say no."""
_PLAIN = frozenset(
    {
        "-",
        "–",
        "—",
        "--",
        ":)",
        ":-)",
        ";)",
        ";-)",
        ":D",
        "^^",
        "->",
        ">>",
        ">",
        "&",
        "&&",
        "+",
        "…",
        "~",
        "~~",
        "(",
        ")",
    }
)
_KINDS = frozenset(
    {
        "service",
        "services",
        "app",
        "application",
        "process",
        "server",
        "daemon",
        "unit",
        "program",
        "component",
        "container",
    }
)
"""What stands beside a name to say what bears it: `the web service`, even where a unit is called service."""
_JOINING = frozenset({"&", "+"})


def looked_over(one: Meant, tokens: Sequence[Token], language: Language, known: Known, context: Context) -> Meant:
    """Return what was read, with a doubt for everything that keeps its changes from being done."""
    changing = tuple(step for step in one.steps if step.tool not in READING)
    if one.doubts or not changing:
        return one
    found = [*_of_steps(one.steps, changing, known, context.now)]
    if any(step.tool != "teach" for step in changing):
        found.extend(_of_symbols(tokens, known))
        found.extend(_of_names(one.steps, tokens, known))
        found.extend(_of_words(tokens, one.steps, language, known, spoken=bool(context.spoken_of)))
    return replace(one, doubts=tuple(dict.fromkeys(found))) if found else one


def _of_words(
    tokens: Sequence[Token], steps: Steps, language: Language, known: Known, *, spoken: bool
) -> Iterator[Doubt]:
    if language == "ko":
        from opsagent.commands import cautions_ko

        yield from cautions_ko.doubts(tokens, steps, known)
    else:
        from opsagent.commands import cautions_en

        yield from cautions_en.doubts(tokens, steps, known, spoken=spoken)


def _of_steps(steps: Steps, changing: Steps, known: Known, now: datetime | None) -> Iterator[Doubt]:
    """Give what is wrong with the steps, whatever the words were."""
    alone = [step for step in changing if step.target is None and "id" not in step.args
             and step.tool in {"approve", "deny", "pause", "resume"}]  # fmt: skip
    if alone and len(changing) > 1:
        yield Doubt(Why.MIXED, alone[0].tool)
    for step in steps:
        if step.target not in {None, "all"} and len(known.named(step.target or "")) != 1:
            yield Doubt(Why.WHOM, step.target or "")
    for step in changing:
        if step.tool == "teach" and not str(step.args.get("text", "")).strip():
            yield Doubt(Why.UNKNOWN, "")
        yield from _of_its_time(step, now)
        name = str(step.args.get("if", "")).split(" ")[0]
        if name and len(known.named(name)) != 1:
            yield Doubt(Why.WHOM, name)
    yield from _of_pairs(changing)


def _of_its_time(step: CommandStep, now: datetime | None) -> Iterator[Doubt]:
    at = str(step.args.get("at", ""))
    if at and now is not None:
        try:
            times.next_at(at, now)
        except ValueError:
            yield Doubt(Why.WHEN, at)


def _of_pairs(changing: Steps) -> Iterator[Doubt]:
    """Give each pair of changes of one unit that does not make sense: restart and stop, start and stop, restart and hold."""
    for place, step in enumerate(changing):
        for other in changing[place + 1 :]:
            same = step.target is not None and (step.target == other.target or "all" in {step.target, other.target})
            if same and step.args.get("at") == other.args.get("at") and (step.tool, other.tool) not in _GO_TOGETHER:
                yield Doubt(Why.MIXED, other.tool)


def _of_symbols(tokens: Sequence[Token], known: Known) -> Iterator[Doubt]:
    """Give the symbols that nobody explained: 🚫, ❓, a lone &."""
    for place, token in enumerate(tokens):
        text = token.text
        if token.quoted or text in known.names or any(char.isalnum() for char in text):
            continue
        before = tokens[place - 1].text if place else ""
        joins = before in known.names and place + 1 < len(tokens)
        known_one = (
            joins if text in _JOINING else text in _PLAIN or all(char in _FRIENDLY or _marks(char) for char in text)
        )
        if not known_one:
            yield Doubt(Why.UNKNOWN, text)


def _marks(char: str) -> bool:
    return char in ".,!?;:…。、！？~" or "ㄱ" <= char <= "ㅣ"


def _of_names(steps: Steps, tokens: Sequence[Token], known: Known) -> Iterator[Doubt]:
    """Give the names that the plan passes over beside one that it changes: `restart api worker`, `api and worker error`."""
    changed = {step.target for step in steps if step.tool not in READING}
    if "all" in changed:
        return
    last: tuple[int, str] | None = None
    for place, token in enumerate(tokens):
        if token.text not in known.names or (last is not None and place == last[0] + 1 and token.word in _KINDS):
            continue
        if last is not None and last[1] in changed and token.text not in changed and _adjoin(tokens, last[0], place):
            yield Doubt(Why.WHOM, token.text)
        if last is not None and last[1] not in changed and token.text in changed and place == last[0] + 1:
            yield Doubt(Why.WHOM, last[1])
        last = (place, token.text)


def _adjoin(tokens: Sequence[Token], one: int, other: int) -> bool:
    """Tell whether two names stand side by side, or are joined as in a list."""
    between = [token.text.lower() for token in tokens[one + 1 : other]]
    return not between or (len(between) < 3 and all(word in {"and", ",", "&", "+", "the"} for word in between))
