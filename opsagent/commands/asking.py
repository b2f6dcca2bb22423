"""Which reading tool a clause asks for: what it names, what it asks, whom it is about. Pure, the same for all languages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from opsagent.commands.clauses import TARGETS, Clause
from opsagent.commands.frames import CHANGES
from opsagent.commands.tags import COMMANDING, NEAR, Role

_MACHINE = frozenset({"cpu", "memory", "disk", "load", "machine"})
_HISTORY = frozenset({"incidents", "fix", "cause"})
_OF_A_UNIT = frozenset({"status", "uptime", "release", "last_release", "instances", "services", "hold"}) | _MACHINE


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a clause says, as far as it tells what to look at."""

    clause: Clause
    nouns: frozenset[str]
    questions: frozenset[str]
    looks: frozenset[str]
    """Of show, check and search those that are said."""
    who: bool
    """Whether anyone is named."""
    mark: bool
    """Whether a question mark ends the text."""

    @property
    def strange(self) -> bool:
        """Whether it has a word that nobody knows."""
        return self.clause.has(Role.UNKNOWN)


def tool_of(clause: Clause, *, asked: bool) -> str | None:
    """Return the tool that a clause asks for; None: none that anyone could name. `asked`: a question mark ends the text."""
    verbs = {tag.value for tag in clause.of(Role.VERB) if tag.form in COMMANDING | {NEAR, "noun", "light"}}
    said = _Asked(
        clause,
        nouns=clause.nouns() - {"unit"},
        questions=_questions(clause, asked=asked),
        looks=frozenset(verbs & {"show", "check", "search"}),
        who=any(tag.role is not Role.ALL for tag in clause.targets),
        mark=asked,
    )
    return next((tool for tool, asks in _TOOLS if asks(said)), None)


def _is_search(said: _Asked) -> bool:
    clause, nouns = said.clause, said.nouns
    if clause.has(Role.QUERY) or ("errors" in nouns and "why" not in said.questions and not acts(clause)):
        return True
    if not said.strange:
        return False
    inside = any(tag.value == "in" for tag in clause.of(Role.GLUE))
    wonders = said.who and (
        (inside and "there" in said.questions)
        or ("logs" in nouns and said.questions & {"is", "there"} and not said.looks)
    )
    return bool(wonders) or ("search" in said.looks and "logs" in nouns)


def _is_of_logs(said: _Asked) -> bool:
    clause = said.clause
    if any(tag.value == "tail_logs" for tag in clause.of(Role.VERB)):
        return True
    if said.who and {"what", "say"} <= said.questions:
        return True
    last = clause.has(Role.GLUE, "last") and not clause.of(Role.VERB)
    if said.who and clause.has(Role.NUMBER) and not said.nouns and ("show" in said.looks or last):
        return True
    return bool(said.nouns & {"logs", "lines"}) and "why" not in said.questions


def _is_how_much(said: _Asked) -> bool:
    return said.who and "how_much" in said.questions


def _is_of_the_past(said: _Asked) -> bool:
    clause, questions = said.clause, said.questions
    if questions & {"why", "how_fixed"} or ("who" in questions and clause.of(Role.VERB)) or said.nouns & _HISTORY:
        return True
    if not clause.targets and "how_often" not in questions and (said.strange or clause.of(Role.VERB)):
        return False
    ill = any(tag.value in {"bad", "down", "unhealthy"} for tag in clause.of(Role.STATE))
    happened = any(tag.form == "past" for tag in clause.of(Role.STATE)) or (ill and clause.has(Role.DURATION))
    if "how_often" in questions:
        return has_done(clause) or happened or ill
    base = any(tag.form == "base" and tag.value != "up" for tag in clause.of(Role.STATE))
    return bool(questions) and (happened or (has_done(clause) and "is" in questions) or base)


def _is_wrong_with_it(said: _Asked) -> bool:
    return said.who and "wrong" in said.questions


def _is_of_all(said: _Asked) -> bool:
    clause, nouns, questions = said.clause, said.nouns, said.questions
    if "wrong" in questions:
        return True
    if said.who or (nouns & _MACHINE and not (nouns == {"machine"} and "what" in questions and clause.has(Role.STATE))):
        return False
    state = clause.has(Role.STATE)
    every = clause.has(Role.ALL) or "services" in nouns
    if every and (said.looks or questions or nouns or state):
        return True
    if nouns in ({"status"}, {"machine"}):
        return True
    return bool(questions & {"what", "how_much", "is"}) and state and not clause.has(Role.PRONOUN)


def _is_of_the_machine(said: _Asked) -> bool:
    return bool(said.nouns & _MACHINE) and not said.who


def _is_of_a_unit(said: _Asked) -> bool:
    if not said.who:
        return False
    if said.mark and not said.clause.of(Role.VERB) and not said.strange:
        return True
    named = said.nouns & _OF_A_UNIT or said.looks or said.questions - {"mark"}
    return bool(named) or (said.mark and _is_somehow(said.clause))


_TOOLS: tuple[tuple[str, Callable[[_Asked], bool]], ...] = (
    ("search_logs", _is_search), ("tail_logs", _is_of_logs), ("describe_process", _is_how_much),
    ("recall_incidents", _is_of_the_past), ("describe_process", _is_wrong_with_it), ("list_processes", _is_of_all),
    ("host_metrics", _is_of_the_machine), ("describe_process", _is_of_a_unit),
)  # fmt: skip
"""The first that fits is meant."""


def acts(clause: Clause) -> bool:
    """Tell whether a change is named that is not forbidden."""
    return any(tag.value in CHANGES and tag.form != "negated" for tag in clause.of(Role.VERB))


def _questions(clause: Clause, *, asked: bool) -> frozenset[str]:
    """Return what is asked; `is` behind whom it is about only tells: `api was restarted`."""
    first = next((place for place, tag in enumerate(clause.tags) if tag.role in TARGETS), len(clause.tags))
    return frozenset(
        tag.value
        for place, tag in enumerate(clause.tags)
        if tag.role is Role.QUESTION and (asked or place < first or tag.value != "is")
    )


def _is_somehow(clause: Clause) -> bool:
    """Tell whether a state stands behind whom it is about: `is api down`; not `has somebody stopped api`."""
    first = next((place for place, tag in enumerate(clause.tags) if tag.role in TARGETS), -1)
    return any(tag.role is Role.STATE and place > first for place, tag in enumerate(clause.tags))


def has_done(clause: Clause) -> bool:
    """Tell whether it is asked what somebody did: `did api restart`; not what was done to it: `did you restart api`."""
    names = [place for place, tag in enumerate(clause.tags) if tag.role in TARGETS]
    verbs = [
        place
        for place, tag in enumerate(clause.tags)
        if tag.role is Role.VERB and tag.value in CHANGES and tag.form in {"past", "noun", "imperative"}
    ]
    return bool(names) and any(names[0] < place for place in verbs)
