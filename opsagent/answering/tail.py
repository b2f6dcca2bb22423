"""`tail_logs`: the last lines of one unit's log, or of all; or those since a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from opsagent.answering.answer import Answer
from opsagent.answering.log_lines import LogLine, lines_of
from opsagent.answering.log_times import lines_since
from opsagent_tools.text import UntrustedText

if TYPE_CHECKING:
    from opsagent.answering.ground import Ground
    from opsagent.commands.reading import CommandStep
    from opsagent_tools.units import Unit

LINES = 20
"""What is shown where nobody says how many."""
_LINES_SINCE = 500
MOST_LINES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tail:
    unit: Unit
    lines: tuple[LogLine, ...]
    of: int
    undated: bool = False
    unread: tuple[str, ...] = ()


def tail_logs(step: CommandStep, ground: Ground) -> Answer:
    """Answer with lines."""
    since = ground.since(step.args)
    tails = [_tail(unit, step, since, ground) for unit in ground.units(step.target)]
    headlines = [_headline(tail, since, ground) for tail in tails]
    several = len(tails) > 1
    shown = [f"{tail.unit.name} | {line.text}" if several else line.text for tail in tails for line in tail.lines]
    notes = [ground.say("log.unread", why=why) for tail in tails for why in tail.unread]
    return Answer(
        data={"lines": shown, **({"since": since.isoformat()} if since is not None else {})},
        headline=ground.say("and").join(headlines) or ground.say("list.none"),
        lines=tuple(notes),
        quoted=tuple(map(UntrustedText, shown)),
    )


def count_of(step: CommandStep, default: int) -> int:
    """Return how many lines are wanted: 1 to `MOST_LINES`. Raises ValueError."""
    return max(1, min(int(step.args.get("lines", default)), MOST_LINES))


def _tail(unit: Unit, step: CommandStep, since: datetime | None, ground: Ground) -> _Tail:
    complaints: list[str] = []
    if since is None:
        count = count_of(step, LINES)
        lines = lines_of(unit, count, ground.running, complaints.append)
        return _Tail(unit=unit, lines=tuple(lines), of=len(lines), unread=tuple(complaints))
    count = count_of(step, _LINES_SINCE)
    span = lines_since(unit, since, ground.running, instead=min(count, LINES))
    return _Tail(unit=unit, lines=span.lines[-count:], of=len(span.lines), undated=span.undated)


def _headline(tail: _Tail, since: datetime | None, ground: Ground) -> str:
    say, name, count = ground.say, tail.unit.name, len(tail.lines)
    at = ground.short(since) if since is not None else ""
    if not tail.unit.logs and not tail.unit.journal:
        return say("log.nowhere", name=name)
    if not count:
        return say("log.none_since", name=name, since=at) if at else say("log.none", name=name)
    if tail.undated:
        said = say("log.undated", name=name, since=at)
    elif at and count < tail.of:
        said = say("log.cut", name=name, since=at, n=f"{count:,}", of=f"{tail.of:,}")
    else:
        said = say.count("log.since" if at else "log.last", count, name=name, since=at)
    bad = errors_in(tail.lines)
    return said + (say("join") + say.count("log.errors", bad) if bad else "")


def errors_in(lines: tuple[LogLine, ...]) -> int:
    """Return how many of these lines say that they are errors."""
    from opsagent_tools.logs.levels import ErrorLines

    return len(ErrorLines().pick([line.text.encode() for line in lines]))
