"""What became of PM2's apps, from `pm2.log` as far back as it goes. Pure: lines in, events out.

The log says of an end whether it was asked for (`Stopping app` stands before it), and with which code or signal. A stop is
told from the first half of a restart by what follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from opsagent_tools.supervisors.past import PastEvent, PastKind
from opsagent_tools.supervisors.pm2.daemon_log import Line, Said, megabytes, parse
from opsagent_tools.supervisors.pm2.history import exit_code

_STAMP = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.\d+)?(?P<offset>Z|[+-]\d\d:?\d\d)?: PM2 (?:log|error): "
)
_STARTING = re.compile(r"App \[(?P<name>.*):(?P<id>\w+)\] starting in -\w+ mode-\r?$")
_MARKS = ("App [", "Stopping app:", "[PM2][WORKER]", "too many unstable restarts", "Daemon started", "[PM2] Resurrecting",
          "successfully stopped", "killed by signal")  # fmt: skip
_RESTARTED_S = 5.0
"""A process that was asked to end and is started again within this time was restarted, not stopped."""
_LATER_S = 120.0
"""An end belongs to a request (or to too much memory) that is at most so old."""
Clock = Callable[[float, float | None], float]
"""Wall-clock seconds and the moment before → seconds since the epoch (`opsagent_tools.logs.zones.Zone.epoch`)."""


def wall_of(line: str) -> float | None:
    """Return the time that a line of the log states, taken for UTC; None: it states none, or one with its offset."""
    stamp = _STAMP.match(line)
    return None if stamp is None or stamp["offset"] else _wall(stamp["at"])


def _wall(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


@dataclass(slots=True)
class _Story:
    at: float = 0.0
    asked: dict[tuple[str, str], float] = field(default_factory=dict)
    heavy: dict[str, tuple[float, str]] = field(default_factory=dict)
    """By number: when and how much memory it used."""
    names: dict[str, str] = field(default_factory=dict)
    """By number: the app's name."""
    running: dict[str, set[str]] = field(default_factory=dict)
    ending: dict[str, float] = field(default_factory=dict)
    """Apps whose last process ended because somebody asked, and when: stopped, if nothing starts them again."""
    last_exit: str = ""
    told_to_end: bool = False


def events(lines: Iterable[str], clock: Clock) -> Iterator[PastEvent]:
    """Tell what the lines say. A line without a time has that of the line before."""
    story = _Story()
    for text in lines:
        stamp = _STAMP.match(text)
        if stamp is not None:
            wall = _wall(stamp["at"])
            if wall is not None:
                story.at = _moment(stamp, wall, clock, story.at)
            if story.ending:
                yield from _stopped(story, story.at - _RESTARTED_S)
        if any(mark in text for mark in _MARKS):
            yield from _tell(story, text)
    yield from _stopped(story, float("inf"))


def _moment(stamp: re.Match[str], wall: float, clock: Clock, before: float) -> float:
    if stamp["offset"]:
        try:
            return datetime.fromisoformat(stamp["at"] + stamp["offset"]).timestamp()
        except ValueError:  # no offset that clocks have
            pass
    return clock(wall, before or None)


def _stopped(story: _Story, until: float) -> Iterator[PastEvent]:
    """Tell of the apps that were asked to end and that nothing started again."""
    for name, at in [(name, at) for name, at in story.ending.items() if at <= until]:
        del story.ending[name]
        yield PastEvent(kind=PastKind.STOPPED, at=min(at + _RESTARTED_S, max(story.at, at)), name=name)


def _tell(story: _Story, text: str) -> Iterator[PastEvent]:
    starting = _STARTING.search(text)
    if starting is not None:
        yield _started(story, starting["name"], starting["id"])
        return
    line = parse(text)
    if line is None:
        return
    match line.said:
        case Said.STOPPING:
            story.asked[line.name, _number(line)] = story.at
        case Said.MEMORY:
            used, limit = line.amounts
            story.heavy[line.pm_id] = (story.at, f"{megabytes(used)} of {megabytes(limit)}")
        case Said.EXITED:
            yield from _exited(story, line)
        case Said.GAVE_UP if story.last_exit:
            yield PastEvent(
                kind=PastKind.GAVE_UP, at=story.at, name=story.last_exit, reason=f"{line.amounts[0]} restarts"
            )
        case Said.ASKED_TO_END | Said.SIGNALLED:
            story.told_to_end = True
            yield PastEvent(kind=PastKind.DAEMON_ENDED, at=story.at)
        case Said.BORN:
            yield _born(story)
        case _:
            pass


def _started(story: _Story, name: str, number: str) -> PastEvent:
    story.names[number] = name
    story.running.setdefault(name, set()).add(number)
    story.ending.pop(name, None)
    story.asked.pop((name, number), None)
    return PastEvent(kind=PastKind.SPAWNED, at=story.at, name=name, instance=number)


def _exited(story: _Story, line: Line) -> Iterator[PastEvent]:
    name, number, code = line.name, _number(line), exit_code(line)
    replaced = line.pm_id != number  # a reload's old one; its successor has the number already
    running = story.running.setdefault(name, set())
    if not replaced:
        running.discard(number)
    heavy = story.heavy.pop(number, None)
    if heavy is not None and story.at - heavy[0] <= _LATER_S:
        story.asked.pop((name, number), None)
        yield PastEvent(kind=PastKind.MEMORY, at=story.at, name=name, instance=number, exit_code=code, reason=heavy[1])
        return
    asked = story.asked.pop((name, number), None)
    if asked is not None and story.at - asked <= _LATER_S:
        yield PastEvent(kind=PastKind.ENDED, at=story.at, name=name, instance=line.pm_id, exit_code=code)
        if not running:
            story.ending[name] = story.at
        return
    story.last_exit = name
    # PM2 tells neither 0 from SIGINT nor who sent that; what nobody asked PM2 for is an end by itself all the same.
    yield PastEvent(kind=PastKind.DIED, at=story.at, name=name, instance=line.pm_id, exit_code=code)


def _born(story: _Story) -> PastEvent:
    """A daemon that was not told to end, and that another one follows, died."""
    ran = any(story.running.values())
    reason = "" if story.told_to_end or not ran else "the one before it ended without a word"
    story.running.clear()
    story.asked.clear()
    story.ending.clear()
    story.told_to_end = False
    return PastEvent(kind=PastKind.DAEMON_BEGAN, at=story.at, reason=reason)


def _number(line: Line) -> str:
    return line.pm_id.removeprefix("_old_")
