"""`search_logs`: the lines of one unit's log, or of all, that have a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsagent.answering.answer import Answer
from opsagent.answering.log_lines import LogLine, lines_of
from opsagent.answering.log_times import lines_since
from opsagent.answering.tail import LINES, MOST_LINES, count_of
from opsagent_tools.text import UntrustedText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsagent.answering.ground import Ground
    from opsagent.commands.reading import CommandStep
    from opsagent_tools.units import Unit

_LOOKED_AT = 100_000
"""Lines of each log that are looked through, from its end."""


def search_logs(step: CommandStep, ground: Ground) -> Answer:
    """Answer with the lines that have the text, in any case of its letters. Raises ValueError where there is no text."""
    query = str(step.args.get("query", "")).strip()
    if not query:
        raise ValueError("search_logs needs a query: the text to look for")
    units = ground.units(step.target)
    found, headlines = [], []
    for unit in units:
        lines = _lines(unit, step, ground)
        hits = [line for line in lines if query.lower() in line.text.lower()]
        kept = hits[-count_of(step, LINES) :]
        if hits or len(units) == 1:
            headlines.append(_headline(unit, query, (len(kept), len(hits), len(lines)), ground))
        found += [f"{unit.name} | {line.text}" if len(units) > 1 else line.text for line in kept]
    since = ground.since(step.args)
    if not headlines:
        names = ", ".join(unit.name for unit in units)
        headlines = [ground.say("log.not_found", name=names, query=query, n=f"{_LOOKED_AT:,}")]
    return Answer(
        data={"query": query, "lines": found},
        headline=ground.say("and").join(headlines),
        lines=(ground.say("log.within", since=ground.short(since)),) if since is not None else (),
        quoted=tuple(map(UntrustedText, found)),
    )


def _lines(unit: Unit, step: CommandStep, ground: Ground) -> Sequence[LogLine]:
    since = ground.since(step.args)
    if since is None:
        return lines_of(unit, _LOOKED_AT, ground.running)
    return lines_since(unit, since, ground.running, instead=MOST_LINES).lines


def _headline(unit: Unit, query: str, counts: tuple[int, int, int], ground: Ground) -> str:
    """`counts`: lines that are shown, that have the text, that were looked at."""
    say, (kept, hits, looked_at) = ground.say, counts
    if not unit.logs and not unit.journal:
        return say("log.nowhere", name=unit.name)
    if not hits:
        return say("log.not_found", name=unit.name, query=query, n=f"{looked_at:,}")
    if kept < hits:
        return say("log.found_cut", name=unit.name, query=query, n=f"{kept:,}", of=f"{hits:,}")
    return say.count("log.found", hits, name=unit.name, query=query)
