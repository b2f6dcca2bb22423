"""`opsagent runbook test`: whether a runbook can work as it is written, and what it would do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.runbook_list import complete_runbooks

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.runbooks.library.card import Card


def _complete_cases(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Complete services, and the newest incidents by their ids; silent where anything is in the way."""
    from opsagent.cli.services import known_names, open_home
    from opsagent.cli.store import reading

    names = known_names(ctx.params.get("home"))
    try:
        with reading(open_home(ctx.params.get("home"))) as journal:
            names += [row.id for row in journal.incidents(None, 20)]
    except Exception:  # noqa: BLE001  # completion must never print a trace into somebody's prompt
        names += []
    yield from (name for name in names if name.startswith(incomplete))


def check(
    runbook: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|FILE",
            help="A runbook, or a file of your own [default: all of them].",
            autocompletion=complete_runbooks,
            show_default=False,
        ),
    ] = None,
    *,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="INCIDENT|UNIT",
            help="Try it on an incident as it was, or on a service as it is now. Nothing is changed.",
            autocompletion=_complete_cases,
            show_default=False,
        ),
    ] = None,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Look a runbook over: what it asks for exists, its conditions can hold, its steps can be carried out and undone.

    With --against, say which of its conditions hold there, which plan comes of it, and what the guard would say to that.
    Exit code 1: it cannot work as it is written.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    place = open_home(home)
    cards, others, broken = _meant(place, runbook)
    found = [_looked_over(card, others) for card in cards]
    if against is not None:
        for one, trial in zip(found, _trials(place, cards, against), strict=True):
            one["trial"] = trial
    out = Out(as_json=json)
    failed = bool(broken) or any(problem["level"] == "error" for one in found for problem in one["problems"])
    if json:
        out.document({"ok": not failed, "runbooks": found, "broken": list(broken)})
    else:
        _show(found, broken, out, whole=runbook is not None, against=against)
    return 1 if failed else 0


def _meant(home: Home, given: str | None) -> tuple[Sequence[Card], Sequence[Card], Sequence[str]]:
    """Return which runbooks are meant, people's own ones beside them, and what of those cannot be read. Raises Unclear."""
    from opsagent.cli.errors import Unclear
    from opsagent.cli.runbook_list import no_such, safe_commands
    from opsagent.runbook_forms import every, named, shelf_of
    from opsagent.runbooks.library.card import RunbookError
    from opsagent.runbooks.own import read_file

    shelf = shelf_of(home.path, safe_commands(home))
    if given is None:
        return every(shelf), shelf.cards, shelf.broken
    if "/" in given or given.endswith((".toml", ".py")):
        if not os.path.lexists(given):
            raise Unclear(f"there is no file {given}")
        try:
            return [read_file(Path(given).absolute())], shelf.cards, ()
        except RunbookError as error:
            return [], shelf.cards, [str(error)]
    card = named(given, every(shelf))
    if card is None:
        mine = [line for line in shelf.broken if Path(line.partition(":")[0]).stem == given.removeprefix("own.")]
        if mine:
            return [], shelf.cards, mine
        raise no_such(given, every(shelf))
    return [card], shelf.cards, ()


def _looked_over(card: Card, others: Sequence[Card]) -> dict[str, Any]:
    from opsagent.runbook_checking import look_over
    from opsagent.runbook_forms import brief, problem_form

    problems = [problem_form(problem) for problem in look_over(card, others)]
    return {**brief(card), "source": card.source, "problems": problems}


def _trials(home: Home, cards: Sequence[Card], against: str) -> list[dict[str, Any]]:
    """Try the runbooks on an incident of that id, else on a unit of that name. Raises Unclear."""
    from opsagent.runbook_forms import trial_form

    recorded = _recorded(home, against)
    trials = _live(home, cards, against) if recorded is None else _past(home, cards, recorded)
    return [trial_form(trial) for trial in trials]


def _recorded(home: Home, wanted: str) -> Any:
    from opsagent.cli.store import reading

    with reading(home) as journal:
        rows = [row for row in journal.incidents(None, 5000) if row.id.startswith(wanted)]
    return rows[0] if len(rows) == 1 or any(row.id == wanted for row in rows[:1]) else None


def _world(home: Home) -> Any:
    from opsagent.cli.services import look
    from opsagent.world import World

    running = look(home)
    world = World()
    world.replace_specs({f"{unit.id.supervisor}:{unit.name}": spec for unit in running.units
                         if (spec := running.spec(unit.id)) is not None})  # fmt: skip
    for kind in {unit.id.supervisor for unit in running.units}:
        world.replace_units(kind, [unit for unit in running.units if unit.id.supervisor == kind])
    return world


def _past(home: Home, cards: Sequence[Card], row: Any) -> Sequence[Any]:
    from opsagent.cli.agent import config_of
    from opsagent.runbook_trial import try_on
    from opsagent.runbooks.case import Case

    world = _world(home)
    at = max((one.at for one in row.evidence), default=row.incident.opened_at)
    case = Case.of(row.incident, world, now=at, evidence=row.evidence)
    if case.unit is None:
        case = _as_it_was(case)
    policy = config_of(home).policy
    return [try_on(card, case, policy) for card in cards]


def _as_it_was(case: Any) -> Any:
    """Take what the evidence says of a unit that is not there any more."""
    from dataclasses import replace

    from opsagent_tools.units import Unit, UnitState

    told: Mapping[str, Any] = next((one.facts for one in reversed(case.evidence) if one.probe == "unit_state"), {})
    state = str(told.get("state", ""))
    known = UnitState(state) if state in set(UnitState) else UnitState.UNKNOWN
    return replace(case, unit=Unit(id=case.incident.unit, state=known))


def _live(home: Home, cards: Sequence[Card], name: str) -> Sequence[Any]:
    import asyncio

    return asyncio.run(_each_live(home, cards, name))


async def _each_live(home: Home, cards: Sequence[Card], name: str) -> list[Any]:
    from datetime import UTC, datetime

    from opsagent.cli.agent import config_of
    from opsagent.cli.services import find
    from opsagent.model import Fault, Incident
    from opsagent.runbook_trial import try_live
    from opsagent.supervised import Supervised
    from opsagent.world import World

    found: list[Any] = []
    config, world = config_of(home), World()
    supervised = Supervised(home, config, world)
    try:
        await supervised.look_around()
        unit = find(name, list(world.units.values()))
        now = datetime.now(UTC)
        for card in cards:
            fault = card.answers[0] if card.answers else Fault.CRASH
            incident = Incident(id="trial", fault=fault, unit=unit.id, opened_at=now, began_at=now)
            found += await try_live(
                [card],
                incident,
                world,
                supervised.supervisors,
                config.policy,
                last_good_dir=home.last_good_dir,
            )
    finally:
        await supervised.close()
    return found


def _show(found: Sequence[Any], broken: Sequence[str], out: Out, *, whole: bool, against: str | None) -> None:
    from opsagent.views.runbooks import problem_lines, trial_lines
    from opsagent.views.terminal import one_line

    for line in broken:
        out.line(f"{out.screen.paint('cannot be used', 'bad')}: {one_line(line)}")
    for one in found:
        problems = one["problems"]
        if whole or problems or against:
            state = "fine" if not problems else f"{len(problems)} to mend"
            out.line(f"{one['name']}: {out.screen.paint(state, 'warn' if problems else 'good')}")
            out.lines(problem_lines(problems, out.screen))
        if against:
            out.lines(trial_lines(one["trial"], out.screen))
    if not whole:
        fine = sum(not one["problems"] for one in found)
        out.line(f"{fine} of {len(found)} runbooks have nothing to mend")
