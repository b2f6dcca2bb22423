"""English: the words of a text as tags. What each word is for depends on the words around it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opsagent.commands import english_shell
from opsagent.commands.english_asides import asides
from opsagent.commands.english_cells import Cell, Cells
from opsagent.commands.english_choices import CHOICES, commands
from opsagent.commands.english_lex import rows
from opsagent.commands.english_queries import params, queries
from opsagent.commands.english_reasons import reasons
from opsagent.commands.english_shapes import conditions, forbidden
from opsagent.commands.english_split import split
from opsagent.commands.english_verbs import composed, tag
from opsagent.commands.english_words import lexicon
from opsagent.commands.known import Known
from opsagent.commands.reading import Context
from opsagent.commands.tags import Role, Row, Tag
from opsagent.commands.words import Token

verb_last = False

_MEMOS = tuple(
    tuple(phrase.split())
    for phrase in (
        "from now on remember that", "from now on remember", "fyi for later", "for later", "remember that", "remember this", "remember", "please note that", "note that", "note to self", "keep in mind that", "keep in mind",
        "bear in mind that", "bear in mind", "take note that", "take note", "make a note that", "make a note", "learn that", "memorize that",
        "memorise that", "memorize", "memorise", "for the record", "don't forget that", "don't forget", "do not forget that", "for future reference",
        "know that", "you should know that", "write down that", "write this down", "note down that", "note", "memo", "commit to memory that", "commit to memory",
        "store the fact that", "you should remember that", "you should remember", "you should know", "rule", "add this", "mind that", "add the following", "for next time", "here is a rule", "here's a rule", "write down", "always remember that", "never forget that",
        "always remember", "never forget", "keep the following", "keep this", "fyi remember",
        "note the following", "remember the following", "remember for next time", "new rule", "house rule", "take note of this", "please remember", "save this", "save the fact that", "learn this", "learn",
    )
)  # fmt: skip
_WHOLE = (("from", "now", "on"), ("as", "a", "rule"), ("in", "future"), ("in", "the", "future"), ("going", "forward"))
"""What follows is to be kept together with these words."""
_RULES = {
    (word,)
    for word in ("never", "always", "don't", "dont", "do", "ask", "only", "leave", "no", "nobody", "please", ",", ":")
}
_OPENERS = {
    "please",
    "hey",
    "hi",
    "ok",
    "okay",
    "opsagent",
    ",",
    "also",
    "and",
    "so",
    "can",
    "could",
    "you",
    "agent",
    "i",
    "want",
    "to",
    "just",
    "well",
}


def tags(tokens: Sequence[Token], known: Known, context: Context) -> tuple[Row, ...]:
    """Return every way to explain the tokens, likeliest first."""
    typed = english_shell.row(tokens, known)
    if typed is not None:
        return (typed,)
    text = _laid_out(tokens)
    memo, after = _memo(tokens, text)
    if memo and after == len(tokens):
        return (memo,)
    pieces = split(tokens[after:], known)
    named = tuple(Tag(Role.REASON, token.text, after, after) for token in tokens[:after] if token.text in known.names)
    return tuple((*memo, *named[:1], *_explained(cells, pieces, text)) for cells in rows(pieces, known, context))


def _laid_out(tokens: Sequence[Token]) -> str:
    """Return the text again, each token at its place; quotes are gone."""
    text = ""
    for token in tokens:
        text = text.ljust(token.at) + token.text
    return text


def _memo(tokens: Sequence[Token], text: str) -> tuple[Row, int]:
    """Read `remember: …`; the person's own words are kept as they are. Returns the place behind them, too."""
    at = 0
    while at < len(tokens) and tokens[at].word in _OPENERS:
        at += 1
    said = tuple(token.word.replace("’", "'") for token in tokens)
    whole = next(
        (one for one in _WHOLE if said[at : at + len(one)] == one and said[at + len(one) :][:1] in _RULES), None
    )
    memo = next((one for one in _MEMOS if said[at : at + len(one)] == one), None)
    if (whole is None and memo is None) or said[-1] in {"?", "？"}:
        return (), 0
    start = at if memo is None else at + len(memo)
    while memo is not None and start < len(tokens) and said[start] in {":", ",", "-"}:
        start += 1
    if len(tokens) - start < 2 or (memo is not None and said[start] in {"when", "how", "why", "what", "if", "to"}):
        return (), 0
    end = next(
        (n for n in range(start + 2, len(tokens) - 1) if said[n] in {".", ";"} and _orders_next(said, n + 1)),
        len(tokens),
    )
    last = tokens[end - 1]
    kept = text[tokens[start].at : last.at + len(last.text)].strip()
    row = (Tag(Role.VERB, "teach", 0, start or 1, "imperative"), Tag(Role.TEXT, kept, start, end))
    return (row if end == len(tokens) else (*row, Tag(Role.JOIN, ".", end, end + 1))), min(end + 1, len(tokens))


def _orders_next(said: Sequence[str], at: int) -> bool:
    """Tell whether a new sentence begins here that asks for something to be done."""
    while at < len(said) and said[at] in _OPENERS | {"now", "then"}:
        at += 1
    phrases = lexicon().get(said[at], ()) if at < len(said) else ()
    return any(
        tuple(said[at : at + len(phrase)]) == phrase
        and any(one[0] is Role.VERB and one[2] in {"imperative", "light"} for one in meanings)
        for phrase, meanings in phrases
    )


def _explained(cells: Cells, tokens: Sequence[Token], text: str) -> Row:
    cells = forbidden(asides(cells, tokens), light=False)
    cells = conditions(cells, tokens)
    cells = queries(cells, tokens, text)
    cells = params(cells, tokens, text)
    cells = reasons(cells, tokens)
    cells = forbidden(composed(cells), light=True)
    return tuple(_decided(cells, at, tokens) for at in range(len(cells)))


def _decided(cells: Cells, at: int, tokens: Sequence[Token]) -> Tag:
    cell = cells[at]
    if len(cell.options) > 1:
        for choose in CHOICES:
            meaning = choose(cells, at, cell)
            if meaning is not None:
                cell = cell.only(*meaning)
                break
    role, value, form = cell.first
    if (role is Role.REASON and value == "because") or (role is Role.REQUEST and form):
        return Tag(Role.UNKNOWN, _said(cell, tokens), cell.start, cell.end)
    if role is Role.CONDITION:
        whole = form in {"whole", "waits"}
        said = value if whole else _said(cell, tokens)
        return Tag(role if whole else Role.DOUBT, said, cell.start, cell.end, "" if form == "whole" else "when")
    if (role, form) == (Role.JOIN, ":") and _quotes(cells, at):
        labels = not any(one.first[0] in {Role.DOUBT, Role.NEGATION, Role.QUESTION, Role.NOUN} for one in cells[:at])
        return Tag(Role.UNKNOWN if labels else Role.DOUBT, ":", cell.start, cell.end)
    if (role, value) == (Role.DOUBT, "vague"):
        return Tag(role, "vague time", cell.start, cell.end)
    if role in {Role.DOUBT, Role.NEGATION} and value != "vague time":
        return Tag(role, _said(cell, tokens), cell.start, cell.end)
    if role is Role.VERB and form == "imperative" and len(cells[at].options) > 0 and not commands(cells, at):
        told = cells[at].may(Role.VERB, value, "past")  # I shut it down
        return Tag(role, value, cell.start, cell.end, "past" if told else "noun")
    return replace(tag(cell), said=_said(cell, tokens)) if role is Role.VERB else tag(cell)


def _quotes(cells: Cells, at: int) -> bool:
    """`the log says: restart web`: words of somebody else. `api: restart it` is no such thing."""
    plain = all(cell.first[0] in {Role.FILLER, Role.JOIN, Role.UNIT, Role.GROUP, Role.REQUEST} for cell in cells[:at])
    return not plain and any(cell.may(Role.VERB, None, "imperative") and not cell.may(Role.NOUN) for cell in cells[at:])


def _said(cell: Cell, tokens: Sequence[Token]) -> str:
    return " ".join(tokens[n].text for n in range(cell.start, cell.end))
