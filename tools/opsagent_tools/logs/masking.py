"""A message without its values: words masked by shape (`masks.py`), then what only shows between words. Stateless."""

from __future__ import annotations

import re

from opsagent_tools.logs.masks import POLAR, SERVER_ERROR, mask_word

LONGEST = 2000
"""Characters of a message that are looked at."""

_QUOTED = re.compile(r"(?<![\w\\])(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`)(?![\w])")
_REQUEST = re.compile(r"\"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) [^\"]*\"")
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_STATUS = re.compile(
    r"(?P<before>HTTP/\d(?:\.\d)?\"?\s+|\bstatus(?:[ _-]?code)?\"?\s?[:= ]\s?|\bHTTP\s|\b(?:GET|POST|PUT|DELETE) /\S*\s)5\d\d(?![\w.])",
    re.IGNORECASE,
)
_HEX = re.compile(rb"\b[0a-fA-F]{5,}(?:-[0a-fA-F]+){0,4}\b")
_FIVE = re.compile(r"[\s=:]5\d\d(?![\w.])")
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
_LIST = re.compile(r"(['\"]?[\w.-]{0,64}+<\w+>['\"]?(?:: ?['\"]?<\w+>['\"]?)?)(?:(?:, ?| )\1)+")
_PHRASE = re.compile(
    r"(?<=> <n>) (?:OK|Created|Accepted|No Content|Partial Content|Moved Permanently|Found|See Other|Not Modified"
    r"|(?:Temporary|Permanent) Redirect|Bad Request|Unauthorized|Forbidden|Not Found|Method Not Allowed|Conflict|Gone"
    r"|Payload Too Large|Unprocessable (?:Entity|Content)|Too Many Requests)(?=$|\s)"
)
"""What HTTP calls a status below 500: it says no more than the number."""
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
    shape = rough_outline(message)
    if may_have_status(shape) and has_server_error(message):
        shape = rough_outline(_STATUS.sub(_server_error, message[:LONGEST]))
    return without_hex(shape)


def without_hex(shape: bytes) -> bytes:
    """Return a rough outline with what is hexadecimal, and therefore never the same, written alike."""
    return _HEX.sub(_hex, shape)


def rough_outline(message: str) -> bytes:
    """Return the outline of a message in which no HTTP status can be."""
    try:
        shape = message[:LONGEST].encode().translate(_DIGITS)
    except UnicodeEncodeError:
        shape = message[:LONGEST].encode("utf-8", "surrogatepass").translate(_DIGITS)
    while b"00" in shape:
        shape = shape.replace(b"00", b"0")
    return shape


def may_have_status(shape: bytes) -> bool:
    """Tell whether there may be an HTTP status in a message of this rough outline."""
    return b"HTTP/" in shape or b"tatus" in shape or b"T /" in shape or b"E /" in shape


def has_server_error(message: str) -> bool:
    """Tell whether there may be an HTTP status from 500 up in a message that may have one."""
    return _FIVE.search(message) is not None


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


def _hex(found: re.Match[bytes]) -> bytes:
    text = found[0]
    return b"0x0" if b"0" in text and text.strip(b"0-") else text


def _server_error(found: re.Match[str]) -> str:
    return found["before"] + SERVER_ERROR


def _quoted(found: re.Match[str]) -> str:
    if found.string[found.start() - 1 : found.start()] == "=":
        return QUOTE
    return found[1][0] + QUOTE + found[1][0]


def settle(masked: str) -> str:
    """Return a masked message with what belongs together joined: dates, quantities with their unit, lists."""
    text = masked.replace(QUOTE, "<str>").replace(OBJECT, "<obj>").replace(SERVER_ERROR, "5xx")
    if "<n>" in text or "<time>" in text:
        text = _DATE.sub("<time>", text)
    if "<n>" in text:
        text = _DURATION.sub("<dur>", text)
        text = _SIZE.sub("<n>", text)
        text = _PHRASE.sub("", text)
    if "(<" in text:
        text = _AGAIN.sub(r"<\1>", text)
    if "<" in text:
        text = _JOINED.sub("<id>", text)
    if "()" in text or "[]" in text or "{}" in text or "''" in text or '""' in text:
        text = _EMPTY.sub("(<str>)", text)
    if "= " in text:
        text = _ASSIGNED.sub(_assigned, text)
    if "user " in text:
        text = _USER.sub("<str>", text)
    if " from <addr>" in text:
        text = _FOR.sub("<str>", text)
    return _LIST.sub(r"\1", text) if "<" in text else text


def _assigned(found: re.Match[str]) -> str:
    return found[0] if found[1].lower() in POLAR else "<str>"


_TYPE = re.compile(r"<(?:n|id|path|addr|dur|url|str|bool|time|obj)>")


def untyped(template: str) -> str:
    """Return the template with all types alike: and all quotes: what the key is made of."""
    return _TYPE.sub("<*>", template).replace('"<*>"', "'<*>'").replace("`<*>`", "'<*>'")
