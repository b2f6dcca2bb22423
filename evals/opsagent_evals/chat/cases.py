"""Files of chat cases: one command a line, and what a careful engineer would do about it (docs/evals.md).

    # services: api, worker, redis
    # procedures: export report
    reload api safely then show its logs | reload(api, safely=true); tail_logs(api)
    restart it                           | ask()

CasesError
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from opsagent_tools.registry import SPOKEN

_HEADER = re.compile(r"#\s*(services|procedures)\s*:\s*(.*)", re.IGNORECASE)
_CALL = re.compile(r"\s*([a-z_]+)\s*\((.*)\)\s*", re.DOTALL)
_KEY = re.compile(r"([a-z_]+)\s*=\s*(.*)", re.DOTALL)
_NUMBER = re.compile(r"\d+")
_QUOTES = "\"'"

ASK = "ask"
NUMBERS: Mapping[str, str] = {"tail_logs": "lines", "search_logs": "lines", "scale": "replicas"}
"""A tool's one number: what a bare number in a call means."""
TEXTS: Mapping[str, str] = {
    "search_logs": "query",
    "recall_incidents": "query",
    "hold": "for",
    "run_gui_procedure": "params",
}
"""A tool's one text: what a second bare word in a call means."""
UNTARGETED: Mapping[str, str] = {"approve": "id", "deny": "id", "teach": "text", "run_gui_procedure": "procedure"}
"""Tools that are about no unit: what the first bare word in a call means."""


class CasesError(ValueError):
    """A file of cases cannot be read. One line, with file and line number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that is expected. Values may be patterns: `*`, `~word`, a number, a text."""

    tool: str
    target: str | None = None
    """None: all of them, or the machine."""
    args: Mapping[str, str] = field(default_factory=dict)


Calls = tuple[Call, ...]
"""What is expected as a whole. Without any call: that nothing is planned (`ask()`)."""


@dataclass(frozen=True)
class Case:
    """One command, and every outcome that is right."""

    file: str
    line: int
    text: str
    alternatives: tuple[Calls, ...]
    services: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()

    @property
    def abstain(self) -> bool:
        """Tell whether it is one of those that nothing should be planned for."""
        return not self.alternatives[0]

    @cached_property
    def number(self) -> str:
        """Return how a person names it: `blind.txt:12`."""
        return f"{self.file}:{self.line}"


def read_cases(path: Path) -> tuple[Case, ...]:
    """Read a file of cases, or every `*.txt` of a folder. Raises CasesError, OSError."""
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    found = tuple(case for file in files for case in _read_file(file))
    if not found:
        raise CasesError(f"{path}: there are no cases in it: a case is a line `command | calls`")
    return found


def _read_file(path: Path) -> Iterator[Case]:
    there: dict[str, tuple[str, ...]] = {"services": (), "procedures": ()}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise CasesError(f"{path}: is no UTF-8 text") from error
    for number, line in enumerate(lines, 1):
        header = _HEADER.fullmatch(line.strip())
        if header:
            names = (name.strip() for name in header[2].split(","))
            there[header[1].lower()] = tuple(name for name in names if name)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            text, alternatives = _split(line)
        except ValueError as error:
            raise CasesError(f"{path}:{number}: {error}") from error
        yield Case(path.name, number, text, alternatives, there["services"], there["procedures"])


def _split(line: str) -> tuple[str, tuple[Calls, ...]]:
    """Part a line where what follows reads as calls: a command may have a bar in it. Raises ValueError."""
    wrong = ValueError("a case is `command | calls`, with `||` between alternatives")
    for bar in re.finditer(r"(?<!\|)\|(?!\|)", line):
        try:
            alternatives = tuple(read_calls(part) for part in line[bar.end() :].split("||"))
        except ValueError as error:
            wrong = error
            continue
        return line[: bar.start()].strip(), alternatives
    raise wrong


def read_calls(text: str) -> Calls:
    """Read `tool(target, key=value); …`. Raises ValueError."""
    calls = [_read_call(part) for part in _parts(text, ";") if part.strip()]
    if not calls:
        raise ValueError("an alternative has no call: write ask() where nothing is to be planned")
    if any(call.tool == ASK for call in calls):
        if len(calls) > 1:
            raise ValueError("ask() stands alone: what asks back plans nothing")
        return ()
    return tuple(calls)


def _read_call(text: str) -> Call:
    match = _CALL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text.strip()!r} is no call: write tool(target, key=value)")
    tool, inside = match.groups()
    if tool != ASK and tool not in SPOKEN:
        raise ValueError(f"there is no tool {tool!r}: there are {', '.join(SPOKEN)}, {ASK}")
    bare: list[str] = []
    args: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in _parts(inside, ","))):
        key = _KEY.fullmatch(part)
        if key:
            args["replicas" if key[1] == "instances" else key[1]] = _unquoted(key[2])
        else:
            bare.append(_unquoted(part))
    return _placed(tool, bare, args)


def _placed(tool: str, bare: Sequence[str], args: dict[str, str]) -> Call:
    """Give every bare word its place: the target, the tool's one number, its one text."""
    target: str | None = args.pop("target", None)
    for at, word in enumerate(bare):
        if at == 0 and tool in UNTARGETED:
            args.setdefault(UNTARGETED[tool], word)
        elif tool in NUMBERS and _NUMBER.fullmatch(word):
            args.setdefault(NUMBERS[tool], word)
        elif at == 0 and target is None:
            target = word
        elif tool in TEXTS:
            args.setdefault(TEXTS[tool], word)
        else:
            raise ValueError(f"{tool}({', '.join(bare)}): {word!r} has no place there: name it (key=value)")
    return Call(tool=tool, target=None if target in {None, "all", "*", ""} else target, args=args)


def _parts(text: str, at: str) -> Iterator[str]:
    """Split at a sign, but not inside quotes or brackets."""
    quote, depth, begun = "", 0, 0
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in _QUOTES and (place == 0 or not text[place - 1].isalnum()):
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == at and depth == 0:
            yield text[begun:place]
            begun = place + 1
    yield text[begun:]


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] in _QUOTES and text[-1] == text[0] else text
