"""Where the header of a log line ends, and what it says: when, how bad; hosts, processes, threads, loggers fall away.

Each pattern is a kind of stamp and, in one fixed order, what may follow it; the pattern that a source matched last is
tried first. That only makes it quick: what is taken for header depends on the line alone, so that the same message has
the same signature in whatever order, on whatever host. Standard library only.
"""

from __future__ import annotations

import functools
import re

from opsagent_tools.logs.stamps import KINDS, StampKind, month_day

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
_LOWER = "trace|debug|verbose|silly|info|notice|warn(?:ing)?|error|err|fatal|critical|crit|severe|alert|emerg"
_TITLE = "Trace|Debug|Verbose|Info|Information|Notice|Warn(?:ing)?|Error|Fatal|Critical|Severe"
_ANY = f"{_UPPER}|{_LOWER}|{_TITLE}|Note|[VDIWEFT]"
_BRACKET = r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]"
_NAME = r"[A-Za-z_][\w$.@/-]*"
_NO_ERROR = r"(?<!Error)(?<!Exception)(?<!Warning)(?<!Interrupt)(?<!Failure)(?<!Exit)(?<!Throwable)"
_LEVEL = (
    rf"(?:[\[(<] ?(?:\w+:)?({_ANY}) *[\])>]"
    rf"|({_UPPER})(?=[\s:|\]/,[-])"
    rf"|(?<!  )({_LOWER})(?=: |:$|\t| {{2,}}| *\|)"
    rf"|({_TITLE})(?=\t| {{2,}}| *\|))"
)
_BEFORE = rf"(?:\d+[:,]?[ \t]+|{_BRACKET}[ \t:|,-]*|[-|:,][ \t]*|{_NAME}(?: +[-|]|:) +|[\w.-]+@\w+ +)"
"""What stands between a stamp and a level: numbers of processes, threads in brackets, a logger with its delimiter.

None of them begins with a space: runs of spaces could else be divided among them in too many ways.
"""
_PLACE = r"[\w./$<>-]+\.(?:go|py|[cm]?[jt]sx?|rb|java|kt|scala|rs|c|cpp|h|php|cs|exs?|swift):\d+"
_LOGGER = (
    rf"(?:{_PLACE}:? (?:- )?"  # main.go:12: · app.py:12 -
    rf"|[A-Za-z_][\w$-]*(?:[.$/][\w$<>~-]+)+(?:{_BRACKET}|[@#:]\d+|\(\w+\)|:[A-Za-z_<][\w>]*)*{_NO_ERROR} *(?::(?= |\S|$)| -(?= )| \|(?= ))"
    rf"|[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+{_NO_ERROR} *:(?= )"
    rf"|{_NAME}(?::[\w<>]+:\d+)? +-(?= )"  # name - · module:function:12 -
    rf"|[A-Za-z]\w*(?= {{2,}}|\t)(?!: ))"  # a column
)
_THREAD = rf"{_BRACKET}(?=[ \t]*(?:{_LOGGER}|[-:|] |\[))|\[(?!client )(?:main|[^\[\]]*\d[^\[\]]*|-)\]:?"
_BEHIND = (
    rf"[:\],/]?[ \t]*(?:MainProcess\]|[\w-]+-\d+\])?(?:[-:|,]+(?=[ \t])[ \t]*)*"
    rf"(?:\(\d+\):?[ \t]+|\d+ --- |\d+#\d+: (?:\*\d+ )?|\[pid \d+[^\]]*\] )?"
    rf"(?:(?:{_THREAD})[ \t]*(?:[-:|][ \t]*)?){{0,3}}"
    rf"(?:{_LOGGER}[ \t]*|[A-Za-z_]\w*(?:\.\w+)+ \[(?:-|[^\[\]]*\d[^\[\]]*)\] )?"  # the latter: oslo's
)
_GENERAL = (
    rf"(?:[ \t]*{_BEFORE}{{0,5}}?{_LEVEL}{_BEHIND}"
    r"| [\w.:-]+ [\w./-]+ (?:\d+|-) [\w.-]+ (?:-|(?:\[[\w@.-]+(?: [\w-]+=\"(?:[^\"\\]|\\.)*\")*\])+)(?: |$)\ufeff?"  # RFC 5424
    rf"|[ \t]*(?:std(?:out|err) [FP] |{_PLACE}:? |[\w.-]+(?: \*\d\d)? - |[\w.-]+ [\w./()-]+\[\d+\]: ?)"
    rf"|[:,]?[ \t]?)"
)
_DOTTED = rf"[A-Za-z_][\w$-]*(?:[.$][\w$-]+)+{_NO_ERROR}: "
_FEW = "TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL"
_WORDS = r"(?=[\w.()/]+ [A-Za-z0-9])"
_QUICK = (
    rf" +({_FEW}) +\[[^\[\]]*\] {_DOTTED}(?=\S)"
    rf"| +({_FEW}) +{_DOTTED}(?=\S)"
    rf"| \d+ ({_FEW}) +{_DOTTED}(?=\S)"
    rf"| \[(error|notice|info|warn|debug|ERROR|INFO|WARN|DEBUG)\] {_WORDS}"
    rf"| - [\w.]+ - ({_FEW}) - {_WORDS}"
    rf"| +\[?({_FEW})(?:\]|:|) +{_WORDS}"
    r"| [\w.]+(?: \*\d\d)? - (?=[\w.-]+:\d+ [a-z]+[ ,])"
    rf"|:? (?!(?:{_UPPER}) )(?=[A-Za-z]+ [a-z]+(?: [a-z]|$))"
)
"""What `_GENERAL` finds too, sooner (a test compares them)."""
_SYSLOG = (
    r"(?: [\w.:-]+ +(?:-- )?(?:[^\s\[\]:]+(?: \d[\w.]*)?(?:\[[\d.]+\])?(?: \([^()]*\))?: ?|(?=last message repeated)|(?=message repeated))"
    rf"|{_QUICK}|{_GENERAL})"
)
_LOGCAT = rf"(?: +\d+ +\d+ ([VDIWEFA]) (?:.*?): ?| ([VDIWEFA])/[^():]*\( *\d+\): ?|{_QUICK}|{_GENERAL})"
BARE = re.compile(
    rf"(?:(?:[\[(<] ?(?P<bracket>{_UPPER}|{_LOWER}|{_TITLE}) *[\])>]"
    rf"|(?P<upper>TRACE|DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL|CRITICAL|SEVERE)(?=[\s:|\]/,[-]|$)"
    rf"|(?P<lower>trace|debug|verbose|info|warn|error|fatal)(?=: )"
    rf"|(?P<colon>{_UPPER})(?=: ))(?::(?=[\w.]+:)[\w.]+:)?{_BEHIND}"
    r"|<(?P<pri>\d{1,3})>(?:1 (?=\d{4}-))?"
    r"|\[Nest\] \d+ +- |[A-Z], (?=\[\d{4}-)|\d+:[MSCX] (?=\d)|\d+\|[\w.-]+ +\| |[\w.-]+-\d+ +\| "
    r")"
)
"""A header without a stamp: a level by itself, a priority of syslog's, the mark of a tool."""
PRIORITIES = ("fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug")
"""syslog's severities by number."""
_KLOG = r"[IWEFDN](\d{4} \d\d:\d\d:\d\d)\.(\d{6})() +\d+ [\w./-]+:\d+\] ?"
_ACCESS = r"(?:[\w.:-]+ )??[\w.:-]+ \S+ \S+ \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d)()(?: ([+-]\d{4}))?\] (?=\")"


class HeadKind:
    """One way to begin a line. The patterns are large: each is compiled when the first line asks for it."""

    def __init__(self, stamp: StampKind, pattern: str = "", *, lettered: bool = False) -> None:
        """`pattern`: the whole header, where it is not simply the stamp and what may follow it."""
        self.stamp = stamp
        self.lettered = lettered
        """The line begins with the letter of its level."""
        self.alone = not lettered and not stamp.introduces
        """Where it states no level, none stands elsewhere."""
        self._written = pattern

    @functools.cached_property
    def begin(self) -> re.Pattern[str]:
        """What the header begins with: the cheap question."""
        return re.compile(self._written or rf"[\[(]?{self.stamp.pattern}")

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """The whole header: groups 1 to 3 are the stamp's, one of the others is the level, where it states one."""
        behind = _SYSLOG if self.stamp.syslog else _LOGCAT if self.stamp.logcat else rf"(?:{_QUICK}|{_GENERAL})"
        return re.compile(self._written or rf"[\[(]?{self.stamp.pattern}(?: #\d+)?[\])]?{behind}")


HEADS: tuple[HeadKind, ...] = tuple(HeadKind(stamp) for stamp in KINDS)
ACCESS = HeadKind(next(kind for kind in KINDS if kind.name.startswith("31/Jan")), _ACCESS)
KLOG = HeadKind(StampKind("I0131 23:59:59", "", month_day), _KLOG, lettered=True)

_LETTERED = tuple(kind for kind in HEADS if kind.stamp.name[0].isalpha())
_DIGITS = tuple(kind for kind in HEADS if kind not in _LETTERED)
_BY_FIRST = {
    **dict.fromkeys("0123456789", _DIGITS),
    **dict.fromkeys("[(", HEADS),
    **dict.fromkeys("JFMASONDTW", _LETTERED),
    **{letter: (KLOG, *(_LETTERED if letter in "FWDN" else ())) for letter in "IWEFDN"},
}
CLOCK = re.compile(r"[\[(]?(?:[IWEFDN]?[\w/. ,-]{0,24}?\d\d?:\d\d:\d\d|\d{6} \d{6}|\d{8})")
"""What every header with a stamp has near its begin, but for those of another shape altogether (`ACCESS`)."""
HEADER_CHARS = 512
"""No header is longer; what a pattern may cost is bounded by that."""
FIRST_CHARS = frozenset("0123456789[(<:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""What a header may begin with."""


def starting_with(first: str) -> tuple[HeadKind, ...]:
    """Return the kinds of header whose stamp may begin with this character."""
    return _BY_FIRST.get(first, ())
