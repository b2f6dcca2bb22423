"""What varies in a message, told by shape: each word with its values replaced by their type (`<n>`, `<path>`, …).

Stateless. Words come with each row of digits as one `0` (`masking.py`), so that numbers never make a difference.
A leaf: standard library only.
"""

from __future__ import annotations

import re

_BOUND = 40_000
"""Words whose masked form is remembered."""
_LONG = 80
"""Longer words are masked anew each time, lest memory fill with them."""

_UNITS_OF_TIME = r"(?:ns|us|µs|ms|msecs?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)"
_UNITS_OF_SIZE = r"(?:%|[kKMGTP]i?[bB]?(?:/s|ps)?|B|bytes?|[KMG]?Hz|rpm|rps|x)"
_NUMBER = r"[<>~=#+-]{0,2}0(?:[.,_]0)*(?:[eE][-+]?0)?"
_IPV4 = r"0(?:\.0){3}"
_IPV6 = rf"(?:::ffff:{_IPV4}|(?:[0a-fA-F]{{0,4}}:){{2,7}}(?:[0a-fA-F]{{1,4}}|(?<=::))(?:%\w+)?)"
_SHAPES = (
    ("url", [r"[a-zA-Z][a-zA-Z0+.-]*://\S+"]),
    ("time", [
        r"0[-/]0[-/]0(?:[T_ ]0:0(?::0)?(?:[.,]0)?(?:Z|[+-]0:?0?)?)?",
        r"0[-/][A-Z][a-z]{2}[-/]0(?::0:0:0)?",
        r"0:0(?::0)?(?:[.,]0)?(?:[ap]m|[AP]M|Z|[+-]0:?0?)?",
    ]),
    ("addr", [
        rf"/?{_IPV4}(?:[:/]0)?|[\w.-]*/{_IPV4}(?::0)?",
        r"(?:[0a-fA-F]{1,2}[:-]){5}[0a-fA-F]{1,2}",
        rf"\[{_IPV6}\](?::0)?|{_IPV6}(?:/0)?",
        r"(?:localhost|(?=[a-z0.-]*[a-z])(?=[a-z0.-]*[0.-])[a-z0-]+(?:\.[a-z0-]+)*):0",
    ]),
    ("str", [r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"]),
    ("id", [r"[0a-fA-F]{1,8}(?:-[0a-fA-F]{1,4}){3}-[0a-fA-F]{1,12}|-?0[xX][0a-fA-F]+|[a-fA-F]{16,}"]),
    ("dur", [rf"[<>~]?[+-]?0(?:\.0)?{_UNITS_OF_TIME}(?:0(?:\.0)?{_UNITS_OF_TIME})*"]),
    ("n", [rf"(?:{_NUMBER})(?:{_UNITS_OF_SIZE})?", r"v?0(?:\.0)+(?:[-+_]?[\w.]+)?", r"0[/x-]0", r"-?0(?::0)+"]),
    ("path", [
        r"(?:~|\.{1,2})?/(?:[^/\s:=]+/)*[^/\s:=]*(?<!^/)(?::0)?(?::0)?",
        r"[A-Za-z]:[\\/][^\s:]*",
        r"(?=[^/]*[^/0.,-])[^/\s:=(),;]+(?:/[^/\s:=(),;]+){2,}/?",
        r"[^/\s:=(),;]+/[^/\s:=(),;]*[0.][^/\s:=(),;]*",
    ]),
)  # fmt: skip
_SHAPE = re.compile("|".join(f"(?P<{name}>{'|'.join(patterns)})" for name, patterns in _SHAPES))
_EDGES = re.compile(r"^([\[({<\"'`*#@$,;!|]*)(.*?)([\])}>\"'`,;:.!?|*]*)$", re.DOTALL)
_PARTS = re.compile(r"([=,;|()\[\]{}<>\"'`]|:(?!:)|::|->|=>|\+\+)")
_GOES_ON = frozenset({":", "::", "->", "=>", "<", ">", '"', "'", "`"})
"""Separators that do not end a value."""
_KEPT = re.compile(r"(?:[\w$]+[.:])*[A-Z][\w$]*(?:Error|Exception|Throwable|Failure|Fault)|[A-Z]+(?:_[A-Z]*0?[A-Z]+)+")
"""Names that say what went wrong are no values, also with a digit or dots in them."""
_DOTTED = re.compile(r"[A-Za-z_][\w$-]*(?:\.[A-Za-z_$][\w$-]*){2,}")
"""A host, a package, a class."""
_BOOLEANS = frozenset({"true", "false", "True", "False", "TRUE", "FALSE"})

SERVER_ERROR = "\x15"
"""Stands for an HTTP status from 500 up: that the server failed is no number among others."""

_NOTHING = frozenset({"null", "nil", "undefined", "None", "none"})

POLAR = frozenset(
    "ok okay error err errors fail fails failed failure failing fatal critical crit warn warning panic emerg alert notice"
    " info debug trace severe success succeeded successful successfully pass passed start started starting stop stopped"
    " stopping restart restarted restarting up down on off open opened opening close closed closing enable enabled"
    " disable disabled active inactive alive dead healthy unhealthy degraded online offline connect connected connecting"
    " disconnect disconnected accept accepted reject rejected refused denied allowed granted revoked valid invalid known"
    " unknown found missing lost ready pending running waiting exited killed crashed timeout timedout aborted cancelled"
    " canceled completed complete incomplete finished created deleted removed added read write reading writing sent"
    " received send receive begin end enter leave login logout in out increase decrease increased decreased full empty"
    " available unavailable not no never can cannot can't could couldn't is isn't was wasn't will won't did didn't does"
    " doesn't has hasn't yes none normal abnormal primary secondary master slave leader follower commit committed rollback"
    " null nil undefined get post put patch delete head options connect insert update select"
    " corrupt corrupted broken bad gone leaked stuck hung unresponsive unreachable overloaded throttled exceeded exhausted"
    " expired blocked declined deadlock deadlocked illegal unauthorized forbidden unexpected unhandled uncaught".split()
)
"""Words that say how it went, or which way: what differs in one of them is another thing, and never merged."""

_memo: dict[str, str] = {}


def mask_word(word: str) -> str:
    """Return one word (no white space in it) with its values replaced by their types."""
    found = _memo.get(word)
    if found is None:
        found = _masked(word)
        if len(word) <= _LONG:
            if len(_memo) >= _BOUND:
                _memo.clear()
            _memo[word] = found
    return found


def forget() -> None:
    """Forget the words that are remembered."""
    _memo.clear()


def _masked(word: str) -> str:
    if word.isalpha():
        return "<bool>" if word in _BOOLEANS else word
    shape = _SHAPE.fullmatch(word)
    if shape is not None:
        return f"<{shape.lastgroup}>"
    edges = _EDGES.match(word)
    if edges is None:
        return word
    before, core, after = edges.groups()
    return before + _core(core) + after if core else word


def _core(core: str) -> str:
    if core.isalpha():
        return "<bool>" if core in _BOOLEANS else core
    shape = _SHAPE.fullmatch(core)
    if shape is not None:
        return f"<{shape.lastgroup}>"
    parts = _PARTS.split(core)
    if len(parts) == 1:
        return _piece(core)
    return "".join(_in_order(parts))


def _in_order(parts: list[str]) -> list[str]:
    """Mask the parts of a word with separators in it; what follows `=` is a value whatever it looks like."""
    masked: list[str] = []
    value = False
    for number, part in enumerate(parts):
        if number % 2:
            if value and part in _GOES_ON:
                continue
            value = part == "="
            masked.append(part)
        elif not part:
            continue
        elif not value:
            masked.append(_piece(part))
        elif masked[-1] == "=":
            masked.append(_value(part))
    return masked


def _value(part: str) -> str:
    if part == SERVER_ERROR:
        return part
    if part.lower() in POLAR and part not in _NOTHING:
        return part
    shape = _SHAPE.fullmatch(part)
    return f"<{shape.lastgroup}>" if shape else "<str>"


def _piece(part: str) -> str:
    if part in _BOOLEANS:
        return "<bool>"
    shape = _SHAPE.fullmatch(part)
    if shape is not None:
        return f"<{shape.lastgroup}>"
    if _KEPT.fullmatch(part) is not None:
        return part
    if "0" in part:
        return "<id>"
    return "<str>" if _DOTTED.fullmatch(part) else part
