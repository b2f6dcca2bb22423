"""`opsagent backup FILE`: the whole home in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag


def command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write it (a .tar.gz).", show_default=False)],
    *,
    logs: Annotated[bool, typer.Option("--logs/--no-logs", help="With the logs of the services and the agent.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE where it is there already.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Write everything that the agent knows into one file, while it works.

    Journal, memory, configuration, services and what was last known good, each as of one moment, with a checksum. The
    index of the memory is left out; it is made anew. The file is readable by you only: it holds what your
    configuration files hold.
    """
    from opsagent.backup.pack import pack
    from opsagent.cli.errors import CliError
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.views.numbers import size
    from opsagent.views.progress import Spinner

    out = Out(as_json=json)
    target = Path(file).expanduser().absolute()
    with Spinner(out.notes) as spinner:
        try:
            packed = pack(
                open_home(home), target, logs=logs, replace=force, tell=lambda name: spinner.show(f"packing {name}")
            )
        except OSError as error:
            place = error.filename or target
            mend = "free some space there, or write it elsewhere"
            raise CliError(f"{place}: no backup was made: {error.strerror or error}: {mend}") from error
    for skipped in packed.skipped:
        out.note(f"left out: {skipped}")
    if out.as_json:
        written = target.stat().st_size
        out.document({"path": target, "files": packed.files, "bytes": packed.bytes, "written": written,
                      "skipped": packed.skipped})  # fmt: skip
    else:
        out.line(f"{target}: {packed.files} files, {size(packed.bytes)}, packed into {size(target.stat().st_size)}")
    return 0
