"""English: the words of a text as tags. What each word is for depends on the words around it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from opsagent.commands.english_cells import Cell, Cells
from opsagent.commands.english_lex import rows, split
from opsagent.commands.english_queries import params, queries
from opsagent.commands.english_reasons import reasons
from opsagent.commands.english_shapes import conditions, forbidden
from opsagent.commands.english_verbs import composed, tag
from opsagent.commands.english_words import lexicon
from opsagent.commands.known import Known
from opsagent.commands.reading import Context
from opsagent.commands.tags import NEAR, Role, Row, Tag
from opsagent.commands.words import Token

verb_last = False

_MEMOS = tuple(
    tuple(phrase.split())
    for phrase in (
        "remember that", "remember this", "remember", "please note that", "note that", "note to self", "keep in mind that", "keep in mind",
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
    for word in ("never", "always", "don't", "dont", "do", "ask", "only", "leave", "no", "nobody", "please", ",")
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
    cells = forbidden(cells, light=False)
    cells = conditions(cells, tokens)
    cells = queries(cells, tokens, text)
    cells = params(cells, tokens, text)
    cells = reasons(cells, tokens)
    cells = forbidden(composed(cells), light=True)
    return tuple(_decided(cells, at, tokens) for at in range(len(cells)))


def _decided(cells: Cells, at: int, tokens: Sequence[Token]) -> Tag:
    cell = cells[at]
    if len(cell.options) > 1:
        for choose in _CHOICES:
            meaning = choose(cells, at, cell)
            if meaning is not None:
                cell = cell.only(*meaning)
                break
    role, value, form = cell.first
    if (role is Role.REASON and value == "because") or (role is Role.REQUEST and form):
        return Tag(Role.UNKNOWN, _said(cell, tokens), cell.start, cell.end)
    if role is Role.CONDITION:
        whole = form == "whole"
        said = value if whole else _said(cell, tokens)
        return Tag(role if whole else Role.DOUBT, said, cell.start, cell.end, "" if whole else "when")
    if (role, form) == (Role.JOIN, ":") and _quotes(cells, at):
        return Tag(Role.DOUBT, ":", cell.start, cell.end)
    if (role, value) == (Role.DOUBT, "vague"):
        return Tag(role, "vague time", cell.start, cell.end)
    if role in {Role.DOUBT, Role.NEGATION} and value != "vague time":
        return Tag(role, _said(cell, tokens), cell.start, cell.end)
    if role is Role.VERB and form == "imperative" and len(cells[at].options) > 0 and not _commands(cells, at):
        told = cells[at].may(Role.VERB, value, "past")  # I shut it down
        return Tag(role, value, cell.start, cell.end, "past" if told else "noun")
    return replace(tag(cell), said=_said(cell, tokens)) if role is Role.VERB else tag(cell)


def _quotes(cells: Cells, at: int) -> bool:
    """`the log says: restart web`: words of somebody else. `api: restart it` is no such thing."""
    plain = all(cell.first[0] in {Role.FILLER, Role.JOIN, Role.UNIT, Role.GROUP, Role.REQUEST} for cell in cells[:at])
    return not plain and any(cell.may(Role.VERB, None, "imperative") and not cell.may(Role.NOUN) for cell in cells[at:])


def _said(cell: Cell, tokens: Sequence[Token]) -> str:
    return " ".join(tokens[n].text for n in range(cell.start, cell.end))


Meaning = tuple[Role, str, str]


def _commands(cells: Cells, at: int) -> bool:
    """Tell whether a verb stands where commands do: at the start of a clause, or behind what only leads to it."""
    before = at - 1
    while before >= 0:
        role = cells[before].first[0]
        if role in _LEADS or (cells[before].may(Role.FILLER) and role is not Role.VERB):
            before -= 1
            continue
        return role in {Role.JOIN, Role.REASON, Role.CORRECTION}
    return True


_LEADS = {Role.FILLER, Role.REQUEST, Role.NEGATION, Role.MANNER, Role.TIME, Role.DURATION, Role.CONDITION, Role.DOUBT}


def _earlier(cells: Cells, at: int, role: Role) -> bool:
    return any(cell.may(role) for cell in cells[:at])


def _after(cells: Cells, at: int) -> Cell | None:
    return cells[at + 1] if at + 1 < len(cells) else None


def _well(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`ok`, `fine`: how something is in a question; else just a word."""
    state = cell.of(Role.STATE)
    if state is None or not cell.may(Role.FILLER):
        return None
    asked = any(one.may(Role.QUESTION) or one.may(Role.VERB, "check") for one in cells[:at])
    return state if asked else (Role.FILLER, "", "")


def _possessive(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    if not (cell.may(Role.QUESTION, "is") and cell.may(Role.GLUE, "of")):
        return None
    after = _after(cells, at)
    owns = after is not None and (after.may(Role.NOUN) or after.may(Role.GLUE, "last") or after.may(Role.NUMBER))
    return (Role.GLUE, "of", "") if owns else (Role.QUESTION, "is", "")


def _pointing(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    if not (cell.may(Role.PRONOUN) and cell.may(Role.GLUE, "the")):
        return None
    after = _after(cells, at)
    named = after is not None and any(after.may(role) for role in (Role.UNIT, Role.NOUN, Role.GROUP, Role.UNKNOWN))
    return (Role.GLUE, "the", "") if named else (Role.PRONOUN, "it", "")


def _when(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    if not (cell.may(Role.QUESTION, "how_often") and cell.may(Role.CONDITION)):
        return None
    after = _after(cells, at)
    asks = after is not None and after.may(Role.QUESTION, "is")
    return (
        (Role.QUESTION, "how_often", "")
        if asks and not _earlier(cells, at, Role.VERB)
        else (Role.CONDITION, "when", "")
    )


def _trailing(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`has it crashed before?`, `restart it once`: a condition only where something follows."""
    if not cell.may(Role.CONDITION, "when"):
        return None
    rest = cells[at + 1 :]
    ends = all(
        one.first[0] in {Role.FILLER, Role.QUESTION, Role.JOIN} and not one.may(Role.QUESTION, "is") for one in rest
    )
    return next((one for one in cell.options if one[0] in {Role.FILLER, Role.GLUE}), None) if ends and at > 0 else None


def _doing(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    if not (cell.may(Role.VERB, None, "light") and cell.may(Role.QUESTION, "is")):
        return None
    after = _after(cells, at)
    asks = at > 0 and _earlier(cells, at, Role.QUESTION)
    asks = asks or (
        at == 0 and after is not None and (after.may(Role.UNIT) or after.may(Role.GLUE, "me") or after.may(Role.ALL))
    )
    light = cell.of(Role.VERB, "light")
    return (Role.QUESTION, "is", "") if asks else light


def _state_or_gerund(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`is it restarting?`: how it is; `restarting it`: what is done."""
    state = cell.of(Role.STATE)
    if state is None or not cell.may(Role.VERB):
        return None
    verb = cell.of(Role.VERB)
    return state if _earlier(cells, at, Role.QUESTION) else verb


def _noun_or_verb(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`fix api` is an order, `the fix` is a thing."""
    noun = cell.of(Role.NOUN)
    verb = cell.of(Role.VERB, "imperative") or cell.of(Role.VERB, "light")
    if noun is None or verb is None:
        return None
    after = _after(cells, at)
    acts = after is not None and any(
        after.may(role) for role in (Role.UNIT, Role.GROUP, Role.ALL, Role.PRONOUN, Role.NUMBER)
    )
    acts = acts or (after is not None and after.may(Role.GLUE, "the") and verb[1] != "show")
    return verb if acts and _commands(cells, at) else noun


def _show_or_ask(_cells: Cells, _at: int, cell: Cell) -> Meaning | None:
    return cell.of(Role.VERB, "imperative") if cell.may(Role.REQUEST) and cell.may(Role.VERB, "show") else None


def _manner(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`clean up api` and `a clean restart`."""
    manner, verb = cell.of(Role.MANNER), cell.of(Role.VERB)
    if manner is None or verb is None:
        return None
    after = _after(cells, at)
    return manner if after is not None and after.may(Role.VERB) else verb


def _slip(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """A misspelt verb is one only where no other verb stands."""
    if cell.of(Role.VERB, NEAR) is None:
        return None
    others = any(one.may(Role.VERB) for place, one in enumerate(cells) if place != at)
    return cell.of(Role.UNKNOWN) if others else cell.of(Role.VERB, NEAR)


def _near(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """A word that is near to a name is one where it stands in a list, or where no other name stands."""
    if cell.of(Role.UNIT, NEAR) is None:
        return None
    others = any(one.of(Role.UNIT, "") for one in cells)
    listed = any(one.may(Role.JOIN) for one in (*cells[max(0, at - 1) : at], *cells[at + 1 : at + 2]))
    return cell.of(Role.UNIT) if listed or not others else (Role.UNKNOWN, cell.options[-1][1], "")


def _except(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`restart api, not web`: somebody is left out."""
    if not (cell.may(Role.EXCEPT) and cell.may(Role.NEGATION)):
        return None
    after = _after(cells, at)
    return (
        (Role.EXCEPT, "except", "")
        if after is not None and after.first[0] in {Role.UNIT, Role.GROUP}
        else (Role.NEGATION, "not", "")
    )


def _about(cells: Cells, _at: int, cell: Cell) -> Meaning | None:
    """`what about api`: asks for it, where nothing is to be done."""
    if not cell.may(Role.REQUEST, None, "gerund") or any(one.may(Role.VERB) for one in cells):
        return None
    return (Role.QUESTION, "what", "")


def _sorry(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`to 4, sorry, 2`: a slip, where something stands on both sides."""
    if not (cell.may(Role.CORRECTION) and cell.may(Role.FILLER)):
        return None
    said = any(one.first[0] not in {Role.FILLER, Role.JOIN} for one in cells[:at])
    after = next((one for one in cells[at + 1 :] if one.first[0] is not Role.JOIN), None)
    again = after is not None and any(
        after.may(role) for role in (Role.UNIT, Role.NUMBER, Role.VERB, Role.NOUN, Role.CORRECTION)
    )
    return (Role.CORRECTION, "", "") if said and again else (Role.FILLER, "", "")


def _light(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`how much does it use`, `the load`: a verb that was not composed, where the word may be something else."""
    if cell.of(Role.VERB, "light") is None or _commands(cells, at):
        return None
    return next((one for one in cell.options if one[0] in {Role.NOUN, Role.GLUE, Role.STATE}), None)


def _go(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    if not (cell.may(Role.REQUEST, "", "") and cell.may(Role.VERB, "go")):
        return None
    after = _after(cells, at)
    return (Role.REQUEST, "", "") if after is not None and after.may(Role.VERB) else (Role.VERB, "go", "light")


def _several(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`services`, `process`, `worker`: a noun beside a name, a count of them, or all there are."""
    nouns = [one for one in cell.options if one[0] is Role.NOUN]
    if len(nouns) < 2:
        return None
    counted = at > 0 and (
        cells[at - 1].first[0] is Role.NUMBER
        or cells[at - 1].may(Role.GLUE, "more")
        or cells[at - 1].may(Role.QUESTION, "how_much")
    )
    beside = (at > 0 and cells[at - 1].first[0] in {Role.UNIT, Role.GROUP}) or any(
        one.first[0] in {Role.UNIT, Role.GROUP} for one in cells[at + 1 : at + 2]
    )
    wanted = "instances" if counted else "unit" if beside else "services"
    return next((one for one in nouns if one[1] == wanted), None)


def _particle(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`on`, `off`, `out`, `past`, `there`: small words, unless they end a question."""
    glue = cell.of(Role.GLUE)
    if glue is None or not cell.may(Role.STATE) or glue[1] not in {"on", "off", "out", "free"}:
        return None
    state = cell.of(Role.STATE)
    after = _after(cells, at)
    ends = after is None or after.first[0] in {Role.QUESTION, Role.JOIN, Role.FILLER}
    return state if ends and _earlier(cells, at, Role.QUESTION) else glue


def _either(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """Prefer what is done over what is said beside it where a table row has both."""
    last = cell.of(Role.GLUE)
    if last is not None and cell.may(Role.NOUN, "incidents"):  # past
        after = _after(cells, at)
        return last if after is not None and (after.may(Role.NUMBER) or after.may(Role.NOUN)) else cell.of(Role.NOUN)
    return None


_CHOICES: tuple[Callable[[Cells, int, Cell], Meaning | None], ...] = (
    _slip, _except, _about, _near, _sorry, _possessive, _pointing, _when, _trailing, _well, _show_or_ask, _go, _doing, _state_or_gerund, _manner, _light, _noun_or_verb, _several,
    _particle, _either,
)  # fmt: skip
