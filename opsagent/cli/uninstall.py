"""`opsagent uninstall`: everything of ours away; the services keep running."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from pathlib import Path

    from opsagent.boot.install import Boot
    from opsagent.cli.output import Out
    from opsagent.home import Home

_END_S = 30.0
_POLL_S = 0.05


def command(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    stop_services: Annotated[
        bool,
        typer.Option("--stop-services", help="End the services of the embedded engine, and remove its folder too."),
    ] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Take away the boot units, the daemon and the home. Services keep running.

    Those of PM2, systemd and others are not touched at all. Those of the embedded engine go on under the engine, whose
    folder stays for as long; `--stop-services` ends them and removes that as well. `opsagent backup FILE` first keeps
    what the agent has learnt.
    """
    from opsagent.cli.errors import Code
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_own_home, view_engine

    out = Out(as_json=json)
    place = open_own_home(home)
    boot = _boot(place)
    engine_pid = view_engine(place).pid()
    for line in _what_goes(place, boot, engine_pid, stop_services=stop_services):
        out.note(line)
    if not yes and not _said_yes(out):
        if out.as_json:
            out.document({"done": [], "kept": place.path, "engine_pid": engine_pid})
        return Code.NEEDS_APPROVAL
    return _uninstall(place, boot, out, stop_services=stop_services)


def _boot(home: Home) -> Boot | None:
    from opsagent.boot.errors import BootError
    from opsagent.boot.install import boot_of

    try:
        return boot_of(home)
    except BootError:
        return None  # nothing here starts things at boot


def _what_goes(home: Home, boot: Boot | None, engine_pid: int | None, *, stop_services: bool) -> list[str]:
    files = [file.path for file in boot.standing] if boot is not None else []
    lines = [f"removes {path}" for path in files]
    if engine_pid is None or stop_services:
        lines.append(f"removes {home.path} with everything that the agent knows")
    else:
        lines.append(f"removes {home.path}, except engine/: its services go on (engine pid {engine_pid})")
    return lines


def _said_yes(out: Out) -> bool:
    if not sys.stdin.isatty() or out.as_json:
        out.note("nothing was removed: say --yes to do it")
        return False
    try:
        answer = typer.prompt("Remove all of this? [y/N]", default="", show_default=False, err=True, prompt_suffix=" ")
    except (EOFError, typer.Abort):
        answer = ""
    if answer.strip().lower() in {"y", "yes"}:
        return True
    out.note("nothing was removed")
    return False


def _uninstall(home: Home, boot: Boot | None, out: Out, *, stop_services: bool) -> int:
    from opsagent.cli.services import view_engine

    done: list[str] = []
    if boot is not None:
        from opsagent.boot.install import remove

        remove(boot, engine_too=stop_services, say=done.append)
    done += _end_daemon(home)
    with home.owner_lock(_END_S):  # nobody acts for it any more
        if stop_services:
            import asyncio

            from opsagent.cli.services import open_engine

            asyncio.run(open_engine(home).shutdown())
            done.append("ended the engine and its services")
        engine_pid = view_engine(home).pid()
        kept = _remove_home(home, keep_engine=engine_pid is not None)
    done.append(f"removed {home.path}" if kept is None else f"removed what was in {home.path}, except {kept.name}/")
    if out.as_json:
        out.document({"done": done, "kept": kept, "engine_pid": engine_pid})
        return 0
    out.lines(done)
    if kept is not None:
        out.note(f"services go on under the engine (pid {engine_pid}); to end them later: kill {engine_pid}")
    out.note("the program itself goes with: python -m pip uninstall opsagent")
    return 0


def _end_daemon(home: Home) -> list[str]:
    from opsagent.cli.daemon import status
    from opsagent.cli.errors import CliError

    daemon = status(home)
    if daemon is None:
        return []
    pid = int(daemon["pid"])
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _END_S
    while status(home) is not None:
        if time.monotonic() > deadline:
            raise CliError(f"the daemon (pid {pid}) does not end: end it, then try again")
        time.sleep(_POLL_S)
    return [f"ended the daemon (pid {pid})"]


def _remove_home(home: Home, *, keep_engine: bool) -> Path | None:
    """Remove everything but the engine's folder and what finds it again, while an engine runs."""
    staying = {home.engine_dir.name, "runtime"} if keep_engine else set()
    for entry in list(home.path.iterdir()):
        if entry.name in staying:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
    if keep_engine:
        return home.engine_dir
    home.discard_runtime_dir()
    if not home.path.is_mount():  # a disk of its own stays, empty
        home.path.rmdir()
    return None
