"""`opsagent memory`: what the agent remembers."""

from __future__ import annotations

import typer

from opsagent.cli import (
    memory_accept,
    memory_add,
    memory_care,
    memory_carry,
    memory_forget,
    memory_ingest,
    memory_search,
    memory_show,
    memory_stats,
)
from opsagent.cli.quick import QuickCommand, QuickGroup

app = typer.Typer(cls=QuickGroup, help="What the agent remembers.", add_completion=False, no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What the agent remembers."""


app.command("search", cls=QuickCommand)(memory_search.search)
app.command("list", cls=QuickCommand)(memory_search.list_)
app.command("show", cls=QuickCommand)(memory_show.show)
app.command("add", cls=QuickCommand)(memory_add.add)
app.command("accept", cls=QuickCommand)(memory_accept.accept)
app.command("forget", cls=QuickCommand)(memory_forget.forget)
app.command("ingest", cls=QuickCommand)(memory_ingest.ingest)
app.command("export", cls=QuickCommand)(memory_carry.export)
app.command("import", cls=QuickCommand)(memory_carry.import_)
app.command("reindex", cls=QuickCommand)(memory_care.reindex)
app.command("verify", cls=QuickCommand)(memory_care.verify)
app.command("consolidate", cls=QuickCommand)(memory_care.consolidate)
app.command("families", cls=QuickCommand)(memory_stats.families)
app.command("stats", cls=QuickCommand)(memory_stats.stats)
