"""`opsagent deploy`: marks when a person deploys, so that nothing is done to the service meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag, UnitName
from opsagent.cli.quick import QuickCommand, QuickGroup

if TYPE_CHECKING:
    from opsagent.store.rows import DeployRow

app = typer.Typer(
    cls=QuickGroup,
    add_completion=False,
    help="Mark deploys: while one is open nothing is done to the service; its first minutes are watched afterwards.",
    no_args_is_help=True,
)
_DEFAULT = "30m"


@app.callback()
def _group() -> None:
    """Mark deploys."""


@app.command("begin", cls=QuickCommand)
def begin(
    unit: UnitName,
    *,
    duration: Annotated[
        str, typer.Option("--for", metavar="TIME", help="Counts as forgotten after this long: 90s, 30m, 2h.")
    ] = _DEFAULT,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why; shown to whoever looks.")] = "",
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Say that you deploy a service now: the agent keeps its hands off it until `opsagent deploy end UNIT`."""
    from opsagent.cli.daemon import status
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import find, look, open_home
    from opsagent.cli.store import person, writing
    from opsagent.store.errors import DeployOpen
    from opsagent.views.numbers import moment, seconds_of

    out, opened = Out(as_json=json), open_home(home)
    found = find(unit, look(opened, daemon=status(opened)).units)
    try:
        until = datetime.now(UTC) + timedelta(seconds=seconds_of(duration))
    except (ValueError, OverflowError) as error:
        raise Unclear(f"--for: {error}") from error
    if until <= datetime.now(UTC):
        raise Unclear(f"--for {duration}: must be longer than nothing")
    with writing(opened) as journal:
        before = next(iter(journal.releases(found.id)), None)
        try:
            deploy = journal.begin_deploy(
                found.id, until, why, person(), release_before=before.id if before is not None else None
            )
        except DeployOpen as error:
            raise Unclear(str(error)) from error
    if out.as_json:
        told = {"deploy": deploy, "unit": str(found.id), "until": until.isoformat(), "why": why}
        out.document({**told, "release_before": before.id if before is not None else None})
        return 0
    back = f"; release {before.id} ({before.label}) is the way back" if before is not None else ""
    out.line(f"{found.name} is being deployed until {moment(until)}{back}: `opsagent deploy end {found.name}` ends it")
    return 0


@app.command("end", cls=QuickCommand)
def end(unit: UnitName, *, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Say that a deploy is over: its release is watched now, and offered for rollback if it fails."""
    from opsagent.cli.agent import config_of
    from opsagent.cli.daemon import status
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import find, look, open_home
    from opsagent.cli.store import person, writing
    from opsagent.views.numbers import duration

    out, opened = Out(as_json=json), open_home(home)
    daemon = status(opened)
    found = find(unit, look(opened, daemon=daemon).units)
    with writing(opened) as journal:
        deploy = journal.end_deploy(found.id, person())
    if deploy is None:
        raise Unclear(f"no deploy of {found.name} is open")
    watch_s = config_of(opened).policy.deploy_watch_s
    if out.as_json:
        out.document({"deploy": as_json(deploy), "watch_s": watch_s, "watched": daemon is not None})
        return 0
    watched = f"its release is watched for {duration(watch_s)}"
    if daemon is None:
        watched = "no daemon runs that could watch its release: start `opsagent watch`"
    out.line(f"the deploy of {found.name} is over; {watched}")
    return 0


@app.command("list", cls=QuickCommand)
def listed(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """List deploys, the newest first, and how they ended."""
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.store import reading
    from opsagent.views.numbers import moment
    from opsagent.views.table import Cell, Column, table

    out = Out(as_json=json)
    with reading(open_home(home)) as journal:
        deploys = journal.deploys()
    if out.as_json:
        out.document({"deploys": [as_json(deploy) for deploy in deploys]})
        return 0
    if not deploys:
        out.line("no deploys are known")
        return 0
    columns = (Column("UNIT"), Column("BEGAN"), Column("STATE"), Column("BY", drop=2), Column("WHY", drop=1))
    rows = [
        (
            Cell(deploy.unit.name, "strong"),
            Cell(moment(deploy.began_at)),
            Cell(
                deploy.result
                or ("watched" if deploy.ended_at else "open" if deploy.until > datetime.now(UTC) else "forgotten")
            ),
            Cell(deploy.by),
            Cell(deploy.why),
        )
        for deploy in deploys
    ]
    out.lines(table(columns, rows, out.screen))
    return 0


def as_json(deploy: DeployRow) -> dict[str, Any]:
    """Return a deploy in its documented JSON form."""
    from opsagent.cli.output import plain

    names = ("id", "began_at", "until", "why", "by", "release_before", "ended_at", "ended_by", "result")
    return {"unit": str(deploy.unit), **{name: plain(getattr(deploy, name)) for name in names}}
