"""`opsagent runbook`: what the agent does about each fault, and people's own runbooks."""

from __future__ import annotations

import typer

from opsagent.cli import runbook_check, runbook_list
from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.quick import QuickCommand, QuickGroup

app = typer.Typer(cls=QuickGroup, help="What the agent does about each fault; your own runbooks.", add_completion=False)


@app.callback(invoke_without_command=True)
def _bare(ctx: typer.Context, json: JsonFlag = False, home: HomeDir = None) -> int:
    """What the agent does about each fault; your own runbooks. Without a subcommand: list."""
    return runbook_list.list_(json=json, home=home) if ctx.invoked_subcommand is None else 0


app.command("list", cls=QuickCommand)(runbook_list.list_)
app.command("show", cls=QuickCommand)(runbook_list.show)
app.command("test", cls=QuickCommand)(runbook_check.check)
