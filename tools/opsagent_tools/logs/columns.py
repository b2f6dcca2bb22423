"""Columns that a collector puts before a line: a label, a count, a host, a second stamp. Standard library only.

Programs that gather the logs of many machines write what they know before what was logged, and no two of them the same
columns. What they have in common: they come before a stamp, a level or a program's tag, and are values, not words.
"""

from __future__ import annotations

import re

_HEAD = 200
_WORDS = 10
"""Columns stand within so many words."""
_FIRST = re.compile(r"(?:-|[A-Z][A-Z0-9_]{2,}|[^\s\d]{0,20}\d\S*) +\S")
_TOKEN = re.compile(r"\S+")
_STAMP = re.compile(
    r"\d{4}[-/.]\d\d[-/.]\d\d[T _-]\d\d[:.]\d\d[:.]\d\d"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d\d? \d\d:\d\d:\d\d"
    r"|[12]\d{9}(?= )|\d\d:\d\d:\d\d"
)
_LEVEL = re.compile(r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|FATAL|CRITICAL|SEVERE|ALERT|EMERG|PANIC)(?= )")
_TAG = re.compile(r"[\w./()-]+\[\d+\]: ")
_PIPED = re.compile(r"(?:\d[\d:.,T /-]{5,30})?\|(?:[^|\s=]{0,40}\|){1,6}(?=\S)")
"""Columns between strokes, behind a stamp or none."""
_VALUE = re.compile(r"\S*\d\S*|[^\w\s]+|[A-Z][A-Z0-9_-]*")


def columns_end(text: str) -> int:
    """Return how many characters of columns stand before a stamp, a level, or the message behind a program's tag.

    0: none do. Half of the columns before a stamp may be words, of those before a level or a tag none.
    """
    piped = _PIPED.match(text)
    if piped is not None:
        return piped.end()
    if _FIRST.match(text) is None:
        return 0
    values = end = 0
    for words, found in enumerate(_TOKEN.finditer(text, 0, _HEAD)):
        begin = found.start()
        if words:
            if _STAMP.match(text, begin) is not None:
                end = begin if 2 * values >= words else end
            elif values == words:
                if _LEVEL.match(text, begin) is not None:
                    return begin
                tag = _TAG.match(text, begin)
                if tag is not None:
                    return tag.end()
        values += _VALUE.fullmatch(found[0]) is not None
        if words + 1 == _WORDS:
            break
    return end
