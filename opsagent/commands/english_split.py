"""English words as people write them, taken apart: `api's`, `api,worker`, `(api)`, `/restart api`, `1) stop … 2) start …`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from opsagent.commands import english_words
from opsagent.commands.english_words import WHOLE, spaced
from opsagent.commands.known import Known
from opsagent.commands.tags import Role
from opsagent.commands.words import Token

_LISTED = re.compile(r"[,/&+]")
_STARRED = re.compile(r"(\*{1,2}|_{1,2}|~)([\w'-]+)\1")
_NUMBERED = re.compile(r"\(?([1-9]|[a-h])(\)|\.\)|:)")
_MARKED = frozenset({":", ".", ")", "-", "–", ","})
_MOST_BEFORE = 3
"""So many words may stand before the first number of a list: `runbook:`."""


def split(tokens: Sequence[Token], known: Known) -> tuple[Token, ...]:
    """Take apart what people write together, drop what only addresses, and join what is numbered."""
    names = frozenset(name.lower() for name in known.by_name)
    pieces = tuple(piece for token in _numbered(_addressed(tokens, known)) for piece in _pieces(token, known, names))
    return pieces or tuple(tokens)


def _pieces(token: Token, known: Known, names: frozenset[str]) -> Iterator[Token]:
    text = token.text
    if token.quoted or text in known.by_name:
        yield token
        return
    starred = _STARRED.fullmatch(text)
    if starred:
        yield Token(starred[2], at=token.at + len(starred[1]))
        return
    stem, _, ending = spaced(text.replace("’", "'")).rpartition(" ")
    if not stem and text.lower().endswith(("'s", "’s")) and text.lower() not in WHOLE:
        stem, ending = text[:-2], "'s"
    if stem:
        yield Token(stem, at=token.at)
        yield Token(ending, at=token.at + len(stem))
        return
    if text.startswith("(") and text.endswith(")") and len(text) > 2:
        yield Token(text[1:-1], at=token.at + 1)
        return
    parts = _LISTED.split(text)
    if len(parts) > 1 and all(part.lower() in names for part in parts):
        at = token.at
        for number, part in enumerate(parts):
            if number:
                yield Token(",", at=at - 1)
            yield Token(part, at=at)
            at += len(part) + 1
        return
    yield token


def _addressed(tokens: Sequence[Token], known: Known) -> Sequence[Token]:
    """Drop what calls a program in a chat: `@bot`, `/ops`, `/restart api`, `!status api`."""
    if len(tokens) < 2 or tokens[0].quoted or tokens[0].text in known.by_name:
        return tokens
    text = tokens[0].text
    called, name = text[:1], text[1:]
    if called not in {"@", "/", "!"} or not re.fullmatch(r"[A-Za-z][\w.-]*", name):
        return tokens
    if called != "@" and _leads(name):
        return (Token(name, at=tokens[0].at + 1), *tokens[1:])
    if called == "!" or name in known.by_name:
        return tokens
    at = 2 if tokens[1].text in {",", ":"} and len(tokens) > 2 else 1
    return tokens[at:]


def _leads(word: str) -> bool:
    """Tell whether a word is a verb, or names what is to be looked at."""
    return any(
        phrase == (word.lower(),) and any(one[0] in {Role.VERB, Role.NOUN} for one in meanings)
        for phrase, meanings in english_words.lexicon().get(word.lower(), ())
    )


def _numbered(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens with `then` for the numbers of a list, where they count from one on: `1) … 2) …`, `step 1: …`."""
    found: list[tuple[int, int, int]] = []
    at = 0
    while at < len(tokens):
        number = _number_of(tokens, at)
        if number is not None and number[0] == len(found) + 1:
            found.append((at, number[1], number[0]))
            at = number[1]
        else:
            at += 1
    if len(found) < 2 or found[0][0] > _MOST_BEFORE:
        return tokens
    kept: list[Token] = []
    last = 0
    for start, end, _ in found:
        kept.extend([*tokens[last:start], Token("then", at=tokens[start].at)])
        last = end
    return (*kept, *tokens[last:])


def _number_of(tokens: Sequence[Token], at: int) -> tuple[int, int] | None:
    """Return which number of a list stands here, and the place behind it."""
    token = tokens[at]
    marked = tokens[at + 1].text if at + 1 < len(tokens) else ""
    if token.quoted:
        return None
    if token.word == "step" and marked.rstrip(").:").isdigit():
        end = at + 2
        while end < len(tokens) and tokens[end].text in _MARKED:
            end += 1
        return int(marked.rstrip(").:")), end
    found = _NUMBERED.fullmatch(token.word)
    if found:
        end = at + 1
    elif re.fullmatch(r"[1-9]", token.text) and marked in {".", ":"} and _begins(tokens, at):
        return int(token.text), at + 2
    else:
        return None
    return (int(found[1]) if found[1].isdigit() else ord(found[1]) - ord("a") + 1), end


def _begins(tokens: Sequence[Token], at: int) -> bool:
    """Tell whether a bare number begins the text, or stands where a step ends; not `scale web to 2.`."""
    return at == 0 or tokens[at - 1].word not in {"to", "at", "by", "last", "and", "of", "approve", "deny"}
