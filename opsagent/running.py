"""Which services there are and how they are doing, as their supervisors say it now. No event loop; blocks for a moment.

UnknownService   a name means no service, or more than one
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opsagent.naming import Descriptions, full_name, index
from opsagent_tools.units import Unit, UnitId

if TYPE_CHECKING:
    from opsagent.config import Config
    from opsagent.home import Home
    from opsagent_tools.services.spec import ServiceSpec
    from opsagent_tools.supervisors.circus.view import EngineView
    from opsagent_tools.supervisors.found import Found

KIND = "circus"


class UnknownService(LookupError):
    """A name means no service, or more than one. The text is one line and says which there are."""


@dataclass(frozen=True, slots=True)
class Running:
    """All supervisors and their services, as they are now."""

    engine_running: bool
    engine_pid: int | None
    units: tuple[Unit, ...]
    specs: tuple[ServiceSpec, ...]
    """Of the embedded engine's services, as they were applied."""
    others: tuple[Found, ...] = ()
    """Supervisors beside the engine, those that were refused among them."""
    silent: Mapping[str, str] = field(default_factory=dict)
    """Why one that was found did not answer, by kind."""
    described: Descriptions = field(default_factory=lambda: Descriptions({}, ()))

    def spec(self, unit: UnitId) -> ServiceSpec | None:
        """Return how a person described the service."""
        return self.described.of(unit)

    @property
    def with_daemons(self) -> tuple[Unit, ...]:
        """Return the units, and for each supervisor beside the engine one that stands for its daemon (`start pm2`)."""
        from opsagent.naming import daemon_unit
        from opsagent_tools.units import UnitState

        gone = {one.kind for one in self.others if one.state != "running" or one.kind in self.silent}
        states = {
            one.kind: UnitState.EXITED if one.kind in gone else UnitState.RUNNING for one in self.others if one.kind
        }
        return (*self.units, *(Unit(id=daemon_unit(kind), state=state) for kind, state in states.items()))

    def owner(self, unit: Unit) -> int | None:
        """Return whose the unit's files must be, where its supervisor is another user's; None: nobody's in particular."""
        import os

        uids = [one.uid for one in self.others if one.kind == unit.id.supervisor]
        return uids[0] if uids and uids[0] not in {os.geteuid(), 0} else None


def view_engine(home: Home) -> EngineView:
    """Return the engine of a home for looking only, which loads much less."""
    from opsagent_tools.supervisors.circus.view import EngineView

    return EngineView(home.engine_dir, home.runtime_dir)


def look_at_engine(home: Home) -> Running:
    """Ask the engine for its services; where it does not run, those of the last `up` are given as they are: down.

    Blocks for a moment, a few seconds at most.
    """
    from opsagent.roster import down_unit
    from opsagent_tools.supervisors.circus import look as circus
    from opsagent_tools.supervisors.port import SupervisorUnreachable

    engine = view_engine(home)
    specs = engine.specs()
    pid = engine.pid()
    if pid is None:
        return _engine(None, map(down_unit, specs), specs)
    try:
        units = circus.look(engine.paths)
    except SupervisorUnreachable:
        if not _has_ended(engine):  # it lives and does not answer: that is another matter
            raise
        return _engine(None, map(down_unit, specs), specs)
    return _engine(pid, units, specs)


def _has_ended(engine: EngineView) -> bool:
    """Tell whether the engine is gone. One that hangs up in the middle may be about to end, which takes a moment."""
    until = time.monotonic() + _ENDS_WITHIN_S
    while engine.is_running():
        if time.monotonic() >= until:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True


_ENDS_WITHIN_S, _LOOK_EVERY_S = 0.5, 0.02


def _engine(pid: int | None, units: Iterable[Unit], specs: tuple[ServiceSpec, ...]) -> Running:
    there = tuple(sorted(units, key=lambda unit: unit.name))
    described = Descriptions({f"{KIND}:{spec.name}": spec for spec in specs}, [unit.id for unit in there])
    return Running(pid is not None, pid, there, specs, described=described)


def look(home: Home, *, daemon: Mapping[str, Any] | None = None) -> Running:
    """Ask every supervisor for its services. `daemon`: what the agent's daemon says of itself, where one runs; what it
    watches is what is looked at, and known by the same names. One that does not answer keeps nobody from the others.
    """
    from opsagent import roster

    engine = look_at_engine(home)
    config = _config(home)
    others = _found_by(daemon) if daemon is not None else _find(home, config)
    answers = _ask_all([one for one in others if one.usable])
    foreign = [unit for units in answers.values() if not isinstance(units, str) for unit in units]
    units = tuple(roster.in_order((*engine.units, *foreign)))
    specs = config.described(engine.specs) if config is not None else {f"{KIND}:{s.name}": s for s in engine.specs}
    return Running(
        engine.engine_running,
        engine.engine_pid,
        units,
        engine.specs,
        others=others,
        silent={kind: why for kind, why in answers.items() if isinstance(why, str)},
        described=Descriptions(specs, [unit.id for unit in units]),
    )


def _config(home: Home) -> Config | None:
    """Return the configuration; None where it cannot be used, which commands that act complain of."""
    found = read_config(home)
    return None if isinstance(found, str) else found


def read_config(home: Home) -> Config | str:
    """Return the configuration, or why it cannot be used."""
    from opsagent.config import Config
    from opsagent.home import HomeError
    from opsagent_tools.services.errors import ServicesFileError

    try:
        return Config.load(home)
    except (HomeError, ServicesFileError, OSError) as error:
        return str(error)


def _find(home: Home, config: Config | None) -> tuple[Found, ...]:
    from opsagent import kinds
    from opsagent_tools.supervisors.discover import discover
    from opsagent_tools.supervisors.found import Wanted

    return discover(config.supervisors if config is not None else Wanted(), known=kinds.load(home.path))


def _found_by(daemon: Mapping[str, Any]) -> tuple[Found, ...]:
    from opsagent_tools.supervisors.found import Found, State

    keys = ("family", "address", "uid", "pid", "why")
    found = []
    for row in daemon.get("supervisors", ()):
        refused = row["reason"] if row["state"] == "refused" else ""
        state: State = row["state"] if row["state"] in ("died", "idle") else "running"
        options = {key: tuple(value) if isinstance(value, list) else value for key, value in row["options"].items()}
        said = {key: row[key] for key in keys}
        found.append(Found(**said, kind=row["kind"] or "", state=state, refused=refused, options=options))
    return tuple(found)


def _ask_all(supervisors: Sequence[Found]) -> dict[str, tuple[Unit, ...] | str]:
    """Return the units of each, or why it did not answer; side by side, so that one that hangs costs its own time only."""
    answers: dict[str, tuple[Unit, ...] | str] = {}
    if len(supervisors) == 1:
        answers[supervisors[0].kind] = _ask(supervisors[0])
    elif supervisors:
        import threading

        def ask(one: Found) -> None:
            answers[one.kind] = _ask(one)

        threads = [threading.Thread(target=ask, args=(one,), daemon=True) for one in supervisors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return answers


def _ask(one: Found) -> tuple[Unit, ...] | str:
    from opsagent_tools.supervisors.discover import look_at
    from opsagent_tools.supervisors.port import SupervisorError

    try:
        return look_at(one)
    except (SupervisorError, ValueError, OSError) as error:
        return " ".join(str(error).split()) or type(error).__name__


def find(name: str, units: Sequence[Unit], *, silent: Iterable[str] = ()) -> Unit:
    """Return the unit that a name, `kind:name` or full id means. Raises UnknownService, which offers the nearest name, or says
    which supervisors did not tell theirs (`silent`).
    """
    by_id = {unit.id: unit for unit in units}
    found = index(by_id).get(name, ())
    if len(found) == 1:
        return by_id[found[0]]
    if found:
        raise UnknownService(f"more than one service is named {name!r}: write {' or '.join(map(full_name, found))}")
    unheard = ", ".join(sorted(silent))
    if unheard:
        raise UnknownService(f"there is no service {name!r} among those that are known; no answer from {unheard}")
    raise UnknownService(no_such(name, [unit.name for unit in units]))


def no_such(name: str, names: Iterable[str]) -> str:
    """Return the line for a service that does not exist, with the nearest name or all of them."""
    from opsagent.commands.words import nearest

    there = sorted(set(names))
    near = nearest(name, there)
    if near:
        return f"there is no service {name!r}: did you mean {near[0]!r}?"
    if not there:
        return f"there is no service {name!r}, nor any other: start some with `opsagent up FILE`"
    return f"there is no service {name!r}: there are {', '.join(there)}"
