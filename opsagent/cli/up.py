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
    from opsagent_tools.services.described import Described
    from opsagent_tools.services.spec import ServiceSpec
    from opsagent_tools.units import Unit

_FILE_HELP = "A services.toml, an ecosystem file (js, json, yaml) or a Procfile."
_NETWORK_HELP = "Evaluate a js file even where it cannot be kept from the network."
_POLL_S = 0.2
_SETTLED_S = 1.0
"""A service without a health probe counts as up when its processes have run for this long."""


def command(
    file: Annotated[str, typer.Argument(metavar="FILE", help=_FILE_HELP, show_default=False)],
    *,
    env: Annotated[str, typer.Option("--env", metavar="NAME", help="Ecosystem files: env_NAME over env.")] = "",
    only: Annotated[str, typer.Option("--only", metavar="NAME,…", help="These alone; the rest stays as it is.")] = "",
    allow_network: Annotated[bool, typer.Option("--allow-network", help=_NETWORK_HELP)] = False,
    wait: Annotated[float, typer.Option("--wait", metavar="SECONDS", help="How long services may take.")] = 30.0,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Run the services that FILE describes, and wait until they serve.

    The file as a whole counts: what it adds is started, what it changes is replaced, what it no longer names is
    stopped and forgotten, and the rest goes on undisturbed. Everything is checked before anything is touched.
    FILE is a services.toml, an ecosystem file of PM2 (json, yaml; js, cjs and mjs are evaluated by node, without the
    network) or a Procfile. What of it has no effect is said.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent_tools.services.load import load

    described = load(Path(file), env_name=env, allow_network=allow_network)
    if only:
        described = _chosen(described, only)
    _refuse_what_cannot_run(Path(file), described.specs)
    return asyncio.run(_up(open_home(home), described, max(0.0, wait), Out(as_json=json), whole=not only))


def _chosen(described: Described, only: str) -> Described:
    """Return the part of a file that was asked for; an app may be named without its namespace."""
    from opsagent.cli.errors import Unclear
    from opsagent.cli.services import no_such
    from opsagent_tools.services.described import Described

    names = [spec.name for spec in described.specs]
    wanted: set[str] = set()
    for name in filter(None, (part.strip() for part in only.split(","))):
        found = [each for each in names if name in {each, each.rpartition("/")[2]}]
        if len(found) > 1 and name not in names:
            raise Unclear(f"--only {name!r} may be {' or '.join(found)}: write which")
        if not found:
            raise Unclear(f"--only: {no_such(name, names)}")
        wanted.update([name] if name in names else found)
    specs = tuple(spec for spec in described.specs if spec.name in wanted)
    notes = tuple(note for note in described.notes if note.service in {*wanted, ""})
    return Described(specs=specs, notes=notes)


def _refuse_what_cannot_run(file: Path, specs: Sequence[ServiceSpec]) -> None:
    """Refuse a typo in a command before it takes a service down that runs. Raises ServicesFileError."""
    from opsagent_tools.services.errors import ServicesFileError
    from opsagent_tools.services.runnable import why_not_runnable

    for spec in specs:
        why = why_not_runnable(spec)
        if why:
            mend = "correct the command or cwd, or put the program there"
            place = f"services.{spec.name}.command" if file.suffix == ".toml" else spec.name
            raise ServicesFileError(file, why, place=place, line=None, mend=mend)


async def _up(home: Home, described: Described, wait_s: float, out: Out, *, whole: bool) -> int:
    from opsagent.cli.listing import report_of, show
    from opsagent.cli.services import look_at_engine, open_engine

    engine = open_engine(home)
    if await engine.ensure_running():
        out.note("the engine is started")
    for note in described.notes:
        out.note(f"note: {note}")
    specs = described.specs
    names = {spec.name for spec in specs}
    others = () if whole else tuple(spec for spec in engine.specs() if spec.name not in names)
    changes = await engine.apply((*others, *specs))
    done = {name: list(getattr(changes, name)) for name in ("added", "changed", "removed", "kept")}
    problems = await _wait(home, specs, wait_s, out)
    running = look_at_engine(home)
    if out.as_json:
        report = report_of(running, None, home=str(home.path))
        out.document({"changes": done, "problems": problems, "notes": list(described.notes), **report})
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
    from opsagent.cli.services import look_at_engine
    from opsagent_tools.supervisors.port import SupervisorError

    try:
        return look_at_engine(home)
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
    if unit.state is UnitState.EXITED and _ended_well(unit.last_exit, spec):
        return None
    if unit.state is not UnitState.RUNNING or len(unit.processes) < unit.instances:
        ended = f" ({exit_text(unit.last_exit)})" if unit.last_exit is not None else ""
        return unit.reason or f"{unit.state}{ended}"
    if spec.health is not None:
        from opsagent_tools.probes.health import ask

        result = await ask(spec.health)
        return None if result.ok else f"its health probe fails: {result.reason}"
    if spec.wait_ready and unit.reason:
        return unit.reason
    youngest = max(process.key.started for process in unit.processes)
    return None if time.time() - youngest >= _SETTLED_S else "it has only just started"


def _ended_well(code: int | None, spec: ServiceSpec) -> bool:
    """Tell whether it was to end so: a job on a schedule, or an exit code that stops it."""
    return code in spec.stop_exit_codes or (code == 0 and bool(spec.cron_restart) and not spec.autorestart)


def _is_over(unit: Unit | None, spec: ServiceSpec) -> bool:
    """Tell whether waiting longer is in vain: it ended, and nobody starts it again."""
    from opsagent_tools.units import UnitState

    given_up = not spec.autorestart or spec.max_restarts is not None or bool(spec.stop_exit_codes)
    return unit is not None and unit.state is UnitState.EXITED and given_up


def _with_log(problem: str, unit: Unit | None) -> str:
    from opsagent.answering.log_lines import last_lines

    lines = last_lines(unit.logs, 1) if unit is not None else []
    return f"{problem}; its last line: {lines[-1].text}" if lines else problem
