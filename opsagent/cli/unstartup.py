"""`opsagent unstartup`: nothing of ours starts at boot any more."""

from __future__ import annotations

from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag


def command(
    *,
    engine_too: Annotated[bool, typer.Option("--stop-services", help="End the engine and its services too.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Take the boot units away. The agent that they started ends; the services go on."""
    from opsagent.boot.install import boot_of, remove
    from opsagent.cli.errors import CliError
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    out = Out(as_json=json)
    done: list[str] = []
    boot = boot_of(open_home(home))
    try:
        removed = remove(boot, engine_too=engine_too, say=done.append)
    except OSError as error:
        raise CliError(f"{error.filename}: cannot be removed ({error.strerror}): remove it as its owner") from error
    if out.as_json:
        out.document({"kind": boot.kind, "removed": removed, "done": done})
    elif not removed:
        out.lines(done or ["nothing of opsagent starts at boot"])
    else:
        out.lines(done)
    return 0
