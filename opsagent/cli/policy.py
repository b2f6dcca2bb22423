"""`opsagent policy`: what the agent may do by itself, where that is said, and why the guard says what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag, UnitName
from opsagent.cli.quick import QuickCommand, QuickGroup

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.cli.services import Running
    from opsagent.config import Config
    from opsagent.explaining import Explained
    from opsagent.home import Home
    from opsagent.model import Ruling
    from opsagent_tools.units import Unit

app = typer.Typer(
    cls=QuickGroup, help="What the agent may do by itself, and why.", add_completion=False, no_args_is_help=True
)


@app.callback()
def _group() -> None:
    """What the agent may do by itself, and why."""


def show(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Show the whole policy: each value, and whether config.toml says it (in which line) or it is the default."""
    from opsagent.cli.agent import config_of
    from opsagent.cli.daemon import status
    from opsagent.cli.output import Out
    from opsagent.cli.services import look, open_home
    from opsagent.policy_report import Sources

    place = open_home(home)
    config, sources = config_of(place), Sources(place.config_file)
    daemon = status(place)
    running = look(place, daemon=daemon)
    config, note = as_it_runs(config, daemon)
    report = {**_report(place, config, running, sources), "note": note}
    out = Out(as_json=json)
    if json:
        out.document(report)
    else:
        _draw(report, out)
    return 0


def as_it_runs(config: Config, daemon: Mapping[str, Any] | None) -> tuple[Config, str]:
    """Return the configuration with the mode that the daemon runs with, and what is different there; else nothing is."""
    from dataclasses import replace

    said = (daemon or {}).get("policy")
    if not said or said["version"] == config.policy.version:
        return config, ""
    mode = said["mode"]
    found = replace(config, policy=replace(config.policy, mode=mode))
    if found.policy.version == said["version"]:
        return found, f"the daemon was started with --mode {_told(mode)}: that holds as long as it runs"
    return found, "the daemon goes by another policy than config.toml says now: end it and start `opsagent watch` again"


def _report(place: Home, config: Config, running: Running, sources: Any) -> dict[str, Any]:
    from opsagent.cli.store import reading
    from opsagent.policy_report import policy_said, service_said

    services = []
    for unit in running.units:
        spec = running.spec(unit.id)
        applied = "services.toml (as applied)" if unit.id.supervisor == "circus" else "config.toml"
        where, protected, by = service_said(f"{unit.id.supervisor}:{unit.name}", spec, sources, applied)
        mode = config.policy.shown_mode(spec)
        services.append(
            {"unit": str(unit.id), "name": unit.name, "mode": mode, "from": where, "protected": protected,
             "protected_from": by}
        )  # fmt: skip
    with reading(place) as journal:
        grants = [
            {"action": grant.action.value, "unit": str(grant.unit), "by": grant.by, "at": grant.granted_at}
            for grant in journal.grants()
        ]
    return {
        "file": str(place.config_file) if place.config_file.exists() else None,
        "version": config.policy.version,
        "policy": {
            said.key: {"value": said.value, "from": said.where, "means": said.means}
            for said in policy_said(config.policy, sources)
        },
        "services": services,
        "of_nobody": [] if running.silent else list(running.described.of_nobody()),
        "grants": grants,
    }


def _draw(report: Mapping[str, Any], out: Out) -> None:
    from opsagent.views.table import Cell, Column, table
    from opsagent.views.terminal import one_line

    out.line(f"policy of {one_line(report['file'])}" if report["file"] else "no config.toml: all of it is the default")
    rows = [
        (Cell(key, "strong"), Cell(_told(said["value"])), Cell(said["from"]), Cell(said["means"]))
        for key, said in report["policy"].items()
    ]
    out.lines(table((Column("KEY"), Column("VALUE"), Column("FROM"), Column("MEANS", drop=1)), rows, out.screen))
    if report["services"]:
        out.line()
        drawn = [
            (Cell(one["name"], "strong"), Cell(_told(one["mode"])), Cell(one["from"]),
             Cell(f"protected ({one['protected_from']})" if one["protected"] else ""))
            for one in report["services"]
        ]  # fmt: skip
        out.lines(table((Column("SERVICE"), Column("MODE"), Column("FROM"), Column("")), drawn, out.screen))
    for name in report["of_nobody"]:
        out.note(one_line(f"[services.{name}] is about a service that nobody runs here: what it says holds for none"))
    if report["note"]:
        out.note(report["note"])
    for grant in report["grants"]:
        who = f"granted by {grant['by']} at {grant['at']:%Y-%m-%d %H:%M} UTC"
        out.line(one_line(f"{grant['action']} of {grant['unit']}: {who}"))


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        parts = (f"{key} {', '.join(one) if isinstance(one, list) else one}" for key, one in value.items())
        return ", ".join(parts)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def complete_actions(incomplete: str) -> Iterator[str]:
    """Complete the names of actions."""
    from opsagent_tools.actions import ActionName

    yield from (name.value for name in ActionName if name.value.startswith(incomplete))


def explain(
    action: Annotated[
        str,
        typer.Argument(metavar="ACTION", help="restart, reload, rollback_config …", autocompletion=complete_actions),
    ],
    unit: UnitName,
    *,
    path: Annotated[
        str, typer.Option("--path", metavar="FILE", help="The file that it would touch.", show_default=False)
    ] = "",
    cause: Annotated[
        str,
        typer.Option(
            "--cause",
            metavar="CAUSE",
            help="What it would be against [default: what failed last, else a crash].",
            show_default=False,
        ),
    ] = "",
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Ask the guard whether the agent may do ACTION to UNIT now: the rule, why, and what would have to change.

    Works with and without the daemon; nothing is done and nothing is written.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    found, note = _explained(open_home(home), action, unit, path, cause)
    out = Out(as_json=json)
    if json:
        out.document({**_as_json(found), "note": note})
    else:
        _say(found, out)
        if note:
            out.note(note)
    return 0


def _explained(place: Home, action: str, name: str, path: str, cause: str) -> tuple[Explained, str]:
    import os
    from datetime import UTC, datetime

    from opsagent.cli.agent import config_of
    from opsagent.cli.daemon import status
    from opsagent.cli.errors import Unclear
    from opsagent.cli.services import find, look
    from opsagent.cli.store import reading
    from opsagent.explaining import Seen, action_named, explain, hypothetical, situation_now, worst_cause
    from opsagent.naming import is_daemon
    from opsagent_tools.actions import Action
    from opsagent_tools.units import UnitId

    try:
        wanted = action_named(action)
    except ValueError as error:
        raise Unclear(str(error)) from None
    daemon = status(place)
    config, note = as_it_runs(config_of(place), daemon)
    running = look(place, daemon=daemon)
    unit = find(name, running.with_daemons, silent=running.silent)
    wished = Action(name=wanted, unit=unit.id, args={"path": path} if path else {})
    health = {
        UnitId.parse(row["id"]): row["health"]
        for row in (daemon or {}).get("units", ())
        if row.get("health") is not None
    }
    seen = Seen(units=running.units, specs=running.described.specs, health=health)
    known: Unit | None = None if is_daemon(unit.id) else unit
    with reading(place) as journal:
        now = datetime.now(UTC)
        plan = hypothetical(wished, cause=cause or worst_cause(journal, unit.id, config, now))
        situation = situation_now(plan, known, seen, place, journal, config, now, os.geteuid())
    return explain(plan, situation, config), note


_VERDICTS = {"allow": "may be done now", "ask": "has to be asked for", "deny": "would be refused now"}
_STYLES = {"allow": "good", "ask": "warn", "deny": "bad"}


def _say(found: Explained, out: Out) -> None:
    from opsagent.explaining import mend_of
    from opsagent.views.terminal import one_line

    ruling, action = found.ruling, found.action
    verdict = out.screen.paint(_VERDICTS[ruling.verdict], _STYLES[ruling.verdict])  # type: ignore[arg-type]
    out.line(f"{one_line(str(action))} {verdict} ({ruling.risk})")
    out.line(f"  rule       {ruling.rule}")
    out.line(f"  why        {one_line(ruling.why)}")
    if ruling.verdict != "allow":
        out.line(f"  to change  {one_line(mend_of(ruling, action)) or 'nothing would'}")
    if ruling.again_s:
        out.line(f"  again in   {_duration(ruling.again_s)}, by itself")
    person = found.person
    said = _VERDICTS[person.verdict] + (f": {person.why}" if person.verdict != "allow" else "")
    out.line(f"  a person's own command {one_line(said)}")
    if found.others:
        out.line("also in its way:")
        for other in found.others:
            mend = mend_of(other, action)
            out.line(f"  {other.rule}: {one_line(other.why)}" + (f" → {one_line(mend)}" if mend else ""))


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _as_json(found: Explained) -> dict[str, Any]:
    from opsagent.explaining import mend_of

    def one(ruling: Ruling) -> dict[str, Any]:
        return {
            "verdict": ruling.verdict,
            "rule": ruling.rule,
            "why": ruling.why,
            "risk": ruling.risk.value,
            "persons": ruling.persons,
            "again_s": ruling.again_s,
            "to_change": mend_of(ruling, found.action) if ruling.verdict != "allow" else "",
        }

    return {
        "action": found.action.name.value,
        "unit": str(found.action.unit),
        "args": dict(found.action.args),
        **one(found.ruling),
        "person": one(found.person),
        "others": [one(other) for other in found.others],
    }


app.command("show", cls=QuickCommand)(show)
app.command("explain", cls=QuickCommand)(explain)
