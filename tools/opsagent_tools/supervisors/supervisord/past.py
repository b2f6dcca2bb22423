"""What became of supervisord's processes, from its own log as far back as it goes. Lines in, events out; nothing is asked.

At log level `debug` programs write into that log: then it tells nothing (`chronicle.py`).
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from opsagent_tools.supervisors.past import PastEvent, PastKind, Stops
from opsagent_tools.supervisors.supervisord.conf import expand, read_conf
from opsagent_tools.supervisors.supervisord.info import unit_names
from opsagent_tools.supervisors.supervisord.origin import Origin, origin_of

_LINE = re.compile(r"(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d{3} (?P<level>[A-Z]{4}) (?P<says>.*)")
_SPAWNED = re.compile(r"spawned: '(?P<name>.*)' with pid (?P<pid>\d+)")
_ENDED = re.compile(
    r"(?P<what>exited|stopped): (?P<name>.*) "
    r"\((?:exit status (?P<status>\d+)|terminated by (?P<signal>SIG\w+)(?: \(core dumped\))?)(?:; (?:not )?expected)?\)"
)
_GAVE_UP = re.compile(r"gave up: (?P<name>.*) entered FATAL state, (?P<why>.*)")
_TOLD = re.compile(r"received SIG(?:TERM|INT|QUIT) indicating exit request|received SIGHUP indicating restart request")
_FORGEABLE = frozenset({"DEBG", "TRAC", "BLAT"})
Clock = Callable[[float, float | None], float]


def wall_of(line: str) -> float | None:
    """Return the time that a line states, taken for UTC; None: it states none."""
    found = _LINE.match(line)
    return _wall(found["at"]) if found is not None else None


def _wall(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


@dataclass(slots=True)
class _Story:
    names: Mapping[str, str]
    at: float = 0.0
    pids: dict[str, str] = field(default_factory=dict)
    told_to_end: bool = False
    forgeable: bool = False


def events(lines: Iterable[str], clock: Clock, names: Mapping[str, str]) -> Iterator[PastEvent]:
    """Tell what the lines say. `names`: the unit of each process, by its name without the group."""
    return Stops().told(_events(lines, clock, _Story(names)))


def _events(lines: Iterable[str], clock: Clock, story: _Story) -> Iterator[PastEvent]:
    for text in lines:
        found = _LINE.fullmatch(text)
        if found is None:
            continue
        story.forgeable = story.forgeable or found["level"] in _FORGEABLE
        wall = _wall(found["at"])
        if story.forgeable or wall is None:
            continue
        story.at = clock(wall, story.at or None)
        yield from _tell(story, found["says"])


def _tell(story: _Story, says: str) -> Iterator[PastEvent]:
    if (spawned := _SPAWNED.fullmatch(says)) is not None:
        name = spawned["name"]
        story.pids[name] = spawned["pid"]
        yield PastEvent(kind=PastKind.SPAWNED, at=story.at, name=_unit(story, name), instance=name)
    elif (ended := _ENDED.fullmatch(says)) is not None:
        kind = PastKind.ENDED if ended["what"] == "stopped" or story.told_to_end else PastKind.DIED
        name = ended["name"]
        yield PastEvent(kind=kind, at=story.at, name=_unit(story, name), instance=name, exit_code=_code(ended))
    elif (gave_up := _GAVE_UP.fullmatch(says)) is not None:
        yield PastEvent(kind=PastKind.GAVE_UP, at=story.at, name=_unit(story, gave_up["name"]), reason=gave_up["why"])
    elif _TOLD.search(says):
        story.told_to_end = True
        yield PastEvent(kind=PastKind.DAEMON_ENDED, at=story.at)
    elif says.startswith("supervisord started with pid "):
        reason = "" if story.told_to_end or not story.pids else "the one before it ended without a word"
        story.told_to_end = False
        story.pids.clear()
        yield PastEvent(kind=PastKind.DAEMON_BEGAN, at=story.at, reason=reason)


def _unit(story: _Story, process: str) -> str:
    return story.names.get(process, process)


def _code(ended: re.Match[str]) -> int | None:
    if ended["status"] is not None:
        return int(ended["status"])
    return -int(signal.Signals[ended["signal"]]) if ended["signal"] in signal.Signals.__members__ else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a supervisord that lives keeps its log, and what it calls the units of its processes."""

    log: Path
    names: Mapping[str, str]


def place_of(pid: int, uid: int) -> Place | None:
    """Look at the command line and the configuration of a supervisord of `uid`; None where they do not tell."""
    origin = origin_of(pid)
    if origin is None or origin.uid != uid:
        return None
    path = origin.conf_path()
    conf = read_conf(path, uid) if path is not None else None
    names: dict[str, str] = {}
    written = ""
    if conf is not None and path is not None:
        programs = {full: section.name for full, section in conf.process_names().items()}
        processes = [(full.partition(":")[0], full.partition(":")[2]) for full in programs]
        units = unit_names(processes, programs)
        names = {full.partition(":")[2]: unit for full, unit in units.items()}
        section = conf.section("supervisord")
        written = expand(section.get("logfile"), {"here": str(path.parent)}) or "" if section is not None else ""
    return Place(log=_log(origin, written), names=names)


def _log(origin: Origin, written: str) -> Path:
    given = origin.options.get("logfile") or written or "supervisord.log"
    return Path(origin.cwd, given)
