"""The labelled logs of applications: what is in them, and how well they are read. See `applications/README.md`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from opsagent_tools.logs.event import LogEvent
from opsagent_tools.logs.reading import EventReader

FOLDER = Path(__file__).parent / "applications"


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """One event as it ought to be read."""

    line: int
    lines: int
    level: str
    group: str
    exception: str = ""
    cause: str = ""
    frame: str = ""


class _File(msgspec.Struct, frozen=True):
    language: str
    made: str
    events: list[Label]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One log with its labels."""

    name: str
    language: str
    lines: list[bytes]
    labels: list[Label]


@dataclass(slots=True)
class ReadScore:
    """How many events of a log were read as they ought to be."""

    events: int = 0
    whole: int = 0
    """Events with exactly their lines."""
    levels: int = 0
    traces: int = 0
    """Labelled stack traces."""
    exceptions: int = 0
    causes: int = 0
    frames: int = 0
    wrong: list[str] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.wrong = []


def load() -> list[Labelled]:
    """Return all labelled logs, by name."""
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        file = msgspec.json.decode(path.read_bytes(), type=_File)
        lines = path.with_suffix(".log").read_bytes().removesuffix(b"\n").split(b"\n")
        found.append(Labelled(path.stem, file.language, lines, file.events))
    return found


def events_by_line(lines: Sequence[bytes]) -> list[tuple[int, LogEvent]]:
    """Return the events of a log with the number of the line (from 1) at which each begins."""
    reader = EventReader()
    events = [*reader.take(lines), *reader.flush()]
    found, at = [], 0
    for event in events:
        while at < len(lines) and not lines[at].strip():
            at += 1
        found.append((at + 1, event))
        at += event.lines
    return found


def score(log: Labelled) -> ReadScore:
    """Read one log and compare it with its labels."""
    result = ReadScore(events=len(log.labels))
    read = dict(events_by_line(log.lines))
    ends = {label.line for label in log.labels} | {len(log.lines) + 1}
    for label in log.labels:
        event = read.get(label.line)
        following = {at for at in read if label.line < at < min(end for end in ends if end > label.line)}
        if event is None or following or event.lines < label.lines:
            result.wrong.append(f"{log.name}:{label.line}: {label.group}: its lines are not one event")
            result.traces += bool(label.exception)
            continue
        result.whole += 1
        _compare(label, event, log.name, result)
    return result


def _compare(label: Label, event: LogEvent, name: str, result: ReadScore) -> None:
    wrong: dict[str, tuple[object, object]] = {}
    if event.level == label.level:
        result.levels += 1
    else:
        wrong["level"] = (event.level, label.level)
    if label.exception:
        trace = event.trace
        result.traces += 1
        for what in ("exception", "cause", "frame"):
            is_so, ought = getattr(trace, what, None), getattr(label, what)
            if is_so == ought:
                setattr(result, f"{what}s", getattr(result, f"{what}s") + 1)
            else:
                wrong[what] = (is_so, ought)
    elif event.trace is not None:
        wrong["trace"] = (event.trace.exception, "none")
    result.wrong += [
        f"{name}:{label.line}: {label.group}: {what} {is_so!r}, not {ought!r}" for what, (is_so, ought) in wrong.items()
    ]
