"""Korean: from the pieces of a command to tags that every language shares. Pure.

What Korean says by endings and particles is put into roles here: a verbal noun and the 하다 behind it become one verb with
its form, `죽었으면` with its subject a condition, `메모리가 새서` a reason, `3개로` a number of instances.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from opsagent.commands import korean_slips
from opsagent.commands.known import Known
from opsagent.commands.korean_pieces import Piece, Text, cut, may_be_a_word
from opsagent.commands.korean_roles import verbs_and_states
from opsagent.commands.korean_verbing import LOOKING
from opsagent.commands.reading import Context
from opsagent.commands.tags import Role, Row, Tag
from opsagent.commands.words import Token

_TEACH = re.compile(
    r"(?:앞으로 ?,? ?)?(?:(?:이거|이것|이걸|다음|다음을|잘|꼭)\s)*(?:기억(?:해|해라|해줘|해 ?둬|해두세요|해 ?주세요|해요|하세요|해 ?놔)|명심(?:해|해줘|하세요)|외워(?:둬|줘)?|참고해(?:줘)?|규칙 ?추가|노트|적어 ?둬|알아둬|알아두세요|잊지 ?마(?:세요)?|메모(?:해|해줘|해 ?둬)?|"
    r"remember(?: that)?)(?:\s*[:,.\-–]\s*|\s(?=\S+\s+\S))(?!(?:줘|줄|주|둬|두|놔)\b)(?P<text>\S.*)"
)
_TAUGHT = re.compile(
    r"(?P<text>\S.*?)(?:(?<=[다라])(?:는|고)(?:\s?(?:거|걸|것|것을|점|사실|점을|건|사실을))?)?[,]?\s(?:꼭\s|잘\s)?"
    r"(?:기억(?:해|해라|해줘|해 줘|해 ?둬|해 ?둬라|해두세요|해 ?주세요|하세요|해 ?놔|해 ?놓아줘|해두자)|명심(?:해|해줘|하세요|해 ?둬)|외워 ?(?:둬|줘)|알아 ?(?:둬|두세요)|잊지 ?마(?:세요|라)?|메모해 ?(?:줘|둬|두세요)|적어 ?(?:둬|놔|줘|두세요))[.!]?"
)


def tags(tokens: Sequence[Token], known: Known, context: Context) -> tuple[Row, ...]:
    """Return the ways to explain the tokens: with words that may be names read as names, and as words."""
    taught = _taught(tokens)
    if taught is not None:
        return (taught,)
    text = Text.of(tokens, _names(known, context), context.now)
    rows: dict[tuple[tuple[str, str, str], ...], Row] = {}
    pieces: tuple[Piece, ...] = ()
    for names_first in (True, False):
        if not names_first and not any(may_be_a_word(text, piece) for piece in pieces):
            break
        pieces = cut(text, names_first=names_first)
        if any(piece.kind == "unknown" for piece in pieces):
            pieces = _mended(text, pieces, names_first=names_first)
        read = verbs_and_states(text, pieces)
        if not names_first and _is_bare_verb(text, read):
            continue
        row = _asked_after(_row(text, read), context)
        if not names_first and not any(tag.role in {Role.UNIT, Role.GROUP, Role.PRONOUN} for tag in row):
            continue  # without the name nobody is spoken of
        rows.setdefault(tuple((tag.role.value, tag.value, tag.form) for tag in row), row)
    return tuple(rows.values())


_OF_A_UNIT = frozenset({"status", "uptime", "cause", "fix", "logs", "errors", "lines"})
_OF_ALL = frozenset({"machine", "services", "disk", "load", "agent", "approval"})


def _asked_after(row: Row, context: Context) -> Row:
    """`worker는?` asks how it is, unless it goes on with what was said before; `왜 죽었어?` is of whom was spoken."""
    said = [tag for tag in row if tag.role not in {Role.FILLER, Role.GLUE}]
    roles = {tag.role for tag in said}
    if (
        not context.last
        and len(said) > 1
        and said[-1].value == "mark"
        and {tag.role for tag in said[:-1]} == {Role.UNIT}
    ):
        return (*row[:-1], Tag(Role.QUESTION, "how", row[-1].start, row[-1].end), row[-1])
    nouns = {tag.value for tag in said if tag.role is Role.NOUN}
    open_ = not roles & {Role.UNIT, Role.GROUP, Role.ALL, Role.PRONOUN, Role.UNKNOWN, Role.PROCEDURE, Role.TEXT}
    asks = bool(nouns & _OF_A_UNIT) or (Role.STATE in roles and any(tag.value == "why" for tag in said))
    changes = any(tag.role is Role.VERB and tag.value not in LOOKING for tag in said)
    if context.spoken_of and open_ and asks and not changes and not nouns & _OF_ALL:
        pronoun = "it" if len(context.spoken_of) == 1 else "them"
        return (Tag(Role.PRONOUN, pronoun, 0, 0), *row)
    return row


def _is_bare_verb(text: Text, pieces: Sequence[Piece]) -> bool:
    """Tell whether a word that may be a name was read as a verb that nobody made one of: then it is the name."""
    bare = (one for one in pieces if one.kind == "verb" and one.form in {"noun", "attributive"})
    return any(text.text[one.start : one.end] in text.names for one in bare)


def _names(known: Known, context: Context) -> Mapping[str, tuple[str, str]]:
    names = {name: ("unit", name) for name in sorted(known.names)}
    names.update({group: ("group", group) for group in context.groups if group not in names})
    names.update({alias: ("unit", name) for alias, name in context.aliases.items() if alias not in names})
    names.update({name: ("procedure", name) for name in context.procedures if name not in names})
    return names


def _taught(tokens: Sequence[Token]) -> Row | None:
    """Return the row of what a person wants to be remembered; it is kept whole and not read here."""
    said = " ".join(f'"{token.text}"' if token.quoted else token.text for token in tokens)
    said = re.sub(r"\s([.,!?:])", r"\1", said)
    match = _TEACH.fullmatch(said) or _TAUGHT.fullmatch(said)
    if match is None or said.endswith("?"):
        return None
    text = match["text"].strip().rstrip(",")
    if " " not in text:  # 그거 기억해: what?
        return None
    last = max(len(tokens), 1)
    return (Tag(Role.TEXT, text, 0, last), Tag(Role.VERB, "teach", last - 1, last, "imperative"))


def _mended(text: Text, pieces: tuple[Piece, ...], *, names_first: bool) -> tuple[Piece, ...]:
    """Try to read unknown words as misspelt words of the vocabulary; a verb that was mended is never certain."""
    for piece in pieces:
        if piece.kind != "unknown":
            continue
        for spelt in korean_slips.spellings(piece.value):
            mended = replace(text, text=text.text[: piece.start] + spelt + text.text[piece.end :])
            if len(spelt) != piece.end - piece.start:
                continue
            found = cut(mended, names_first=names_first)
            if sum(one.kind == "unknown" for one in found) < sum(one.kind == "unknown" for one in pieces):
                inside = range(piece.start, piece.end)
                return tuple(
                    replace(one, slip=True)
                    if one.start in inside and one.kind in {"vn", "verb", "light", "noun"}
                    else one
                    for one in found
                )
    return pieces


def _row(text: Text, pieces: Sequence[Piece]) -> Row:
    tags: list[Tag] = []
    for piece in pieces:
        first, last = text.token_at[piece.start], text.token_at[piece.end - 1] + 1
        form = "near" if piece.slip and piece.kind == Role.VERB else piece.form
        if piece.polite:
            tags.append(Tag(Role.REQUEST, "", first, first))
        tags.append(Tag(Role(piece.kind), piece.value, first, last, form))
    return tuple(tags)
