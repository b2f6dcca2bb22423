"""A message without its values: words masked by shape (`masks.py`), then what only shows between words. Stateless."""

from __future__ import annotations

import re

from opsagent_tools.logs.masks import POLAR, STATUS, mask_word

LONGEST = 2000
"""Characters of a message that are looked at."""

_QUOTED = re.compile(r"(?<![\w\\])(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`)(?![\w])")
_REQUEST = re.compile(r"\"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) [^\"]*\"")
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_STATUS = re.compile(
    r"(?P<before>HTTP/\d(?:\.\d)?\"?\s+|\bstatus(?:[ _-]?code)?\"?\s?[:= ]\s?|\bHTTP\s|\b(?:GET|POST|PUT|DELETE) /\S*\s)(?P<class>[1-5])\d\d(?![\w.])",
    re.IGNORECASE,
)
_CLASSES = dict(zip("12345", sorted(STATUS), strict=True))
_SHOWN = str.maketrans({sign: f"{number}xx" for number, sign in _CLASSES.items()})
_OBJECT = re.compile(r"(?<=\w)\{[^{}]*\}")
_OBJECT_NAME = re.compile(r"[\w.$]*\x01+")
OBJECT, QUOTE = "\x01", "\x02"
"""Stand for what was taken out of a message before it is cut into words."""
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_DATE = re.compile(
    rf"(?:{_DAY},?\s)?(?:{_MONTH}\s+<n>|<n>\s{_MONTH}),?(?:\s<n>)?,?\s<time>(?:\s(?:UTC|GMT|[A-Z]{{3,4}}))?(?:\s<n>)?"
    rf"|{_DAY},?\s(?:{_MONTH}\s<n>|<n>\s{_MONTH})(?:,?\s<n>)?|<time>\s<time>"
)
_DURATION = re.compile(
    r"<n> ?(?:ns|us|µs|ms|msecs?|milliseconds?|MILLISECONDS|s|secs?|seconds?|SECONDS|mins?|minutes?|h|hrs?|hours?|days?)\b(?:\(s\))?"
)
_SIZE = re.compile(r"<n> ?(?:bytes?|B|[kKMGT]i?B|%|[KMG]Hz)(?![\w/])")
_AGAIN = re.compile(r"<(n|dur)> ?\(<(?:n|dur)>\)")
_JOINED = re.compile(r"<\w+>(?:[:/@|.-]<\w+>)+")
_LIST = re.compile(r"((?:[\w.-]*)<\w+>)(?:(?:, ?| )\1)+")
_EMPTY = re.compile(r"(?<=\s)(?:\(\)|\[\]|\{\}|\"\"|'')(?=\s|$|[,;])")
_ASSIGNED = re.compile(r"(?<=[\w\])>]\s=\s|.[\w\])>]=\s)([A-Za-z][\w.$-]*)(?=[\s,;)\]}]|$)(?!\s?=)")
_USER = re.compile(
    r"(?<=\buser )(?!(?:unknown|not|is|was|has|does|did|name|id|and|or|for|from|in|on|with|to|by|at|agent|session|process"
    r"|authentication|account|input|error|data|request|requested|failed|logged|login|logout|cannot|can|could|will)\b)"
    r"([A-Za-z][\w.$-]*)(?=\s|$|[,;:)\]'\".])"
)
_FOR = re.compile(r"(?<=\bfor )[A-Za-z][\w.$-]*(?= from <addr>)")


def outline(message: str) -> bytes:
    """Return the message with each row of digits as one `0`: what all that is stateless here is made of."""
    if len(message) > LONGEST:
        message = message[:LONGEST]
    if "HTTP/" in message or "tatus" in message or "T /" in message or "E /" in message:
        message = _STATUS.sub(_status_class, message)
    shape = message.encode("utf-8", "surrogatepass").translate(_DIGITS)
    while b"00" in shape:
        shape = shape.replace(b"00", b"0")
    return shape


def mask(shape: bytes) -> str:
    """Return an outline with values replaced by types, white space as single blanks."""
    message = shape.decode("utf-8", "surrogatepass")
    if '"' in message or "'" in message or "`" in message:
        message = _REQUEST.sub(r"\1 <path>", message)
        message = _QUOTED.sub(_quoted, message)
    if "{" in message:
        for _ in range(4):
            found = _OBJECT.sub(OBJECT, message)
            if found == message:
                break
            message = found
        message = _OBJECT_NAME.sub(OBJECT, message)
    return " ".join(map(mask_word, message.split()))


def _status_class(found: re.Match[str]) -> str:
    """Write the class of an HTTP status in letters: that it failed is no number among others."""
    return found["before"] + _CLASSES[found["class"]]


def _quoted(found: re.Match[str]) -> str:
    if found.string[found.start() - 1 : found.start()] == "=":
        return QUOTE
    return found[1][0] + QUOTE + found[1][0]


def settle(masked: str) -> str:
    """Return a masked message with what belongs together joined: dates, quantities with their unit, lists."""
    text = masked.replace(QUOTE, "<str>").replace(OBJECT, "<obj>").translate(_SHOWN)
    if "<" in text:
        text = _DATE.sub("<time>", text)
        text = _DURATION.sub("<dur>", text)
        text = _SIZE.sub("<n>", text)
        text = _AGAIN.sub(r"<\1>", text)
        text = _JOINED.sub("<id>", text)
    text = _EMPTY.sub("(<str>)", text)
    text = _ASSIGNED.sub(_assigned, text)
    text = _USER.sub("<str>", text)
    text = _FOR.sub("<str>", text)
    return _LIST.sub(r"\1", text)


def _assigned(found: re.Match[str]) -> str:
    return found[0] if found[1].lower() in POLAR else "<str>"


_TYPE = re.compile(r"<(?:n|id|path|addr|dur|url|str|bool|time|obj)>")


def untyped(template: str) -> str:
    """Return the template with all types alike: what the key is made of."""
    return _TYPE.sub("<*>", template)
