"""English words that keep a plan from being done although all of them were explained. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from opsagent.commands import english_words
from opsagent.commands.clauses import Doubt, Why
from opsagent.commands.known import Known
from opsagent.commands.meaning import Steps
from opsagent.commands.words import Token
from opsagent_tools.registry import READING

_TELLING = frozenset({"repeatedly", "constantly", "yet", "ever", "even", "somehow"})
"""Said of what happens, hardly ever of what is to be done."""
_JOKES = frozenset({"joking", "kidding", "jk", "joke", "prank", "kidding)", "(jk)", "j/k", "nah", "nope"})
_HANGING = frozenset({"and", "or", "but", "plus", "and/or", "n"})
_POLITE = frozenset({"please", "pls", "plz", "thanks", "thank", "you", ".", "!", ",", "now"})
_THIRD = {"restarts": "restart", "reboots": "restart", "bounces": "restart", "stops": "stop", "halts": "stop", "starts": "start",
          "launches": "start", "reloads": "reload", "scales": "scale", "reverts": "rollback"}  # fmt: skip
_ANSWERED = {
    "approved": "approve",
    "accepted": "approve",
    "confirmed": "approve",
    "denied": "deny",
    "rejected": "deny",
    "declined": "deny",
}
_ANSWERS = frozenset({"approve", "approved", "accept", "accepted", "confirm", "confirmed", "deny", "denied", "reject", "rejected", "refuse",
                      "decline", "agreed", "granted", "permit", "allow", "veto", "dismiss", "block"})  # fmt: skip
_WISHED = re.compile(
    r"\b(make sure|ensure|see to it|take care|arrange|request that|ask that|(?:would|be|'d) (?:\w+ )*if)\b.*"
)
_DENIED = re.compile(r"n't\b|\b(?:no|not|never|nobody|none|nothing|without)\b")
_CHECKED = re.compile(
    r"\b(?:was|were|been|has|have|had|did)\b|\b(?:is|are) (?:really |still )?(?:stopped|started|shut down|turned off|turned on)\b"
)
_DOWN = frozenset(
    {"down", "dead", "offline", "gone", "stopped", "unhealthy", "over", "above", "using", "exceeding", "more", "sick"}
)
_TAKEN_BACK = re.compile(
    r"(?:please |ok |okay |hey )?(?:(?:cancel|forget|scratch|ignore|disregard|strike|undo) (?:that|it|this)|never ?mind|nvm|no no(?: no)?) (?![,.:;-])\w"
)
_TOLD = re.compile(
    r"\b(?:the plan (?:is|was) to|or so\b|all the time|so often|over and over|not really|"
    r"as (?:often|much|many) as)"
)
_ADDED = re.compile(
    r"\b(?:that|this|it) ?(?:is|was|'s) (?:not )?(?:wrong|a test|a joke|a mistake|unnecessary|for \w+|what|how)\b|"
    r"\bwhen (?:done|finished|ready)$"
)
"""Said behind a command, it takes it back or tells what comes of it."""
_SUGGESTS = re.compile(r"(?:hey |ok |well |maybe )?(?:you (?:could|might)|(?:please )?consider) ")
_UNDECIDED = re.compile(
    r"\b(?:rather|instead)\b(?! of\b)[ ,]+(?:\w+ )?\S|[ ,](?:really|that's bad|bad idea)$|^no \w+ing\b"
)
"""`restart api, rather worker`: one thing is put in the place of another, or doubted."""
_NO_END = re.compile(r"\bfor (?:a|some) (?:while|bit|time|moment)\b")
"""A length of time that nobody can tell; only a hold may be without an end."""
_NO_CLOCK = re.compile(r"\b(?:2[4-9]|[3-9]\d):\d\d\b")
_ELSEWHERE = re.compile(r"(?:(?:sudo|please|run) )*(?:docker|kubectl|podman|nomad|helm|oc) ")
"""Programs for services that nothing here keeps: what they name may be somebody else's of the same name."""
_ITSELF = ("bot", "agent", "ops")
_CONSEQUENCES = frozenset({"it", "users", "they", "customers", "people", "everybody", "everyone", "you", "we", "i"})
"""`restart api and it breaks`: what comes of a change, and no second order."""
_ONES = frozenset({"restart", "stop", "start", "reload", "rollback"})
_HALTS = frozenset(
    {"stop", "cancel", "abort", "quit", "cease", "end", "kill", "halt", "skip", "undo", "stopped", "failed", "finish"}
)
_GIVES = frozenset(
    {"for", "with", "of", "from", "using", "to", "about", "as", "by", "=", ":", "on", "in", "at", "over", "covering"}
)
_NO_PARAMS = frozenset(
    {
        "progress",
        "time",
        "vain",
        "error",
        "failure",
        "question",
        "hold",
        "pause",
        "minutes",
        "seconds",
        "hours",
        "ago",
        "to",
        "not",
        "no",
    }
)
_PARAMS = re.compile(
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|"
    r"q[1-4]|h[12]|20\d\d(?:-\d\d){0,2}|\d{1,2}/\d{1,2}(?:/\d{2,4})?|last|this|next|month|quarter|year|week|monday|tuesday|wednesday|thursday|"
    r"friday|saturday|sunday|today|all|[a-z]+=\S+|\W)(?: .*)?",
    re.IGNORECASE,
)  # fmt: skip


def doubts(tokens: Sequence[Token], steps: Steps, known: Known, *, spoken: bool) -> Iterator[Doubt]:
    """Give a doubt for every word that speaks against doing the steps; `spoken`: units were spoken of before."""
    words = [token.word.replace("’", "'") for token in tokens]
    tools = {step.tool for step in steps if step.tool not in READING}
    free = [word for token, word in zip(tokens, words, strict=True) if token.text not in known.names]
    for word in free:
        if word in _TELLING:
            yield Doubt(Why.REPORTS, word)
        if word in _JOKES:
            yield Doubt(Why.FORBIDS, word)
    yield from _of_the_ends(words, tokens, steps, known)
    changed = {step.target for step in steps if step.tool not in READING}
    for one, other in itertools.pairwise(tokens):
        if one.word == "but" and other.text in changed:
            yield Doubt(Why.LEFT_OUT, other.text)
    for one, other, third in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if (one.text in changed or one.text.isdigit()) and other.word == "and" and third.word in _CONSEQUENCES:
            yield Doubt(Why.REPORTS, f"and {third.text}")
    yield from _of_forms(words, steps, tools)
    said = " ".join(words)
    if _TAKEN_BACK.match(said):
        yield Doubt(Why.CORRECTED, "")
    yield from _of_manner(said, tools)
    told = _TOLD.search(said) or _SUGGESTS.match(said) or _ADDED.search(said)
    if told is None and tools & _ONES:
        told = re.search(r"\bfrom now on\b", said)
    if told:
        yield Doubt(Why.REPORTS, told[0])
    if spoken and any(step.target == "all" for step in steps) and {"them", "those", "these"} & set(words):
        yield Doubt(Why.WHOM, "them")
    yield from _of_conditions(words, steps)
    yield from _of_procedures(words, steps)
    yield from _of_things(tokens, words, {step.target for step in steps if step.tool not in READING})


def _of_manner(said: str, tools: set[str]) -> Iterator[Doubt]:
    """Give what doubts a change, puts another in its place, has no end, no such hour, or is said of services elsewhere."""
    if (undecided := _UNDECIDED.search(said)) is not None:
        yield Doubt(Why.CORRECTED, undecided[0].split()[0].strip(","))
    if (endless := _NO_END.search(said)) is not None and tools - {"hold", "pause"}:
        yield Doubt(Why.WHEN, endless[0])
    if (hour := _NO_CLOCK.search(said)) is not None:
        yield Doubt(Why.WHEN, hour[0])
    if (elsewhere := _ELSEWHERE.match(said)) is not None:
        yield Doubt(Why.WHOM, elsewhere[0].split()[-1])


def _of_things(tokens: Sequence[Token], words: Sequence[str], changed: set[str | None]) -> Iterator[Doubt]:
    """`restart logs` where a service is called so: quotes, or `the logs service`, say that it is meant."""
    for place, token in enumerate(tokens):
        if not token.quoted and token.text in changed and token.word in english_words.THINGS:
            near = {*words[max(0, place - 1) : place], *words[place + 1 : place + 2]}
            if not near & english_words.BESIDE:
                yield Doubt(Why.WHOM, token.text)


def _of_the_ends(words: Sequence[str], tokens: Sequence[Token], steps: Steps, known: Known) -> Iterator[Doubt]:
    """A command that begins or ends with a joining word is not whole."""
    plain = [word for word in words if word not in _POLITE]
    if plain and plain[-1] in _HANGING:
        yield Doubt(Why.UNKNOWN, plain[-1])
    if plain and plain[-2:] in (["along", "with"], ["together", "with"]):
        yield Doubt(Why.UNKNOWN, " ".join(plain[-2:]))
    if plain and plain[-1] == "before" and tokens[words.index("before") - 1].text in known.names:
        yield Doubt(Why.WHEN, "before")
    if ("or", "not") in itertools.pairwise(words):
        yield Doubt(Why.EITHER, "or not")
    if len(plain) == 1 and plain[0] in _ANSWERS:
        yield Doubt(Why.WHOM, plain[0])
    if plain and plain[0] in {"or", "either", "and/or", "neither"}:
        yield Doubt(Why.EITHER, plain[0])
    first = tokens[0].text if tokens and not tokens[0].quoted else ""
    if first[:1] == ">" and first not in known.names:
        yield Doubt(Why.REPORTS, first)  # quoted
    calls = first[:1] == "@" and not any(name in first.lower() for name in _ITSELF)
    if calls or (first[:1] == "!" and first not in known.names):
        yield Doubt(Why.UNKNOWN, first)  # said to somebody else; denied, or how a program is called
    nameless = any(step.tool in {"approve", "deny"} and "id" not in step.args for step in steps)
    if nameless and {"for", "to", "on", "first", "second", "third", "last", "other", "all", "both"} & set(
        plain
    ):  # ok for the help
        yield Doubt(Why.WHOM, plain[0])
    wished = _WISHED.search(" ".join(words))
    if wished and _DENIED.search(wished[0]):
        yield Doubt(Why.FORBIDS, wished[1])  # see to it that api isn't restarted
    elif wished and _CHECKED.search(wished[0]):
        yield Doubt(Why.UNKNOWN, wished[1])  # make sure that api was restarted: a look as well as an order
    if first == "/help":
        yield Doubt(Why.ASKS, first)


def _of_forms(words: Sequence[str], steps: Steps, tools: set[str]) -> Iterator[Doubt]:
    """`api restarts`, `approved 12`: somebody tells what happens, or what was done."""
    plain = [word for word in words if word not in _POLITE]
    because = {"because", "since", "as", "cause", "so", "that", "which", "when", "if"}
    if plain and _THIRD.get(plain[-1]) in tools and not because & set(plain):
        yield Doubt(Why.REPORTS, plain[-1])
    numbered = {step.tool for step in steps if "id" in step.args}
    for word in plain:
        if _ANSWERED.get(word) in numbered:
            yield Doubt(Why.REPORTS, word)


def _of_conditions(words: Sequence[str], steps: Steps) -> Iterator[Doubt]:
    """Give what a condition may have lost: `if api isn't down`, `> 500M or cpu`, `used more than 500M yesterday`."""
    conditions = {str(step.args["if"]) for step in steps if "if" in step.args}
    if not conditions:
        return
    if "or" in words:
        yield Doubt(Why.EITHER, "or")
    for word in {"was", "were", "had"} & set(words):
        yield Doubt(Why.SUPPOSES, word)
    for one, other in itertools.pairwise(words):
        kept = "unless" not in words and any(condition.endswith((" is up", " is healthy")) for condition in conditions)
        if one.endswith("n't") and other in _DOWN and not kept:
            yield Doubt(Why.SUPPOSES, f"{one} {other}")
    if any(" > " in condition for condition in conditions):
        for word in {"used", "yesterday", "stops", "stopped", "not", "never", "longer", "isn't", "doesn't"} & set(
            words
        ):
            yield Doubt(Why.SUPPOSES, word)


def _of_procedures(words: Sequence[str], steps: Steps) -> Iterator[Doubt]:
    """A procedure is told only what reads as such: `for march`, `2026-03`; `nah`, `failed` are nothing to tell it."""
    for step in steps:
        if step.tool != "run_gui_procedure":
            continue
        halts = next((word for word in words if word in _HALTS), None)
        if halts is not None:
            yield Doubt(Why.FORBIDS, halts)
        told = str(step.args.get("params", ""))
        if told and not _is_told(told, words):
            yield Doubt(Why.UNKNOWN, told)


def _is_told(told: str, words: Sequence[str]) -> bool:
    first, *_ = said = told.lower().split()
    if _NO_PARAMS & set(said) or said[:2] == ["last", "night"]:
        return False
    if _PARAMS.fullmatch(told):
        return True
    place = next((at for at, word in enumerate(words) if word == first), 0)
    before = [word for word in words[max(0, place - 2) : place] if word not in {"the", "a", "an", "our"}]
    return bool(before) and before[-1] in _GIVES
