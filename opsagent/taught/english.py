"""Reads a taught rule in English: the times are taken out, and the rest has to be one of a few sentences, whole. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from opsagent.commands.words import vocabulary
from opsagent.maintenance import DAYS
from opsagent.taught.clock import Spoken, Unclear, span_of
from opsagent.taught.reading import ALL_DAYS, Names, Spelled, When, take

_FLAGS = re.IGNORECASE
_TIME = (
    r"(?:(?P<h{0}>\d{{1,2}})(?::(?P<m{0}>\d\d))?\s*(?P<half{0}>[ap]\.?m\b\.?)?(?:\s*o['’]clock)?"
    r"|(?P<word{0}>noon|midnight))(?P<part{0}>\s+(?:in the morning|in the afternoon|in the evening|at night))?"
)
_FIRST, _LAST = _TIME.format(1), _TIME.format(2)
_SPANS = (
    re.compile(rf"\b(?:between\s+{_FIRST}\s+and\s+{_LAST}|from\s+{_FIRST.replace('1>', '3>')}\s*(?:to|until|till|-)\s*"
               rf"{_LAST.replace('2>', '4>')})(?![\w:])", _FLAGS),
    re.compile(r"\b(?P<h1>\d{1,2}):(?P<m1>\d\d)\s*(?:-|–|to)\s*(?P<h2>\d{1,2}):(?P<m2>\d\d)(?![\w:])", _FLAGS),
)  # fmt: skip
_ZONE = re.compile(
    r"(?<![\w./:@-])\(?(?P<zone>UTC|GMT|KST|[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_]+)?)\)?(?:\s+time\b)?"
)
_LOCAL = re.compile(r"\b(?:local|server|machine|our) time\b", _FLAGS)
_DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?s?"
_DAYS = re.compile(
    rf"(?<![\w./:@-])(?:(?:on|over|at|every|each|during)\s+(?:the\s+)?)?(?P<days>weekends?|weekdays?|workdays?|working days?|"
    rf"{_DAY}\s*(?:-|–|to|through)\s*{_DAY}|{_DAY}(?:\s*(?:,|and|or|&)\s*{_DAY})*)\b(?![-./:@\w])",
    _FLAGS,
)
_EVERY_DAY = re.compile(r"(?<![\w./:@-])(?:every day|each day|daily|every night|each night)\b(?![-./:@])", _FLAGS)
_UNTIL = re.compile(r"\buntil\s+(?P<date>\d{4}-\d\d-\d\d)\b", _FLAGS)
_FOR = re.compile(r"\bfor\s+(?:the\s+next\s+)?(?P<n>\d{1,4}|a|an|one)\s+(?P<what>hour|day|week|month)s?\b", _FLAGS)
_HOURS = {"hour": 1, "day": 24, "week": 7 * 24, "month": 30 * 24}

_VERBS: tuple[tuple[str, str, str, str], ...] = (
    ("restart", "restart|reboot|bounce", "restarting|rebooting|bouncing", "restarted|rebooted|bounced"),
    ("reload", "reload", "reloading", "reloaded"),
    ("stop", "stop|kill|shut down|terminate|take down", "stopping|killing|shutting down|terminating|taking down",
     "stopped|killed|shut down|terminated|taken down"),
    ("start", "start", "starting", "started"),
    ("scale", "scale|scale up|scale down", "scaling|scaling up|scaling down", "scaled|scaled up|scaled down"),
    ("roll back", "roll back|rollback|revert", "rolling back|reverting", "rolled back|reverted"),
    ("rotate", "rotate(?: the)? logs? of", "rotating(?: the)? logs? of", "rotated"),
    ("touch", "touch|change|modify|repair|mend|fix|act on|do anything (?:to|with)|interfere with|mess with",
     "touching|changing|modifying|repairing|mending|fixing|acting on|doing anything (?:to|with)",
     "touched|changed|modified|repaired|fixed"),
)  # fmt: skip
_JOIN = r"\s*(?:,\s*(?:and|or)\s|,|\sand\s|\sor\s|\snor\s|/)\s*"


def _row(column: int) -> str:
    one = "|".join(row[column] for row in _VERBS)
    return rf"(?P<verbs>(?:{one})(?:{_JOIN}(?:{one}))*)"


_BASE, _ING, _ED = _row(1), _row(2), _row(3)
_NOT = r"(?:never(?: ever)?|do not(?: ever)?|don['’]?t(?: ever)?|(?:you )?must (?:not|never)|mustn['’]?t|you (?:may|should) (?:not|never))"
_SOMEBODY = r"(?:me|us|a person|someone|somebody|a human)"
_YES = r"(?:(?:my|our|a|an)\s+)?(?:ok|okay|approval|permission|consent|say-so)"
_UNASKED = rf"(?P<unless> without (?:asking(?: {_SOMEBODY})?(?: first)?|{_YES}|{_SOMEBODY})| unless (?:i|we) (?:say so|approve|agree))"
_FREELY = r"(?: by yourself| on your own| automatically| unattended| unasked)?"
_UNITS = r"(?P<units>\S.*?)"
_SENTENCES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (verdict, re.compile(rf"(?:please )?{text}(?: please)?", _FLAGS))
    for verdict, text in (
        ("ask", rf"{_NOT} {_BASE} {_UNITS}{_UNASKED}"),
        ("never", rf"{_NOT} {_BASE} {_UNITS}{_FREELY}"),
        ("ask", rf"(?:always )?ask(?: {_SOMEBODY})?(?: first)? before (?:you )?{_BASE} {_UNITS}"),
        ("ask", rf"(?:always )?ask(?: {_SOMEBODY})?(?: first)? before {_ING} {_UNITS}"),
        ("ask", rf"{_ING} {_UNITS} (?:always )?(?:needs|requires) {_YES}"),
        ("never", rf"(?:avoid|no) {_ING}(?: of)? {_UNITS}"),
        ("never", rf"no {_BASE}s? (?:of|for) {_UNITS}"),
        ("never", rf"{_UNITS} (?:must|may|should|shall|can|is|are) ?(?:never|not)(?: ever)? (?:to )?be {_ED}{_FREELY}"),
        ("never", rf"(?P<touch>leave) {_UNITS} alone"),
        ("never", rf"(?:keep )?(?:your )?(?P<touch>hands off)(?: of)? {_UNITS}"),
        ("only", rf"only {_BASE} {_UNITS}"),
        ("only", rf"{_BASE} {_UNITS} only"),
        ("only", rf"{_UNITS} (?:may|must|should|can) only be {_ED}"),
    )
)
_RESERVED = vocabulary(
    "never not no don't dont if unless when while without ask asking before after except but until during alone always "
    "only you we i them they this that these those there here to of for in at on by with from and or nor be is are was "
    "do does did must may should can will would please first ever any every some the a an my our your yourself then "
    "because so as restart reload stop start scale touch change kill reboot"
)
_EVERYTHING = re.compile(
    r"everything|anything|all(?: of (?:them|it))?|(?:all|any|every)(?: the)? (?:services?|units?)", _FLAGS
)
_PRONOUN = re.compile(r"it|this|this service|this unit|the service|the unit", _FLAGS)
_SEVERAL = re.compile(_JOIN.replace("|/", r"|\s/\s") + r"|\s*&\s*")
"""Between names; a slash without blanks may be part of one."""
_NOUN = re.compile(r"^(?:the |my |our )?(?:(?:service|unit|app)s? )?(\S+)(?: (?:service|unit|app)s?)?$", _FLAGS)
LIKE_A_RULE = re.compile(
    r"\b(?:never|do not|don['’]?t|(?:must|may|should|shall|can|could|need) ?(?:not|n['’]?t)|can['’]?t|nobody|no one|"
    r"ask\b.*\bbefore|hands off|leave\b.*\balone|avoid|forbidden|prohibited|not allowed|unless|without (?:asking|approval|permission)|"
    r"(?:no|only)\b.*(?:VERBS)s?|(?:VERBS)\b.*\b(?:only|(?:needs|requires)\b.*))\b".replace(
        "VERBS", "|".join(re.escape(form) for row in _VERBS[:6] for column in row[1:] for form in column.split("|"))
    ),
    _FLAGS,
)
"""Who writes so means to bind somebody."""


def read(text: str, names: Names, when: When, now: datetime) -> Spelled:
    """Explain every word of the sentence. `when` takes what is said about time. Raises Unclear."""
    rest = _times(text, when, now)
    names = Names(names.known, names.it, _RESERVED, _EVERYTHING, _PRONOUN)
    for verdict, sentence in _SENTENCES:
        match = sentence.fullmatch(rest)
        if match is None:
            continue
        said = match.groupdict()
        verbs = ("touch",) if said.get("touch") else _verbs(said["verbs"])
        units = names.read([one for several in _SEVERAL.split(said["units"].strip()) for one in _each(several, names)])
        only = verdict == "only"
        if only and when.window() is None:
            raise Unclear("it does not say when")
        return Spelled("never" if only else verdict, verbs, units, outside=only)
    raise Unclear("I do not understand every word of it")


def _times(text: str, when: When, now: datetime) -> str:
    rest = take(text, _FOR, lambda match: when.set_until(now + _lasting(match), now))
    rest = take(rest, _EVERY_DAY, lambda match: None)
    for span in _SPANS:
        rest = take(rest, span, lambda match: when.set_span(_span(match)))
    rest = take(rest, _DAYS, lambda match: when.set_days(days_of(match["days"])))
    if when.span is not None:
        rest = take(rest, _ZONE, lambda match: when.set_zone(match["zone"]))
        rest = take(rest, _LOCAL, lambda match: None)
    rest = take(rest, _UNTIL, lambda match: when.set_last_day(match["date"], now))  # by the clock that is known now
    return rest.strip(" ,")


def _span(match: re.Match[str]) -> tuple[int, int]:
    said = match.groupdict()
    ends = ("1", "2") if said.get("h1") or said.get("word1") else ("3", "4")
    first, last = (_spoken(said, end) for end in ends)
    return span_of(first, last)


def _spoken(said: dict[str, str | None], end: str) -> Spoken:
    word = (said.get(f"word{end}") or "").lower()
    if word:
        return Spoken(12 if word == "noon" else 0, exact=True)
    hour, minute = int(said[f"h{end}"] or 0), int(said.get(f"m{end}") or 0)
    half = (said.get(f"half{end}") or "").lower().replace(".", "")
    part = (said.get(f"part{end}") or "").lower()
    if part and not half:
        half = "am" if "morning" in part or ("night" in part and (hour < 6 or hour == 12)) else "pm"
    exact = said.get(f"m{end}") is not None and not half
    return Spoken(hour, minute, half, exact=exact, loose=exact and not str(said[f"h{end}"]).startswith("0"))


def days_of(text: str) -> frozenset[int]:
    """Return the weekdays that are meant; 0 is Monday."""
    said = text.lower()
    if said.startswith("weekend"):
        return frozenset({5, 6})
    if said.startswith(("weekday", "workday", "working")):
        return frozenset(range(5))
    row = re.split(r"\s*(?:-|–|\bto\b|\bthrough\b)\s*", said)
    if len(row) == 2:
        first, last = (DAYS.index(day.strip()[:3]) for day in row)
        return frozenset((first + shift) % 7 for shift in range((last - first) % 7 + 1))
    found = frozenset(DAYS.index(day[:3]) for day in re.split(r"\s*(?:,|\band\b|\bor\b|&)\s*", said) if day)
    return found or ALL_DAYS


def _verbs(said: str) -> tuple[str, ...]:
    found = []
    for one in re.split(_JOIN, said.strip()):
        found += [key for key, *forms in _VERBS if any(re.fullmatch(form, one, _FLAGS) for form in forms)]
    return tuple(dict.fromkeys(found))


def _each(said: str, names: Names) -> list[str]:
    """Return the names in what stands between two joins: a name as it is known, or several with a slash."""
    if said.strip() in names.known:
        return [said.strip()]
    bare = _bare(said)
    parts = bare.split("/")
    if not names.known:  # it may be one name or several: whichever there is, it is meant
        return list(dict.fromkeys([bare, *parts]))
    return parts if bare not in names.known and all(part in names.known for part in parts) else [bare]


def _bare(said: str) -> str:
    match = _NOUN.fullmatch(said.strip())
    return match[1] if match is not None and not _EVERYTHING.fullmatch(said) and not _PRONOUN.fullmatch(said) else said


def _lasting(match: re.Match[str]) -> timedelta:
    count = int(match["n"]) if match["n"].isdecimal() else 1
    return timedelta(hours=count * _HOURS[match["what"].lower()])
