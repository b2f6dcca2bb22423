"""From a row of tags to clauses: what is said in one breath, about one thing to do. Pure, and the same for all languages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from opsagent.commands.tags import Role, Row, Tag

TARGETS = frozenset({Role.UNIT, Role.GROUP, Role.ALL, Role.PRONOUN})
_OPEN = frozenset({Role.VERB, Role.QUESTION, Role.NOUN, Role.QUERY, Role.PROCEDURE, Role.TEXT, Role.STATE})
"""What a clause is about; words without any of it belong to the clause beside them."""
_SOFT = frozenset({"and", ",", "or", ""})


class Why(StrEnum):
    """Why something that was read may still not run."""

    FORBIDS = "forbids"
    SUPPOSES = "supposes"
    ASKS = "asks"
    REPORTS = "reports"
    UNKNOWN = "unknown"
    NEAR = "near"
    SLIP = "slip"
    MIXED = "mixed"
    COUNT = "count"
    WHOM = "whom"
    WHEN = "when"
    TWICE = "twice"
    EITHER = "either"
    CORRECTED = "corrected"
    RELATIVE = "relative"
    MANY_VERBS = "many_verbs"
    LEFT_OUT = "left_out"
    NO_UNIT = "no_unit"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason to ask instead of doing."""

    why: Why
    word: str = ""
    """The word that it is about, where there is one."""


@dataclass(frozen=True, slots=True)
class Clause:
    """The tags of one clause, and how it is joined to the one before."""

    tags: Row
    join: str = ""
    """The value of the JOIN before it; empty: it is the first, or nothing joins it."""

    def of(self, role: Role, form: str | None = None) -> tuple[Tag, ...]:
        """Return its tags of one role."""
        return tuple(tag for tag in self.tags if tag.role is role and form in (None, tag.form))

    def has(self, role: Role, value: str | None = None) -> bool:
        """Tell whether it has such a tag."""
        return any(tag.role is role and value in (None, tag.value) for tag in self.tags)

    @property
    def targets(self) -> tuple[Tag, ...]:
        """The tags that say who is meant, `its` among them, in their order."""
        return tuple(tag for tag in self.tags if tag.role in TARGETS)

    def nouns(self) -> frozenset[str]:
        """Return the things that it speaks of."""
        return frozenset(tag.value for tag in self.of(Role.NOUN))


@dataclass(slots=True)
class _Piece:
    join: str
    tags: list[Tag] = field(default_factory=list)
    lead: Tag | None = None

    def opens(self) -> bool:
        return any(
            tag.role in _OPEN and not (tag.role is Role.NOUN and tag.value in {"lines", "unit"}) for tag in self.tags
        )

    def says(self) -> bool:
        return any(tag.role is not Role.FILLER for tag in self.tags)


def clauses(row: Row, *, verb_last: bool) -> tuple[Clause, ...]:
    """Return the clauses of a row; lists stay together: `restart api, worker and web`."""
    pieces = [piece for piece in _pieces(row, verb_last=verb_last) if piece.says()]
    return tuple(Clause(tuple(piece.tags), piece.join) for piece in _merged(pieces, verb_last=verb_last))


def _pieces(row: Row, *, verb_last: bool) -> Iterator[_Piece]:
    piece = _Piece("")
    for tag in row:
        if tag.role is Role.JOIN:
            if piece.says():
                yield piece
                piece = _Piece(tag.value, lead=tag)
            else:
                piece.join, piece.lead = _stronger(piece.join, tag.value), tag
                piece.tags.clear()
        else:
            piece.tags.append(tag)
            if verb_last and tag.role is Role.VERB and tag.form in {"then", "negated"}:
                yield piece
                piece = _Piece("then" if tag.form == "then" else "instead")
    yield piece


def _stronger(one: str, other: str) -> str:
    order = ("", ",", "and", "or", "but", ".", "then", "instead")
    return max(one, other, key=order.index)


def _merged(pieces: list[_Piece], *, verb_last: bool) -> list[_Piece]:
    """Put what only lists, times or explains to the clause that it belongs to."""
    found: list[_Piece] = []
    waiting: list[_Piece] = []
    for piece in pieces:
        if piece.opens():
            for early in reversed(waiting):
                piece.tags[:0] = [*early.tags, *([piece.lead] if piece.lead else [])]
                piece.join, piece.lead = early.join, early.lead
            waiting = []
            found.append(piece)
        elif found and not verb_last and not waiting and (_counts_anew(found[-1], piece) or _goes_on(found[-1], piece)):
            found.append(_again(found[-1], piece))
        elif (found and not verb_last and not waiting and _belongs_before(found[-1], piece)) or (
            verb_last and found and not any(tag.role in TARGETS for tag in piece.tags)
        ):
            found[-1].tags.extend([*([piece.lead] if piece.lead else []), *piece.tags])
        else:
            waiting.append(piece)
    if (
        waiting
        and found
        and not (
            not verb_last and any(tag.role in TARGETS for tag in waiting[0].tags) and waiting[0].join in {".", "then"}
        )
    ):
        for piece in waiting:
            found[-1].tags.extend([*([piece.lead] if piece.lead else []), *piece.tags])
        waiting = []
    return found + waiting


def _counts_anew(before: _Piece, piece: _Piece) -> bool:
    """`scale web to 3 and api to 2`: the verb holds for both, each with a number (or a time) of its own."""
    roles = [{tag.role for tag in one.tags} for one in (before, piece)]
    named = all(one & TARGETS for one in roles)
    return named and any(all(role in one for one in roles) for role in (Role.NUMBER, Role.TIME))


def _again(before: _Piece, piece: _Piece) -> _Piece:
    kept = [tag for tag in before.tags if tag.role in {Role.VERB, Role.NOUN, Role.MANNER, Role.REQUEST}]
    return _Piece(piece.join, [*kept, *piece.tags], piece.lead)


def _goes_on(before: _Piece, piece: _Piece) -> bool:
    """`restart api, then worker`: the same of another one, after it."""
    plain = all(tag.role in TARGETS | {Role.FILLER} or tag.value in {"the", "unit"} for tag in piece.tags)
    named = any(tag.role in {Role.UNIT, Role.GROUP} for tag in piece.tags)
    verbs = [tag for tag in before.tags if tag.role is Role.VERB]
    ordered = len(verbs) == 1 and verbs[0].form == "imperative"
    unbound = not any(
        tag.role in {Role.TIME, Role.CONDITION, Role.EXCEPT, Role.NEGATION, Role.DOUBT} for tag in before.tags
    )
    return piece.join == "then" and plain and named and ordered and unbound


_LOOKS = frozenset({"show", "check", "search"})


def _belongs_before(before: _Piece, piece: _Piece) -> bool:
    """`at 3am, restart it`: a time or a condition that begins a sentence belongs to what follows."""
    looks = any(tag.role is Role.VERB and tag.value in _LOOKS for tag in before.tags)
    if looks and any(tag.role is Role.CONDITION for tag in piece.tags):
        return False  # look at api, and if it is down, start it
    if piece.join in {".", "then"} and any(tag.role in TARGETS for tag in piece.tags):
        return False  # a new sentence that names somebody and asks for nothing
    fronted = any(tag.role in {Role.CONDITION, Role.TIME} for tag in piece.tags)
    return not (fronted and piece.join in {".", "then"})
