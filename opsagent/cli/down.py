"""`opsagent down`: stop all services and the engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home


def command(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Stop all services of the embedded engine, and the engine itself.

    What the last `up` described is remembered, and shown by `ps` as down.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    return asyncio.run(_down(open_home(home), Out(as_json=json)))


async def _down(home: Home, out: Out) -> int:
    from opsagent.cli.services import look_at_engine, open_engine
    from opsagent.views.progress import Spinner
    from opsagent_tools.supervisors.port import SupervisorUnreachable

    engine = open_engine(home)
    was_running = engine.is_running()
    try:
        stopped = [unit.name for unit in look_at_engine(home).units if unit.processes]
    except SupervisorUnreachable:  # one that hangs is ended all the same
        stopped = [spec.name for spec in engine.specs()]
    with Spinner(out.notes) as spinner:
        spinner.show(f"stopping {', '.join(stopped) or 'the engine'}")
        await engine.shutdown()
    if out.as_json:
        out.document({"was_running": was_running, "stopped": stopped})
    elif not was_running:
        out.line("the engine was not running")
    else:
        out.line(f"stopped {', '.join(stopped)}" if stopped else "stopped the engine; no service was running")
    return 0
