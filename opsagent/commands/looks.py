"""From a clause to what is to be looked at: questions, and orders to show something. Pure, the same for all languages.

Laxer than changes are: a wrong look costs a glance. Words that nobody knows are passed over where a unit is known.
"""

from __future__ import annotations

from opsagent.commands.asking import acts, has_done, tool_of
from opsagent.commands.clauses import Clause, Doubt, Why
from opsagent.commands.frames import CHANGES, LOOKING, Call
from opsagent.commands.tags import COMMANDING, NEAR, Role, Tag
from opsagent.model import Scalar

_MAX_UNKNOWN = 3
_EASY_VERBS = frozenset(
    {"get", "give", "have", "do", "take", "let", "run", "make", "send", "hand", "pull", "go", "keep"}
)


def look_of(clause: Clause, *, asked: bool) -> Call | None:
    """Return what a clause asks to look at; None: nothing that anyone could name."""
    tool = tool_of(clause, asked=asked)
    if tool is None:
        return None
    targets = tuple(tag for tag in clause.targets if tag.role is not Role.ALL)
    ordered = any(tag.value in LOOKING and tag.form in COMMANDING for tag in clause.of(Role.VERB))
    asks = not ordered and (any(tag.value != "mark" for tag in clause.of(Role.QUESTION)) or asked)
    return Call(
        tool,
        targets,
        args=_args(clause, tool),
        doubts=tuple(_doubts(clause, tool, targets, asks=asks)),
        join=clause.join,
        asks=asks,
    )


def _told_of(clause: Clause) -> bool:
    """Tell whether a no in a question is part of what is asked: `why doesn't api start`; not `why don't you start api`."""
    no = next((place for place, tag in enumerate(clause.tags) if tag.role is Role.NEGATION), 0)
    after = clause.tags[no + 1] if no + 1 < len(clause.tags) else None
    return after is None or not (after.role is Role.GLUE and after.value in {"i", "me"})


def _is_a_thing(clause: Clause) -> bool:
    """Tell whether a change is spoken of as something that was: `what caused the restart of api`."""
    verbs = [place for place, tag in enumerate(clause.tags) if tag.role is Role.VERB and tag.value in CHANGES]
    return all(
        place > 0 and clause.tags[place - 1].role is Role.GLUE and clause.tags[place - 1].value in {"the", "last"}
        for place in verbs
    )


def _args(clause: Clause, tool: str) -> dict[str, Scalar]:
    args: dict[str, Scalar] = {}
    if tool in {"tail_logs", "search_logs"}:
        numbers = [tag for tag in clause.of(Role.NUMBER) if tag.form != "size" and tag.value.isdigit()]
        if numbers and tool == "tail_logs":
            args["lines"] = int(numbers[0].value)
    if tool == "search_logs":
        said = [tag.value for tag in clause.of(Role.QUERY)] or _unknown_query(clause)
        args["query"] = " ".join(said) if said else "error"
    since = _since(clause)
    if since and tool in {"tail_logs", "search_logs", "recall_incidents"}:
        args["since"] = since
    return args


def _unknown_query(clause: Clause) -> list[str]:
    return [] if clause.has(Role.NOUN, "errors") else [tag.value for tag in clause.of(Role.UNKNOWN)]


def _since(clause: Clause) -> str:
    for tag in clause.of(Role.DURATION):
        return tag.value.split("|")[0]
    for tag in clause.of(Role.TIME):
        if tag.form in {"since", "past"}:
            return tag.value
        if tag.value.startswith("in "):
            return tag.value.removeprefix("in ")
    return ""


def _doubts(clause: Clause, tool: str, targets: tuple[Tag, ...], *, asks: bool) -> list[Doubt]:
    found: list[Doubt] = []
    commanding = [tag for tag in clause.of(Role.VERB) if tag.value in CHANGES and tag.form in COMMANDING | {NEAR}]
    if commanding and not (asks and tool == "recall_incidents"):
        found.append(Doubt(Why.MIXED, commanding[0].value))
    asked = {tag.value for tag in clause.of(Role.QUESTION)}
    named = has_done(clause) or _is_a_thing(clause) or bool(asked & {"why", "who", "how_fixed"})
    told = tool == "recall_incidents" and named and not clause.has(Role.NEGATION)
    if acts(clause) and not told:
        found.append(Doubt(Why.MIXED, "verb"))
    strange = [tag for tag in clause.of(Role.VERB) if tag.form == "light" and tag.value not in _EASY_VERBS]
    if strange:
        found.append(Doubt(Why.UNKNOWN, strange[0].said or strange[0].value))
    if asked & {"why", "how_fixed"} and any(tag.form == "negated" for tag in clause.of(Role.VERB)):
        found.append(Doubt(Why.ASKS))  # why don't you restart it
    supposing = [tag for tag in clause.of(Role.VERB) if tag.form in {"conditional", "question"}]
    if supposing:
        found.append(Doubt(Why.SUPPOSES, supposing[0].value))
    if clause.has(Role.EXCEPT):
        found.append(Doubt(Why.LEFT_OUT))
    why = any(tag.value == "why" for tag in clause.of(Role.QUESTION))
    for tag in clause.tags:
        if tag.role is Role.NEGATION and not (why and _told_of(clause)):
            found.append(Doubt(Why.FORBIDS, tag.value))
        if tag.role is Role.DOUBT and tag.value != "vague time" and (tag.form != "when" or acts(clause)):
            found.append(Doubt(Why.SUPPOSES, tag.value))
        if tag.role in {Role.TEXT, Role.PROCEDURE, Role.PARAMS}:
            found.append(Doubt(Why.MIXED, tag.value))
        if tag.role is Role.CONDITION and tool != "recall_incidents":  # tell me when it is down: nobody does
            found.append(Doubt(Why.SUPPOSES, tag.value))
    bare = not asked and not any(tag.value in LOOKING for tag in clause.of(Role.VERB)) and tool == "describe_process"
    if bare and clause.has(Role.UNKNOWN):
        found.append(Doubt(Why.UNKNOWN, clause.of(Role.UNKNOWN)[0].value))
    found.extend(_of_unknown_words(clause, tool, targets))
    return found


def _of_unknown_words(clause: Clause, tool: str, targets: tuple[Tag, ...]) -> list[Doubt]:
    unknown = clause.of(Role.UNKNOWN)
    if not unknown or (tool == "search_logs" and not clause.has(Role.QUERY) and targets):
        return []
    if not targets:
        called = [
            tag for place, tag in enumerate(clause.tags) if tag.role is Role.UNKNOWN and _is_called(clause, place)
        ]
        alone = tool in {"host_metrics", "list_processes"}
        return [Doubt(Why.NO_UNIT, (called or unknown)[0].value)] if called or not alone else []
    if len(unknown) > _MAX_UNKNOWN:
        return [Doubt(Why.UNKNOWN, unknown[0].value)]
    for place, tag in enumerate(clause.tags):
        listed = place > 0 and clause.tags[place - 1].role is Role.JOIN
        if tag.role is Role.UNKNOWN and (listed or any(char in "-_/.0123456789" for char in tag.value)):
            return [Doubt(Why.NO_UNIT, tag.value)]
    return []


def _is_called(clause: Clause, place: int) -> bool:
    """Tell whether an unknown word stands where a unit's name does: `status of foo`, `is foo up`, `foo status`."""
    before = next((tag for tag in reversed(clause.tags[:place]) if tag.value not in {"the", "", "still"}), None)
    after = clause.tags[place + 1] if place + 1 < len(clause.tags) else None
    bound = before is not None and (
        (before.role is Role.GLUE and before.value in {"of", "for", "on", "in", "from"})
        or (before.role is Role.QUESTION and before.value == "is")
        or (before.role is Role.VERB and after is None)
    )
    leads = after is not None and after.role is Role.NOUN and after.value in {"status", "logs", "memory", "cpu", "load"}
    return bound or leads
