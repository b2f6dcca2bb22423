"""`opsagent gui`: procedures on screens, for consoles without an API."""

from __future__ import annotations

import typer

from opsagent.cli import gui_approve, gui_carry, gui_display, gui_list, gui_record, gui_run
from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.quick import QuickCommand, QuickGroup

app = typer.Typer(cls=QuickGroup, help="Procedures on screens: record, run, list, accept.", add_completion=False)


@app.callback(invoke_without_command=True)
def _bare(ctx: typer.Context, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Procedures on screens, for consoles without an API. Without a subcommand: list."""
    return gui_list.list_(json=json, home=home) if ctx.invoked_subcommand is None else 0


app.command("list", cls=QuickCommand)(gui_list.list_)
app.command("show", cls=QuickCommand)(gui_list.show)
app.command("run", cls=QuickCommand)(gui_run.run)
app.command("record", cls=QuickCommand)(gui_record.record)
app.command("approve", cls=QuickCommand)(gui_approve.approve)
app.command("import", cls=QuickCommand)(gui_carry.import_)
app.command("export", cls=QuickCommand)(gui_carry.export)
app.command("display", cls=QuickCommand)(gui_display.display)
