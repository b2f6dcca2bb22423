"""Commands of a shell that people type from habit: `systemctl restart nginx`, `journalctl -u api -n 50`, `df -h`. Pure.

Nothing is run in a shell: the line is read as what its author wants to happen to a service. A line is taken as a whole
or not at all: a program, an option or a word that is not known here leaves the text to the other rules, which ask back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from opsagent.commands.known import Known
from opsagent.commands.tags import Role, Row, Tag
from opsagent.commands.words import Token, tokenize

_ENDS = frozenset({"&&", ";"})
_LEADS = frozenset({"sudo", "please", "pls", "plz", "run", "execute", "$", "#", ">"})
_TRAILS = frozenset({"please", "pls", "plz", "thanks", "thx", "."})
_VERBS = frozenset({"restart", "stop", "start", "reload"})
_SUFFIX = re.compile(r"(?:\.service|\.log|\.out|-error\.log)$")
_KIND = re.compile(r"^(?:deployments?|deploy|services?|svc|statefulsets?|sts|pods?|po|unit)/|^/var/log/")
_KINDS = frozenset({"deployment", "deployments", "deploy", "statefulset", "sts", "service", "pod"})
_AGO = re.compile(r"(\d{1,4}) ?(s|m|h|d|sec|min|hour|day)[a-z]*(?: ago)?")
_DISPLAY = frozenset({"-f", "-F", "-e", "-x", "-xe", "-ex", "-l", "-q", "-t", "-r", "--follow", "--full", "--no-pager", "--quiet", "--no-hostname",
                      "--raw", "--update-env", "--timestamps", "-i", "-E", "-w", "-d", "--no-tail"})  # fmt: skip
"""Options that say only how something is shown."""
_LINES = frozenset({"-n", "--lines", "--tail"})
_LOOKS = frozenset(
    {"df", "free", "uptime", "top", "htop", "vmstat", "iostat", "btop", "lscpu", "nproc", "sar", "dmesg"}
)


@dataclass(slots=True)
class _Line:
    """One command of a line: its words, and what its options said."""

    words: list[str]
    quoted: frozenset[str]
    known: Known
    tags: list[Tag] = field(default_factory=list)
    strange: bool = False
    place: int = 0

    def add(self, role: Role, value: str, form: str = "") -> None:
        self.tags.append(Tag(role, value, self.place, self.place, form))

    def unit(self, word: str) -> None:
        """Add the unit that a word names; a word that names none makes the line strange."""
        for name in (word, _SUFFIX.sub("", word), _KIND.sub("", word), _SUFFIX.sub("", _KIND.sub("", word))):
            if name in self.known.by_name:
                self.add(Role.UNIT, name)
                return
        self.strange = True

    def units(self, words: Sequence[str]) -> None:
        """Add all of them; none at all, or the same one twice, is strange."""
        for number, word in enumerate(words):
            if number:
                self.add(Role.JOIN, ",")
            self.unit(word)
        self.strange |= not words


def row(tokens: Sequence[Token], known: Known) -> Row | None:
    """Return a line of shell commands as tags; None: it is no such line, or not all of it is understood."""
    while len(tokens) == 1 and tokens[0].quoted:
        inner = tokenize(tokens[0].text)
        tokens = inner if len(inner) > 1 else ()
    if len(tokens) > 1 and tokens[-1].quoted and all(token.text.lower() in _LEADS for token in tokens[:-1]):
        tokens = tokenize(tokens[-1].text)
    lines: list[list[Token]] = [[]]
    for token in tokens:
        if token.text in _ENDS and not token.quoted:
            lines.append([])
        else:
            lines[-1].append(token)
    tags: list[Tag] = []
    for number, line in enumerate(lines):
        read = _line(line, known, len(tokens))
        if read is None:
            return None
        tags.extend([*([Tag(Role.JOIN, "then", len(tokens), len(tokens))] if number else []), *read])
    return tuple(tags)


def _line(tokens: list[Token], known: Known, end: int) -> list[Tag] | None:
    while tokens and not tokens[0].quoted and tokens[0].text.lower() in _LEADS and tokens[0].text not in known.by_name:
        tokens = tokens[1:]
    while tokens and not tokens[-1].quoted and tokens[-1].text.lower() in _TRAILS and len(tokens) > 1:
        tokens = tokens[:-1]
    if not tokens or tokens[0].quoted or tokens[0].text in known.by_name:
        return None
    program = tokens[0].text
    words = [token.text for token in tokens[1:]]
    line = _Line(words, frozenset(token.text for token in tokens if token.quoted), known, place=end)
    if program in _LOOKS:
        plain = all(word.startswith("-") or re.fullmatch(r"/[\w/.-]*|\d{1,3}", word) for word in words)
        if not plain:
            return None
        _show(line, "machine")
        return line.tags
    reads = _PROGRAMS.get(program)
    if reads is None:
        return None
    reads(line)
    return None if line.strange or not line.tags else line.tags


def _show(line: _Line, noun: str) -> None:
    line.add(Role.VERB, "show", "imperative")
    line.add(Role.NOUN, noun)


def _options(line: _Line, words: Sequence[str], valued: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the plain words, and the values of options; an option that is not known makes the line strange."""
    plain: list[str] = []
    values: dict[str, str] = {}
    rest: Iterator[str] = iter(words)
    for word in rest:
        name, _, value = word.partition("=")
        glued = re.fullmatch(r"(-n)(\d{1,6})", word)
        if glued:
            values["lines"] = glued[2]
        elif re.fullmatch(r"-\d{1,6}", word) and "lines" in valued.values():
            values["lines"] = word[1:]
        elif name in valued:
            values[valued[name]] = value or next(rest, "")
        elif word.startswith("-") and word not in line.quoted:
            line.strange |= word not in _DISPLAY
        else:
            plain.append(word)
    return plain, values


def _said_of_logs(line: _Line, values: Mapping[str, str]) -> None:
    """Add how many lines, since when, and what is looked for."""
    if "lines" in values:
        line.strange |= not values["lines"].isdigit()
        line.add(Role.NUMBER, values["lines"], "lines")
    if "since" in values:
        ago = _AGO.fullmatch(values["since"].lower().removeprefix("-"))
        days = {"today": "1d", "yesterday": "2d"}.get(values["since"].lower())
        line.strange |= ago is None and days is None
        line.add(Role.DURATION, days or (f"{ago[1]}{ago[2][0]}" if ago else ""), "since")


def _logs(line: _Line, words: Sequence[str], valued: Mapping[str, str]) -> None:
    """Read the options and the unit of a program that shows logs; `| grep timeout` behind it looks for something."""
    words = list(words)
    query = ""
    if "|" in words:
        at = words.index("|")
        behind = [word for word in words[at + 1 :] if not (word in _DISPLAY and word not in line.quoted)]
        line.strange |= len(behind) != 2 or behind[0] != "grep"
        query, words = behind[-1] if behind else "", words[:at]
    plain, values = _options(line, words, valued)
    line.add(Role.VERB, "search" if query else "show", "imperative")
    line.add(Role.NOUN, "logs")
    named = [*([values["unit"]] if "unit" in values else []), *(word for word in plain if word not in _KINDS)]
    line.strange |= len(named) != 1
    line.units(named)
    _said_of_logs(line, values)
    if query:
        line.add(Role.QUERY, query)


def _change(line: _Line, verb: str, words: Sequence[str]) -> None:
    line.add(Role.VERB, verb, "imperative")
    if list(words) == ["all"] and "all" not in line.known.by_name:
        line.add(Role.ALL, "all")
    else:
        line.units(words)


def _look(line: _Line, words: Sequence[str]) -> None:
    if words:
        line.add(Role.VERB, "check", "imperative")
        line.units(words)
    else:
        _show(line, "services")


def _managed(line: _Line) -> None:
    """Read `PROGRAM [options] VERB UNIT …`: systemctl, supervisorctl, pm2, docker, kubectl."""
    words, values = _options(
        line, line.words, {"--replicas": "to", "--lines": "lines", "--tail": "lines", "-n": "lines", "--since": "since"}
    )
    verb, rest = (words[0], words[1:]) if words else ("status", [])
    if verb in {"compose", "rollout", "container"} and rest:
        verb, rest = rest[0], rest[1:]
        if verb == "restart" and words[0] == "rollout":
            line.add(Role.MANNER, "safely")
    rest = [word for word in rest if word not in _KINDS or word in line.known.by_name]
    logged = verb in {"logs", "log", "tail"}
    line.strange |= bool(values) and not logged and not (verb == "scale" and set(values) == {"to"})
    if verb in _VERBS:
        _change(line, verb, rest)
    elif verb == "undo" and words[0] == "rollout":
        _change(line, "rollback", rest)
    elif verb == "scale":
        _scale(line, rest, values.get("to", ""))
    elif logged:
        line.add(Role.VERB, "show", "imperative")
        line.add(Role.NOUN, "logs")
        line.strange |= len(rest) != 1
        line.units(rest)
        _said_of_logs(line, values)
    elif verb in {"ls", "list", "ps", "l", "jlist", "monit", "list-units", "stats", "get", "avail"}:
        line.strange |= any(word not in {"pods", "pod", "all", "svc", "po", "services"} for word in rest)
        _show(line, "services")
    elif verb in {"status", "is-active", "show", "describe", "info", "inspect", "is-failed", "desc"}:
        _look(line, [] if rest == ["all"] else rest)
    elif verb == "top":
        _show(line, "machine")
    else:
        line.strange = True


def _scale(line: _Line, words: list[str], to: str) -> None:
    number = to or (words.pop() if words else "")
    if not to and "=" in number:  # docker compose: web=3
        name, _, number = number.partition("=")
        words.append(name)
    line.add(Role.VERB, "scale", "imperative")
    line.strange |= len(words) != 1 or not number.lstrip("+-").isdigit()
    line.units(words)
    form = {"+": "more", "-": "fewer"}.get(number[:1], "to")
    line.add(Role.NUMBER, number.lstrip("+-"), form)


def _named_first(line: _Line) -> None:
    """Read `service UNIT VERB`."""
    words, _ = _options(line, line.words, {})
    if len(words) != 2:
        line.strange = True
    elif words[1] in _VERBS:
        _change(line, words[1], words[:1])
    elif words[1] == "status":
        _look(line, words[:1])
    else:
        line.strange = True


_JOURNAL = {"-u": "unit", "-fu": "unit", "-xu": "unit", "-eu": "unit", "-xeu": "unit", "-xfu": "unit", "--unit": "unit", "-n": "lines",
            "--lines": "lines", "--since": "since", "-S": "since", "-t": "unit", "-efu": "unit", "-feu": "unit", "-exu": "unit"}  # fmt: skip


def _journal(line: _Line) -> None:
    _logs(line, line.words, _JOURNAL)


def _tail(line: _Line) -> None:
    _logs(line, line.words, {"-n": "lines", "-fn": "lines", "--lines": "lines", "-nf": "lines", "-c": "bytes"})


def _grep(line: _Line) -> None:
    words, _ = _options(line, line.words, {})
    if len(words) != 2 or words[1] not in {*line.known.by_name, f"{_SUFFIX.sub('', words[1])}.log"}:
        line.strange = True
        return
    line.add(Role.VERB, "search", "imperative")
    line.add(Role.NOUN, "logs")
    line.unit(words[1])
    line.add(Role.QUERY, words[0])


def _processes(line: _Line) -> None:
    words = list(line.words)
    if "|" in words:
        line.strange |= words[words.index("|") + 1 : -1] != ["grep"]
        _look(line, words[-1:])
    else:
        line.strange |= any(not re.fullmatch(r"-?[a-z]{1,5}", word) for word in words)
        _show(line, "services")


_PROGRAMS: Mapping[str, Callable[[_Line], None]] = {
    **dict.fromkeys(("systemctl", "supervisorctl", "pm2", "docker", "docker-compose", "podman", "kubectl", "k", "sv", "monit"), _managed),
    **dict.fromkeys(("service", "rc-service"), _named_first),
    "journalctl": _journal, "tail": _tail, "less": _tail, "grep": _grep, "ps": _processes,
}  # fmt: skip
