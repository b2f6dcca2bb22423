"""`opsagent up FILE`: run the services that a file describes, on the embedded engine."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsagent.cli.output import Out
    from opsagent.cli.services import Running
    from opsagent.home import Home
    from opsagent_tools.services.spec import ServiceSpec
    from opsagent_tools.units import Unit

_POLL_S = 0.2
_SETTLED_S = 1.0
"""A service without a health probe counts as up when its processes have run for this long."""


def command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A services.toml.", show_default=False)],
    *,
    wait: Annotated[float, typer.Option("--wait", metavar="SECONDS", help="How long services may take.")] = 30.0,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Run the services that FILE describes, and wait until they serve.

    The file as a whole counts: what it adds is started, what it changes is replaced, what it no longer names is
    stopped and forgotten, and the rest goes on undisturbed. Everything is checked before anything is touched.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent_tools.services.toml import load_services

    specs = load_services(Path(file))
    _refuse_what_cannot_run(Path(file), specs)
    return asyncio.run(_up(open_home(home), specs, max(0.0, wait), Out(as_json=json)))


def _refuse_what_cannot_run(file: Path, specs: Sequence[ServiceSpec]) -> None:
    """Refuse a typo in a command before it takes a service down that runs. Raises ServicesFileError."""
    from opsagent_tools.services.errors import ServicesFileError
    from opsagent_tools.services.runnable import why_not_runnable

    for spec in specs:
        why = why_not_runnable(spec)
        if why:
            mend = "correct the command or cwd, or put the program there"
            raise ServicesFileError(file, why, place=f"services.{spec.name}.command", line=None, mend=mend)


async def _up(home: Home, specs: Sequence[ServiceSpec], wait_s: float, out: Out) -> int:
    from opsagent.cli.listing import report_of, show
    from opsagent.cli.services import look, open_engine

    engine = open_engine(home)
    if await engine.ensure_running():
        out.note("the engine is started")
    changes = await engine.apply(specs)
    done = {name: list(getattr(changes, name)) for name in ("added", "changed", "removed", "kept")}
    problems = await _wait(home, specs, wait_s, out)
    running = look(home)
    if out.as_json:
        report = report_of(running, None, home=str(home.path))
        out.document({"changes": done, "problems": problems, **report})
    else:
        show(report_of(running, None, home=str(home.path)), out)
        _say_changes(done, out)
    for name, why in problems.items():
        out.note(f"{name} did not come up: {why}")
    return 1 if problems else 0


def _say_changes(done: dict[str, list[str]], out: Out) -> None:
    said = [f"{what} {', '.join(names)}" for what, names in done.items() if names and what != "kept"]
    kept = len(done["kept"])
    out.note("; ".join(said) if said else f"nothing changed: all {kept} as the file says")


async def _wait(home: Home, specs: Sequence[ServiceSpec], wait_s: float, out: Out) -> dict[str, str]:
    """Wait until every service serves; return what is wrong with those that do not."""
    from opsagent.views.progress import Spinner

    deadline = time.monotonic() + wait_s
    waiting = {spec.name: spec for spec in specs}
    why: dict[str, str] = {}
    running: Running | None = None
    with Spinner(out.notes) as spinner:
        while True:
            running = _look_again(home, running)
            units = {unit.name: unit for unit in running.units}
            for name, spec in list(waiting.items()):
                problem = await _problem(units.get(name), spec)
                if problem is None:
                    del waiting[name]
                else:
                    why[name] = problem
            given_up = waiting and all(_is_over(units.get(name), spec) for name, spec in waiting.items())
            if not waiting or given_up or time.monotonic() >= deadline:
                break
            spinner.show(f"waiting for {', '.join(waiting)}")
            await asyncio.sleep(_POLL_S)
    return {name: _with_log(why[name], units.get(name)) for name in waiting}


def _look_again(home: Home, before: Running | None) -> Running:
    from opsagent.cli.services import look
    from opsagent_tools.supervisors.port import SupervisorError

    try:
        return look(home)
    except SupervisorError:
        if before is None:
            raise
        return before


async def _problem(unit: Unit | None, spec: ServiceSpec) -> str | None:
    """Return what keeps a service from serving; None when it serves."""
    from opsagent.views.units import exit_text
    from opsagent_tools.units import UnitState

    if unit is None:
        return "the engine does not know it"
    if unit.state is UnitState.STOPPED:
        return None  # a person stopped it: `up` of an unchanged service leaves that as it is
    if unit.state is not UnitState.RUNNING or len(unit.processes) < unit.instances:
        ended = f" ({exit_text(unit.last_exit)})" if unit.last_exit is not None else ""
        return unit.reason or f"{unit.state}{ended}"
    if spec.health is not None:
        from opsagent_tools.probes.health import ask

        result = await ask(spec.health)
        return None if result.ok else f"its health probe fails: {result.reason}"
    youngest = max(process.key.started for process in unit.processes)
    return None if time.time() - youngest >= _SETTLED_S else "it has only just started"


def _is_over(unit: Unit | None, spec: ServiceSpec) -> bool:
    """Tell whether waiting longer is in vain: it ended, and nobody starts it again."""
    from opsagent_tools.units import UnitState

    return unit is not None and unit.state is UnitState.EXITED and not spec.autorestart


def _with_log(problem: str, unit: Unit | None) -> str:
    from opsagent.cli.logs import last_lines

    lines = last_lines(unit.logs, 1) if unit is not None else []
    return f"{problem}; its last line: {lines[-1].text}" if lines else problem
