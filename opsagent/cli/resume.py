"""`opsagent resume`: the end of a pause."""

from __future__ import annotations

from opsagent.cli.common import HomeDir, JsonFlag


def command(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Let the agent act again after `opsagent pause`."""
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.store import person, writing

    with writing(open_home(home)) as journal:
        was = journal.resume(person())
    out = Out(as_json=json)
    if json:
        out.document({"paused": False, "was_paused": was})
    else:
        out.line("resumed: the agent may act again" if was else "the agent was not paused")
    return 0
