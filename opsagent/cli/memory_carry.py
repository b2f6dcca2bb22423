"""`opsagent memory export` and `import`: the memory as JSON Lines, to carry it elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.memory_working import finished

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home

_STREAM = "-"
_AT_ONCE = 1024 * 1024


def export(
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="Where to write it; - is standard output.", show_default=False)
    ] = _STREAM,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE where it is there already.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Write all records as JSON Lines.

    Not the log, vectors, or what was learnt: another memory begins its own. A file is readable by you only.
    """
    from opsagent.cli.memory_common import reader_of
    from opsagent.cli.memory_working import Watch
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.views.memory import counted

    out, place = Out(as_json=json), open_home(home)
    path = None if file == _STREAM else _target(file, force=force)
    with reader_of(place) as reader:
        watch, total = Watch(out, "exporting", "records"), reader.count()
        try:
            if path is None:
                _to_stdout(reader.export)
                return 0
            count = reader.export(path, progress=lambda done: watch.see(done, total))
        finally:
            watch.clear()
    if json:
        out.document({"path": path, "records": count})
    else:
        out.line(f"{path}: {counted(count, 'record')}")
    return 0


def _target(file: str, *, force: bool) -> Path:
    from opsagent.cli.errors import Unclear

    path = Path(file).expanduser().absolute()
    if path.is_dir():
        raise Unclear(f"{path} is a folder: name a file in it")
    if path.exists() and not force:
        raise Unclear(f"{path} is there already: choose another name, or say --force")
    return path


def _to_stdout(write: Any) -> None:
    from opsagent.cli.output import OutputLost

    try:
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputLost(f"standard output cannot be written: {error.strerror or error}") from error


def import_(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="What was exported; - is standard input.", show_default=False)
    ],
    *,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Take in what another memory exported, all of it or nothing.

    It is marked as imported: it is read and found, and teaches, authorises and replaces nothing here. Secrets are masked.
    """
    from opsagent.cli.memory_common import input_checked
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.views.memory import imported

    out, place = Out(as_json=json), open_home(home)
    with input_checked(), _source(file, place) as path:
        result = finished(_import(place, path, out))
    if json:
        out.document(result)
    else:
        out.line(imported(result))
    return 0


@contextmanager
def _source(file: str, home: Home) -> Iterator[Path]:
    """Give the file; what comes through a pipe (`-`, `<(…)`) is put into one, for whoever owns the memory reads it.

    Raises Unclear.
    """
    from opsagent.cli.errors import CliError, Unclear

    if file != _STREAM:
        path = Path(file).expanduser().absolute()
        if not path.exists():
            raise Unclear(f"{path} is not there: name what `opsagent memory export FILE` wrote")
        if path.is_dir():
            raise Unclear(f"{path} is a folder: name what `opsagent memory export FILE` wrote")
        if path.is_file():
            yield path
            return
    elif sys.stdin.isatty():
        raise Unclear("standard input is a terminal: give a file, or send something through a pipe")
    path = home.path / f".import-{os.getpid()}"
    try:
        try:
            _spool(file, path)
        except OSError as error:
            mend = "free some space there, or give a file"
            raise CliError(f"{path}: nothing was imported: {error.strerror or error}: {mend}") from error
        yield path
    finally:
        path.unlink(missing_ok=True)


def _spool(file: str, path: Path) -> None:
    opened = nullcontext(sys.stdin.buffer) if file == _STREAM else Path(file).expanduser().open("rb")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as spooled, opened as source:
        while part := source.read(_AT_ONCE):
            spooled.write(part)


async def _import(home: Home, path: Path, out: Out) -> dict[str, Any]:
    from opsagent.cli.memory_working import Watch, watched
    from opsagent.memory_port import open_memory

    async with open_memory(home) as memory:
        return await watched(memory.memory_import(str(path)), Watch(out, "importing", "records"))
