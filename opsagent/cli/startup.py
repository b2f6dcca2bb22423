"""`opsagent startup`: the agent and its engine start at boot."""

from __future__ import annotations

from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag


def command(
    *,
    now: Annotated[bool, typer.Option("--now/--no-now", help="Start them at once as well.")] = True,
    show: Annotated[bool, typer.Option("--print", help="Show the unit files and change nothing.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Have the agent and the embedded engine start at boot, and be started again when they die or hang.

    As root, units of the machine; else units of yours. systemd watches that the agent lives (watchdog); above 1 GiB of
    memory the agent ends by itself, and is started again. On macOS property lists for launchd. The mode is the
    configuration's: `suggest` unless it says otherwise.
    """
    from opsagent.boot.install import boot_of, install
    from opsagent.cli.errors import CliError
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    out = Out(as_json=json)
    boot = boot_of(open_home(home))
    done: list[str] = []
    if show:
        if out.as_json:
            out.document({"files": [{"path": file.path, "text": file.text} for file in boot.files]})
            return 0
        for file in boot.files:
            out.line(f"# {file.path}")
            out.line(file.text)
        return 0
    try:
        install(boot, now=now, say=done.append)
    except OSError as error:
        raise CliError(
            f"{error.filename}: cannot be written ({error.strerror}): mend that, or see `--print`"
        ) from error
    if out.as_json:
        out.document({"kind": boot.kind, "system": boot.system, "files": [file.path for file in boot.files],
                      "done": done, "running": boot.running and now, "notes": boot.notes})  # fmt: skip
        return 0
    for line in done:
        out.line(line)
    for note in boot.notes:
        out.note(note)
    return 0
