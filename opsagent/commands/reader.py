"""`read(text, units)`: a command in plain words, as steps, or a question back. Pure; it never guesses.

A change runs only if every word is explained, in one way, and nothing in the text asks, forbids, supposes or counts
in a way that the vocabulary does not know. Everything else is asked back with the best reading as an offer.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from opsagent.commands import english, korean
from opsagent.commands.grammar import Clause, Matcher
from opsagent.commands.known import Known
from opsagent.commands.offers import MAX_INSTANCES, ask_back
from opsagent.commands.reading import Ask, CommandStep, Context, Language, Reading
from opsagent.commands.words import MAX_TEXT, Token, has_hangul, suspicious, tokenize, vocabulary
from opsagent.model import Scalar
from opsagent_tools.registry import READING
from opsagent_tools.units import Unit

_MAX_CLAUSES = 6
_MAX_ROWS = 16
_ASKS = vocabulary("is are was were why how what what's whats which has have hows how's does did 왜 어때")
_QUESTION_MARKS = frozenset("?？")

Steps = tuple[CommandStep, ...]
_ALONE = Context()


def read(text: str, units: Sequence[Unit], context: Context = _ALONE) -> Reading:  # noqa: ARG001  # soon
    """Read one command. `units` are those that exist now; their names are matched exactly. `context`: not leant on yet."""
    known = Known.of(units)
    text = unicodedata.normalize("NFC", text).strip()
    language: Language = "ko" if has_hangul(_without_names(text, known)) else "en"
    refused = _refuse(text, known)
    if refused is not None:
        return Reading(ask=refused, language=language)
    tokens = tokenize(text)
    readings = _readings(tokens, language, known)
    if len(readings) == 1:
        steps, doubt = readings[0]
        if not doubt:
            return Reading(steps=steps, language=language)
        return Reading(ask=_doubtful(steps, doubt, known), language=language)
    understood = tuple(steps for steps, _ in readings)
    return Reading(ask=ask_back(text, tokens, language, known, understood), language=language)


def _doubtful(steps: Steps, doubt: str, known: Known) -> Ask:
    if any(step.target is not None and len(known.named(step.target)) > 1 for step in steps):
        every = tuple(
            (CommandStep(tool=steps[0].tool, target=str(unit.id), args=steps[0].args, risk=steps[0].risk),)
            for unit in known.named(steps[0].target or "")
        )
        return Ask(kind="ambiguous_unit", question=doubt, offers=every if len(steps) == 1 else ())
    counts = [int(step.args["instances"]) for step in steps if step.tool == "scale"]
    possible = all(1 <= count <= MAX_INSTANCES for count in counts)
    return Ask(kind="unclear", question=doubt, offers=(steps,) if possible else ())


def _refuse(text: str, known: Known) -> Ask | None:
    """Turn away what cannot be a command before anyone looks at its words."""
    if not text:
        return Ask(kind="empty", question="Say what to do, for instance: reload api safely")
    if len(text) > MAX_TEXT:
        return Ask(kind="too_long", question=f"That is {len(text)} characters; a command has at most {MAX_TEXT}")
    reason = suspicious(text, known.names)
    if reason:
        return Ask(kind="unsafe_text", question=f"I do not act on this text: {reason}. Type it anew, in plain letters")
    return None


def _without_names(text: str, known: Known) -> str:
    return " ".join(word for word in text.split() if word not in known.names)


def _readings(tokens: tuple[Token, ...], language: Language, known: Known) -> list[tuple[Steps, str]]:
    """Return every distinct way to explain all of the text, each with what makes it doubtful, if anything."""
    asks = any(token.text in _QUESTION_MARKS and not token.quoted for token in tokens)
    while tokens and tokens[-1].text in _QUESTION_MARKS:
        tokens = tokens[:-1]
    grammar = english.GRAMMAR
    if language == "ko":
        grammar, tokens = korean.GRAMMAR, korean.split(tokens, known.names)
    readings: dict[str, tuple[Steps, str]] = {}
    for clauses in _Texts(Matcher(grammar, tokens, known.names)).from_(0):
        steps = tuple(step for clause in clauses for step in _steps(clause, known))
        readings.setdefault(repr([step.to_json() for step in steps]), (steps, _doubt(clauses, tokens, asks, known)))
    return list(readings.values())


class _Texts:
    """Finds every row of clauses that explains a text to its end; what follows a place is worked out once."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._rows: dict[int, tuple[tuple[Clause, ...], ...]] = {}

    def from_(self, start: int) -> tuple[tuple[Clause, ...], ...]:
        """Return the rows that explain all tokens from `start` on; a few of them where there are many."""
        if start not in self._rows:
            rows = itertools.islice(dict.fromkeys(self._find(start)), _MAX_ROWS)
            self._rows[start] = tuple(row for row in rows if len(row) <= _MAX_CLAUSES)
        return self._rows[start]

    def _find(self, start: int) -> Iterator[tuple[Clause, ...]]:
        found = {one for begin in self._skipping("lead", start) for one in self._matcher.clauses(begin)}
        for clause, end in sorted(found, key=repr):
            for after in self._skipping("tail", end):
                if after == len(self._matcher.tokens) and not clause.goes_on:
                    yield (clause,)
                following = set(self._matcher.phrase("join", after)) | ({after} if clause.goes_on else set())
                for place in following:
                    yield from ((clause, *row) for row in self.from_(place))

    def _skipping(self, name: str, start: int) -> set[int]:
        """Return `start` and every place that is reached from it over phrases of the set `name`."""
        reached, frontier = {start}, [start]
        while frontier:
            fresh = set(self._matcher.phrase(name, frontier.pop())) - reached
            reached |= fresh
            frontier.extend(fresh)
        return reached


def _steps(clause: Clause, known: Known) -> Iterator[CommandStep]:
    args = _args(clause)
    for name in clause.units or (None,):
        yield known.step(clause.tool, name, args)


def _args(clause: Clause) -> Mapping[str, Scalar]:
    number = {"scale": "instances", "tail_logs": "lines"}.get(clause.tool, "n")
    return {number if key == "n" else key: value for key, value in clause.args}


def _doubt(clauses: tuple[Clause, ...], tokens: tuple[Token, ...], asks: bool, known: Known) -> str:
    """Return why understood text still may not run, or an empty string."""
    twice = [name for clause in clauses for name in clause.units if len(known.named(name)) > 1]
    if twice:
        ids = ", ".join(str(unit.id) for unit in known.named(twice[0]))
        return f"There is more than one {twice[0]} ({ids}); say which by its full id"
    changes = [clause for clause in clauses if clause.tool not in READING]
    if not changes:
        return ""
    if asks:
        return "That is a question, and it names a change. Shall I do it"
    if len(changes) < len(clauses) and any(token.word in _ASKS for token in tokens):
        return "That asks and changes in one sentence. Shall I do it"
    names = [name for clause in changes for name in clause.units]
    if len(names) != len(set(names)):
        return "That changes one unit more than once. Shall I do all of it"
    return next(filter(None, (_count_doubt(clause, known) for clause in changes)), "")


def _count_doubt(clause: Clause, known: Known) -> str:
    if clause.tool != "scale":
        return ""
    wanted = int(_args(clause)["instances"])
    if not 1 <= wanted <= MAX_INSTANCES:
        return f"A command takes 1 to {MAX_INSTANCES} instances, not {wanted}; to run none, say stop"
    for name in clause.units:
        now = known.named(name)[0].instances
        if (clause.towards == "up" and wanted <= now) or (clause.towards == "down" and wanted >= now):
            return f"{name} runs {now} already, so {wanted} is not {clause.towards}. Shall I set it"
    return ""
