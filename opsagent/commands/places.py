"""Where the words of a clause stand: what binds, who is meant, and who is left out. Pure, the same for all languages.

In English order is evidence: a small word stands beside what it binds, and names stand together.
"""

from __future__ import annotations

import itertools

from opsagent.commands.clauses import TARGETS, Clause, Doubt, Why
from opsagent.commands.tags import Role, Tag

EASY = frozenset({"the", "me", "still", "particle"})
"""Small words that mean nothing by themselves."""


def is_in_place(clause: Clause, place: int) -> bool:
    """Tell whether a small word stands where it binds a verb or a noun to who is meant, or to a number."""
    tag = clause.tags[place]
    if tag.value in EASY:
        return True
    before = next((one for one in reversed(clause.tags[:place]) if one.role not in _PASSED), None)
    after = next(
        (one for one in clause.tags[place + 1 :] if one.role is not Role.FILLER and one.value not in EASY), None
    )
    if before is None or after is None:
        return tag.value in {"up", "down", "back"} and before is not None and before.role in TARGETS | {Role.VERB}
    if after.role is Role.TIME and tag.value in {"for", "on", "at"}:
        return True
    if tag.value in {"of", "on", "for"}:
        leads = before.role is Role.VERB or (
            before.role is Role.NOUN and before.value in {"instances", "last_release", "release", "hold"}
        )
        return leads and after.role in TARGETS
    if tag.value in {"to", "at"}:
        return after.role is Role.NUMBER or (after.role is Role.NOUN and after.value in {"last_release", "release"})
    if tag.value in {"up", "down", "out"}:
        return (before.role in TARGETS or before.role is Role.VERB) and (
            after.role is Role.NUMBER or after.value == "to"
        )
    return tag.value == "number" and after.role is not Role.UNKNOWN


_PASSED = frozenset({Role.FILLER, Role.MANNER})


def of_the_list(clause: Clause) -> list[Doubt]:
    """Names stand together, with a join between them, and not on both sides of the verb."""
    places = [place for place, tag in enumerate(clause.tags) if tag.role in TARGETS]
    if any(tag.role is Role.EXCEPT for tag in clause.tags):
        return []
    if _is_labelled(clause, places):
        return []
    for one, other in itertools.pairwise(places):
        between = clause.tags[one + 1 : other]
        joined = any(tag.role is Role.JOIN for tag in between)
        easy = all(
            tag.role in {Role.JOIN, Role.FILLER} or tag.value in EASY or (tag.role is Role.NOUN and tag.value == "unit")
            for tag in between
        )
        if not joined or not easy:
            return [Doubt(Why.WHOM, clause.tags[other].value)]
    return []


def _is_labelled(clause: Clause, places: list[int]) -> bool:
    """`api: restart it`, `worker, stop it please`: a name that begins the sentence, and then only `it`."""
    if len(places) != 2 or clause.tags[places[0]].role is not Role.UNIT:
        return False
    one, other = clause.tags[places[0]], clause.tags[places[1]]
    before = all(tag.role is Role.FILLER or tag.value in EASY for tag in clause.tags[: places[0]])
    joined = any(tag.role is Role.JOIN and tag.value == "," for tag in clause.tags[places[0] : places[1]])
    named = not one.form and other.role is Role.PRONOUN and other.value == "it" and not other.form
    verb = any(tag.role is Role.VERB for tag in clause.tags[places[0] : places[1]])
    return before and joined and named and verb


def parted(clause: Clause, *, verb_last: bool) -> tuple[tuple[Tag, ...], tuple[Tag, ...]]:
    """Return who is meant, and who is left out: behind the word in English, before it in Korean."""
    place = next((at for at, tag in enumerate(clause.tags) if tag.role is Role.EXCEPT), None)
    if place is None:
        places = [at for at, tag in enumerate(clause.tags) if tag.role in TARGETS]
        return (clause.targets[:1] if not verb_last and _is_labelled(clause, places) else clause.targets), ()
    before = tuple(tag for tag in clause.tags[:place] if tag.role in TARGETS)
    after = tuple(tag for tag in clause.tags[place + 1 :] if tag.role in TARGETS)
    return (after, before) if verb_last else (before, after)


def ends_with_whom(clause: Clause) -> bool:
    """Tell whether who is left out ends an English clause: one by name, or of all of them a list."""
    place = next(at for at, tag in enumerate(clause.tags) if tag.role is Role.EXCEPT)
    rest = [tag for tag in clause.tags[place + 1 :] if tag.role is not Role.FILLER and tag.value not in EASY]
    every = any(tag.role is Role.ALL for tag in clause.tags[:place])
    plain = all(tag.role in {Role.UNIT, Role.JOIN} or (tag.role is Role.NOUN and tag.value == "unit") for tag in rest)
    one = clause.tags[place].value == "not" and sum(tag.role is Role.UNIT for tag in rest) == 1
    return plain and (every or one)


def leaves_out_clearly(clause: Clause, tool: str, targets: tuple[Tag, ...], left_out: tuple[Tag, ...]) -> bool:
    """Tell whether it is written plainly who is left out, and of whom: all of them, or others by their names.

    Whoever stops all but one is asked.
    """
    plain = all(tag.role is Role.UNIT and not tag.form for tag in left_out)
    every = [tag.role for tag in targets] == [Role.ALL] and tool in {"restart", "reload", "start"}
    listed = bool(targets) and all(tag.role is Role.UNIT and not tag.form for tag in targets)
    apart = not {tag.value for tag in targets} & {tag.value for tag in left_out}
    return plain and apart and (every or listed) and len(clause.of(Role.EXCEPT)) == 1
