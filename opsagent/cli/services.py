"""What commands ask of the embedded engine: which services there are, and how they are doing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent.cli.errors import Unclear
from opsagent_tools.units import Unit, UnitId, UnitState

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent_tools.services.spec import ServiceSpec
    from opsagent_tools.supervisors.circus.engine import Engine
    from opsagent_tools.supervisors.circus.view import EngineView

KIND = "circus"


@dataclass(frozen=True, slots=True)
class Running:
    """The engine and its services, as they are now."""

    engine_running: bool
    engine_pid: int | None
    units: tuple[Unit, ...]
    specs: tuple[ServiceSpec, ...]

    def spec(self, name: str) -> ServiceSpec | None:
        """Return how a person described the service."""
        return next((spec for spec in self.specs if spec.name == name), None)


def open_home(given: str | None) -> Home:
    """Open the home that `--home` or the environment names. Raises HomeError."""
    from opsagent.home import Home

    return Home.open(Path(given) if given else None)


def open_engine(home: Home) -> Engine:
    """Return the engine of a home; nothing is started."""
    from opsagent_tools.supervisors.circus.engine import Engine

    return Engine(home.engine_dir, home.runtime_dir)


def view_engine(home: Home) -> EngineView:
    """Return the engine of a home for looking only, which loads much less."""
    from opsagent_tools.supervisors.circus.view import EngineView

    return EngineView(home.engine_dir, home.runtime_dir)


def look(home: Home) -> Running:
    """Ask the engine for its services; where it does not run, those of the last `up` are given as they are: down.

    Blocks for a moment, a few seconds at most.
    """
    from opsagent_tools.supervisors.circus import look as circus
    from opsagent_tools.supervisors.port import SupervisorUnreachable

    engine = view_engine(home)
    specs = engine.specs()
    pid = engine.pid()
    if pid is None:
        return Running(False, None, tuple(_down(spec) for spec in specs), specs)
    try:
        units = circus.look(engine.paths)
    except SupervisorUnreachable:
        if engine.is_running():  # it lives and does not answer: that is another matter
            raise
        return Running(False, None, tuple(_down(spec) for spec in specs), specs)
    return Running(True, pid, tuple(sorted(units, key=lambda unit: unit.name)), specs)


def _down(spec: ServiceSpec) -> Unit:
    return Unit(
        id=UnitId.local(KIND, spec.name),
        state=UnitState.EXITED,
        instances=spec.instances,
        ports=(spec.port,) if spec.port is not None else (),
        shares_socket=spec.share_socket,
        reason="the engine is not running",
    )


def find(name: str, units: Sequence[Unit]) -> Unit:
    """Return the unit of that name or full id. Raises Unclear, which offers the nearest name."""
    found = [unit for unit in units if name in {unit.name, str(unit.id)}]
    if len(found) == 1:
        return found[0]
    if found:
        raise Unclear(f"more than one service is named {name!r}: write {' or '.join(str(unit.id) for unit in found)}")
    raise Unclear(no_such(name, [unit.name for unit in units]))


def no_such(name: str, names: Iterable[str]) -> str:
    """Return the line for a service that does not exist, with the nearest name or all of them."""
    from opsagent.commands.words import nearest

    there = sorted(names)
    near = nearest(name, there)
    if near:
        return f"there is no service {name!r}: did you mean {near[0]!r}?"
    if not there:
        return f"there is no service {name!r}, nor any other: start some with `opsagent up FILE`"
    return f"there is no service {name!r}: there are {', '.join(there)}"


def known_names(given_home: str | None) -> list[str]:
    """Return the names of the services of the last `up`; empty where anything is in the way (for completion)."""
    try:
        return sorted(spec.name for spec in view_engine(open_home(given_home)).specs())
    except Exception:  # noqa: BLE001  # completion must never print a trace into somebody's prompt
        return []
