"""Where the header of a log line ends, and what it says: when, how bad; hosts, processes, threads, loggers fall away.

Each pattern is a kind of stamp and, in one fixed order, what may follow it; the pattern that a source matched last is
tried first. That only makes it quick: what is taken for header depends on the line alone, so that the same message has
the same signature in whatever order, on whatever host. Standard library only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from opsagent_tools.logs.stamps import KINDS, StampKind

LEVELS: dict[str, str] = {
    word: level
    for level, words in {
        "trace": "trace finest finer silly verbose v t",
        "debug": "debug fine d dbg",
        "info": "info information notice note log config i n inf http statement detail hint context",
        "warn": "warn warning w wrn",
        "error": "error err severe e eror",
        "fatal": "fatal critical crit emerg emergency alert panic dpanic f c a assert ftl",
    }.items()
    for lower in words.split()
    for word in (lower, lower.upper(), lower.title())
}
"""How levels are written → the six of `LogEvent.level`."""

_UPPER = (
    "TRACE|DEBUG|VERBOSE|INFO|INFORMATION|NOTICE|WARN(?:ING)?|ERROR|ERR|FATAL|CRITICAL|CRIT|SEVERE|FINE(?:R|ST)?|CONFIG"
    "|ALERT|EMERG|PANIC|DPANIC|LOG|STATEMENT|DETAIL|HINT|CONTEXT"
)
_LOWER = "trace|debug|verbose|silly|http|info|notice|note|warn(?:ing)?|error|err|fatal|critical|crit|severe|alert|emerg|panic"
_TITLE = "Trace|Debug|Verbose|Info|Information|Notice|Warn(?:ing)?|Error|Fatal|Critical|Severe"
_ANY = f"{_UPPER}|{_LOWER}|{_TITLE}|Note|[VDIWEFT]"
_BRACKET = r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]"
_NAME = r"[A-Za-z_][\w$.@/-]*"
_NO_ERROR = r"(?<!Error)(?<!Exception)(?<!Warning)(?<!Interrupt)(?<!Failure)(?<!Exit)(?<!Throwable)"
_LEVEL = (
    rf"(?:[\[(<] ?(?:\w+:)?({_ANY}) *[\])>]"
    rf"|({_UPPER})(?=[\s:|\]/,[-])"
    rf"|({_LOWER})(?=: |:$|\t| {{2,}}| *\|)"
    rf"|({_TITLE})(?=\t| {{2,}}| *\|))"
)
_BEFORE = rf"(?:\d+[:,]?[ \t]+|{_BRACKET}[ \t:|,-]*|[-|:,][ \t]*|{_NAME}(?: +[-|]|:) +|[ \t]+|[\w.-]+@\w+ )"
"""What stands between a stamp and a level: numbers of processes, threads in brackets, a logger with its delimiter."""
_PLACE = r"[\w./$<>-]+\.\w{1,5}:\d+"
_LOGGER = (
    rf"(?:{_PLACE}:? (?:- )?"  # main.go:12: · app.py:12 -
    rf"|[A-Za-z_][\w$-]*(?:[.$/][\w$<>~-]+)+(?:{_BRACKET}|[@#:]\d+|\(\w+\)|:[A-Za-z_<][\w>]*)*{_NO_ERROR} *(?::(?= |\S|$)| -(?= )| \|(?= ))"
    rf"|[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+{_NO_ERROR} *:(?= )"
    rf"|{_NAME}(?::[\w<>]+:\d+)? +-(?= )"  # name - · module:function:12 -
    rf"|[A-Za-z]\w*(?= {{2,}}|\t)(?!: ))"  # a column
)
_THREAD = rf"{_BRACKET}(?=[ \t]*(?:{_LOGGER}|[-:|] |\[))|\[(?!client )(?:main|[^\[\]]*\d[^\[\]]*|-)\]:?"
_BEHIND = (
    rf"[:\],/]?[ \t]*(?:MainProcess\]|[\w-]+-\d+\])?(?:[-:|,]+(?=[ \t]))*[ \t]*"
    rf"(?:\(\d+\):?[ \t]+|\d+ --- |\d+#\d+: (?:\*\d+ )?|-- :|\[pid \d+[^\]]*\] )?"
    rf"(?:(?:{_THREAD})[ \t]*[-:|]?[ \t]*){{0,3}}"
    rf"(?:{_LOGGER}[ \t]*)?"
)
_GENERAL = (
    rf"(?:{_BEFORE}{{0,5}}?{_LEVEL}{_BEHIND}"
    rf"|[ \t]*(?:std(?:out|err) [FP] |{_PLACE}:? |[\w.-]+(?: \*\d\d)? - |[\w.-]+ [\w./()-]+\[\d+\]: ?)"
    rf"|[:,]?[ \t]?)"
)
_SYSLOG = (
    r"(?: [\w.:-]+ +(?:-- )?(?:[^\s\[\]:]+(?: \d[\w.]*)?(?:\[[\d.]+\])?: ?|(?=last message repeated)|(?=message repeated))"
    rf"|{_GENERAL})"
)
_LOGCAT = rf"(?: +\d+ +\d+ ([VDIWEFA]) (?:.*?): ?| ([VDIWEFA])/[^():]*\( *\d+\): ?|{_GENERAL})"
_BARE = re.compile(
    rf"(?:(?:[\[(<] ?({_UPPER}|{_LOWER}|{_TITLE}) *[\])>]"
    r"|(TRACE|DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL|CRITICAL|SEVERE)(?=[\s:|\]/,[-])"
    rf"|({_LOWER})(?=: )|({_UPPER})(?=:[ :\w]))(?::(?=[\w.]+:)[\w.]+:)?{_BEHIND}"
    r"|<(\d{1,3})>(?:\d (?=\d{4}-))?"
    r"|\[Nest\] \d+ +- |[A-Z], (?=\[\d{4}-)|\d+:[MSCX] (?=\d)|\d+\|[\w.-]+ +\| |[\w.-]+-\d+ +\| "
    r")"
)
_KLOG = re.compile(r"([IWEFDN])(\d{4}) (\d\d:\d\d:\d\d)\.(\d{6}) +\d+ [\w./-]+:\d+\] ?")
_FIVE = re.compile(r" (?P<host>\S+) (?P<app>\S+) (?P<pid>\S+) (?P<id>\S+) (?:-|(?:\[(?:[^\]\\]|\\.)*\])+) ?(?:\ufeff)?")
_ACCESS = re.compile(
    r"(?:[\w.:-]+ )??[\w.:-]+ \S+ \S+ \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d)()(?: ([+-]\d{4}))?\] (?=\")"
)


@dataclass(frozen=True, slots=True)
class HeadKind:
    """One way to begin a line."""

    stamp: StampKind
    pattern: re.Pattern[str]


def _kind(stamp: StampKind) -> HeadKind:
    behind = _SYSLOG if stamp.syslog else _LOGCAT if stamp.logcat else _GENERAL
    return HeadKind(stamp, re.compile(rf"[\[(]?{stamp.pattern}[\])]?{behind}"))


HEADS: tuple[HeadKind, ...] = tuple(_kind(stamp) for stamp in KINDS)
ACCESS = HeadKind(next(kind for kind in KINDS if kind.name.startswith("31/Jan")), _ACCESS)
