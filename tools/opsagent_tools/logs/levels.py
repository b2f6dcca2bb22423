"""Is this line an error? By the level it states itself, in the formats that services really write.

A level that is stated wins over words in the message ("INFO retry after Error: …" is no error). Lines without one are
errors where a runtime writes that way: the last line of a Python traceback, `Error: …` of Node, `panic: …` of Go,
`Exception in thread …` of Java. `may_have_errors` is the cheap question that comes first: plain substring searches over
a whole chunk, 100 times cheaper than asking line by line.
"""

from __future__ import annotations

import re

_NEEDLES = (
    b"err", b"fatal", b"panic", b"crit", b"traceback", b"exception", b"interrupt", b"failure", b"alert", b"emerg",
    b"severe", b'level":5', b'level":6', b'level": 5', b'level": 6', b"nhandled", b"segmentation fault",
)  # fmt: skip
_STARTS = re.compile(rb"^(?:<[0-3]>|[EF]\d{4} \d\d:)", re.MULTILINE)
"""syslog priorities; klog headers."""

_BAD = frozenset("error err fatal critical crit emerg emergency alert panic severe".split())
_HEAD = 160
"""A level stands near the start of a line; later words are the message's."""
_JSON_LEVEL = re.compile(
    r'"(?:level|severity|lvl|levelname|log\.level)"\s*:\s*(?:"(?P<word>[A-Za-z]+)"|(?P<number>\d+))'
)
_KEY_LEVEL = re.compile(r"\b(?:level|lvl|severity)=\"?(?P<word>[A-Za-z]+)")
_WORD_LEVEL = re.compile(
    r"(?:(?<![\w./=-])|(?<=\w\.)(?=[A-Z]+:))(?:"
    r"(?P<upper>TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|ERR|FATAL|CRITICAL|CRIT|EMERG|ALERT|PANIC|SEVERE)(?![\w./=-])"
    r"|[\[|<]\s*(?P<bracket>trace|debug|info|notice|warn(?:ing)?|error|err|fatal|critical|crit|emerg|alert|panic)\s*[\]|>]"
    r"|(?P<colon>error|fatal(?: error)?|panic|critical|Fatal(?: error)?|Critical): "
    r"|(?P<tabbed>(?<=\t)(?:debug|info|warn|error|fatal|panic)(?=\t))"
    r")"
)
_RAISED = re.compile(
    r"^\s*(?:Uncaught |Unhandled |Caused by: )?(?:[A-Za-z_$][\w$]*\.)*[A-Z][\w$]*(?:Error|Exception|Interrupt|Failure)(?::|$)"
    r"|^\s*(?:Uncaught )?Error(?: \[\w+\])?: "
    r"|^Exception in thread "
    r"|^(?:Uncaught|Unhandled)"
)
_SYSLOG = re.compile(r"<[0-3]>")
_KLOG = re.compile(r"[EF]\d{4} \d\d:\d\d:\d\d\.")
_TRACEBACK = "Traceback (most recent call last):"


def may_have_errors(chunk: bytes) -> bool:
    """Return False if no line in `chunk` can be an error; True means: look at the lines."""
    low = chunk.lower()
    for needle in _NEEDLES:  # not any(): a generator costs more than the searches
        if needle in low:
            return True
    return _STARTS.search(chunk) is not None


def level_of(line: str) -> str | None:
    """Return the level that a line states for itself, in lower case; None if it states none."""
    if line.startswith("{"):
        found = _JSON_LEVEL.search(line)
        if found is not None:
            word = found["word"]
            return word.lower() if word else _pino_level(int(found["number"]))
    head = line[:_HEAD]
    found = _KEY_LEVEL.search(head)
    if found is not None:
        return found["word"].lower()
    found = _WORD_LEVEL.search(head)
    return (found.group(found.lastgroup or 0)).lower().split()[0] if found is not None else None


def is_error(line: str) -> bool:
    """Tell whether a line, taken by itself, reports an error (the head of a traceback does)."""
    if _TRACEBACK in line or _SYSLOG.match(line):
        return True
    level = level_of(line)
    if level is not None:
        return level in _BAD
    return _RAISED.match(line) is not None or "Segmentation fault" in line or _KLOG.match(line) is not None


class ErrorLines:
    """Picks the error lines of one stream: of a traceback its last line, which names the exception."""

    def __init__(self) -> None:
        self._in_traceback = False

    def pick(self, lines: list[bytes]) -> list[str]:
        """Return the error lines among `lines`, in order."""
        if not self._in_traceback and not may_have_errors(b"\n".join(lines)):
            return []
        return [text for line in lines if (text := self._error(line)) is not None]

    def _error(self, line: bytes) -> str | None:
        if self._in_traceback:
            return self._traceback_line(line)
        if not may_have_errors(line):
            return None
        text = line.decode("utf-8", "replace")
        if _TRACEBACK in text:
            self._in_traceback = True
            stated = text.partition(_TRACEBACK)[0]
            return stated if stated.strip() and is_error(stated) else None
        return text if is_error(text) else None

    def _traceback_line(self, line: bytes) -> str | None:
        if not line or line[:1] in b" \t|+":
            return None
        self._in_traceback = False
        return line.decode("utf-8", "replace")


def _pino_level(number: int) -> str:
    return "fatal" if number >= 60 else "error" if number >= 50 else "info"
