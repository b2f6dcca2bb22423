"""What each piece of a command is for. A leaf: the languages give tags, the frames build calls from them.

A language (`english`, `korean`) explains the words of a text by roles; it knows forms, phrases, particles and word
order. What it gives back is the same for all of them, so that what a command means is decided in one place
(`opsagent.commands.frames`). Words that it cannot explain stay in the row as UNKNOWN: nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from opsagent.commands.known import Known
    from opsagent.commands.reading import Context
    from opsagent.commands.words import Token


class Role(StrEnum):
    """What a piece of a command is for; in brackets what `Tag.value` is."""

    VERB = "verb"
    """What is to be done [a tool of `opsagent_tools.registry.SPOKEN`, or one of `VERBS`]; `Tag.form` is its form."""
    UNIT = "unit"
    """A unit [its name as `Known.named` takes it]; form: "" where it is written so, or NEAR."""
    GROUP = "group"
    """Several units under one name [a key of `Context.groups`]."""
    ALL = "all"
    """Everything [`all`]."""
    EXCEPT = "except"
    """Except, but not, 빼고, 말고 [`except`]: the units beside it are left out. English: stands before them; Korean:
    behind them."""
    PRONOUN = "pronoun"
    """What was spoken of [`it` or `them`]; form `own` where it owns what follows (`its logs`)."""
    NUMBER = "number"
    """A number [digits]; form: `lines`, `instances`, `more` or `fewer` (two more), `by` (by 2), `to` (from 2 to 4: 4)."""
    DURATION = "duration"
    """A length of time [`30m`, `2h`, `3d`]; form `since` (how far back) or `for` (how long)."""
    TIME = "time"
    """When to do it [the canonical `at`: `03:00`, `tomorrow 03:00`, `every monday 03:00`, `in 10m`]. Form `until`:
    how long a hold lasts, as a time; form `since`: from when on something is looked at; form `past`: when something
    was (`last night`), of reading only [empty, or a duration that reaches back so far]."""
    CONDITION = "condition"
    """A whole condition that was understood [`api is down`, with `it` for a pronoun: `it is down`]."""
    MANNER = "manner"
    """How [`safely`]."""
    QUESTION = "question"
    """A word that asks [`why`, `how`, `what`, `which`, `when`, `who`, `is`, `did`, `mark` for a question mark]."""
    NOUN = "noun"
    """A thing that tools speak of [one of `NOUNS`]."""
    STATE = "state"
    """How something is [`up`, `down`, `healthy`, `unhealthy`, `stopped` for those; else `bad`, or `well`]; form: `past`
    where it is said to have happened (died, 죽었어)."""
    QUERY = "query"
    """What to look for [the text]."""
    PROCEDURE = "procedure"
    """A procedure on a screen [its name as `Context.procedures` has it]."""
    PARAMS = "params"
    """What a procedure is told [the text]."""
    TEXT = "text"
    """Words that are kept whole [the text]: what follows `remember:`, 기억해."""
    ID = "id"
    """Of a question of the agent [as written]."""
    REASON = "reason"
    """A whole subordinate clause that says why (because it leaks; api is stuck, so …) [the unit that it names, or ""]."""
    JOIN = "join"
    """What joins [`and`: lists and clauses; `or`; `,`; `then`: the next thing to do; `.`: a sentence ends; `but`;
    `instead`: but, after what was forbidden]."""
    CORRECTION = "correction"
    """No wait, I mean, 아니: what comes before it was a slip."""
    FILLER = "filler"
    """Explained, and changes nothing: please, quickly, thanks, real quick, 좀."""
    REQUEST = "request"
    """Asks politely for what follows (can you, could you, I want you to): a question mark is no doubt then."""
    GLUE = "glue"
    """Small words and particles that bind [the word]: of, the, to, 를, 에서."""
    NEGATION = "negation"
    """A no that belongs to nothing that was understood: always a doubt."""
    DOUBT = "doubt"
    """Maybe, should, what if, a condition that was not understood [the word]: always a doubt."""
    UNKNOWN = "unknown"
    """No one knows [the word]."""


NEAR = "near"
"""Form of a UNIT that is not written exactly so (a slip, another case, a plural), and that only one unit is near to."""

VERBS = ("show", "search", "check", "scale_up", "scale_down", "kill", "touch")
"""Verbs beside the tools: look at what the nouns name; look for; see how it is; more and fewer instances; end by
force (only offered, as a stop); do anything at all (`don't touch api`)."""

NOUNS = (
    "logs", "errors", "lines", "status", "incidents", "release", "instances", "cpu", "memory", "disk", "load",
    "machine", "services", "unit", "hold", "agent", "approval", "procedure", "uptime", "fix", "cause",
)  # fmt: skip
"""`services`: all of them (what is running); `unit`: a noun beside a name (the api service); `agent`: the agent
itself; `approval`: a question that it asks; `fix`: what helped; `cause`: why it happened."""

COMMANDING = frozenset({"imperative", "then"})
"""Forms of a verb that ask for it to be done; `then`: and something follows (중지하고)."""
FORMS = (
    "imperative", "then", "noun", "infinitive", "gerund", "participle", "past", "third", "question", "conditional",
    "negated", "attributive",
)  # fmt: skip
"""Forms of a VERB. `noun`: restart please, 재시작 부탁: asks where nothing else in the clause does, and nothing speaks
against it. `negated`: don't restart, 재시작하지 마 (말고). Form of a slip: `near`."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One piece of a command, with its role."""

    role: Role
    value: str
    start: int
    """Index of its first token."""
    end: int
    """Index behind its last token."""
    form: str = ""
    said: str = field(default="", compare=False)
    """The words themselves, where `value` is not what a person would recognise."""

    def like(self, value: str, form: str | None = None) -> Tag:
        """Return it with another value, and form if one is given."""
        return replace(self, value=value, form=self.form if form is None else form)


Row = tuple[Tag, ...]
"""A text, explained in one way: tags that follow each other from its first token to its last."""


class Tongue(Protocol):
    """One language."""

    verb_last: bool
    """The verb ends its clause."""

    def tags(self, tokens: Sequence[Token], known: Known, context: Context) -> tuple[Row, ...]:
        """Return every way to explain the tokens, likeliest first; at most `MAX_ROWS`. Never empty.

        Where a unit's name is a word of the language, too, both are given. Longest phrases win over shorter ones.
        """
        ...


MAX_ROWS = 16
