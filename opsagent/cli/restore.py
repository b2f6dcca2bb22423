"""`opsagent restore FILE`: the home as it was when the backup was made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from opsagent.home import Home

_LOCK_S = 5.0


def command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `opsagent backup` wrote.", show_default=False)],
    *,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Put a backup in the place of the present home, which is kept beside it.

    The backup is unpacked and checked as a whole before anything is touched. Neither the daemon nor the engine may
    run meanwhile. Services that the engine ran then start with the next `opsagent watch`, as after a reboot.
    """
    from opsagent.backup.restore import restore
    from opsagent.cli.errors import CliError, Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_own_home
    from opsagent.views.numbers import size
    from opsagent.views.progress import Spinner

    out = Out(as_json=json)
    archive = Path(file).expanduser().absolute()
    if not archive.is_file():
        raise Unclear(f"{archive}: there is no such file: name what `opsagent backup` wrote")
    place = open_own_home(home)
    _refuse_a_running_engine(place)
    with place.owner_lock(_LOCK_S), Spinner(out.notes) as spinner:
        try:
            done = restore(place, archive, tell=lambda name: spinner.show(f"unpacking {name}"))
        except OSError as error:
            where = error.filename or place.path
            raise CliError(
                f"{where}: nothing was restored: {error.strerror or error}: mend that and try again"
            ) from error
    if out.as_json:
        out.document({"home": place.path, "files": done.files, "bytes": done.bytes, "made_at": done.made_at,
                      "host": done.host, "kept": done.kept})  # fmt: skip
        return 0
    out.line(f"{place.path}: {done.files} files, {size(done.bytes)}, as of {done.made_at} on {done.host}")
    if done.kept is not None:
        out.note(f"what was there before is in {done.kept}")
    return 0


def _refuse_a_running_engine(home: Home) -> None:
    from opsagent.cli.errors import CliError
    from opsagent.cli.services import view_engine

    pid = view_engine(home).pid()
    if pid is not None:
        raise CliError(f"{home.path}: its engine runs (pid {pid}) and keeps writing there: `opsagent down` first")
