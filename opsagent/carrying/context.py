"""What a command may lean on beside its own words, in one home: other names, groups, accepted phrases, the time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from opsagent.commands.known import Known
from opsagent.commands.reading import CommandStep, Context

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.running import Running
    from opsagent.store.phrases import PhraseRow


def context_of(home: Home, running: Running, person: str, *, phrases: bool = True) -> Context:
    """Return the context of a command by this person. Blocks for a moment.

    `phrases`: also what they meant by their texts before, which opens the journal. Raises StoreError, ServicesFileError.
    """
    from zoneinfo import ZoneInfo

    from opsagent.running import read_config
    from opsagent.screens.names import names_in
    from opsagent_tools.services.schedule import machine_zone

    config = read_config(home)
    return Context(
        procedures=names_in(home.path),
        aliases=_aliases(running),
        groups=dict(config.groups) if not isinstance(config, str) else {},
        phrases=phrases_of(home, running, person) if phrases else {},
        now=datetime.now(ZoneInfo(machine_zone())),
    )


def _aliases(running: Running) -> dict[str, str]:
    """Return the other names of what runs. One that two services have, or that is a service's name, means nobody."""
    from opsagent.naming import index

    names = index(unit.id for unit in running.units)
    found: dict[str, str] = {}
    twice: set[str] = set()
    for unit in running.units:
        spec = running.spec(unit.id)
        full = unit.name if len(names.get(unit.name, ())) == 1 else str(unit.id)
        for alias in spec.aliases if spec is not None else ():
            if alias in names or found.get(alias, full) != full:
                twice.add(alias)
            found[alias] = full
    return {alias: name for alias, name in found.items() if alias not in twice}


def phrases_of(home: Home, running: Running, person: str) -> dict[str, tuple[CommandStep, ...]]:
    """Return what this person means by texts of theirs, where all that it names still is there."""
    from opsagent.store.journal import Journal

    known = Known.of(running.with_daemons)
    with Journal.read(home) as journal:
        rows = journal.phrases(person)
    return {row.key: steps for row in rows if (steps := _as_it_is_now(row, known))}


def _as_it_is_now(row: PhraseRow, known: Known) -> tuple[CommandStep, ...]:
    """Return the steps with the risk that they have now; none where one of their units is gone, or is two by now."""
    from opsagent.carrying.stored import from_stored

    try:
        kept = from_stored(row.steps)
    except ValueError:  # a newer version wrote it
        return ()
    if any(step.target not in {None, "all"} and len(known.named(step.target or "")) != 1 for step in kept):
        return ()
    return tuple(replace(known.step(step.tool, step.target, step.args), why=step.why) for step in kept)
