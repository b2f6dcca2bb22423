"""What commands ask of the supervisors (`opsagent.running`), and how they open a home."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent import running
from opsagent.cli.errors import Unclear
from opsagent.naming import full_name, index
from opsagent.running import KIND, Running, look, look_at_engine, no_such, view_engine

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent_tools.supervisors.circus.engine import Engine
    from opsagent_tools.units import Unit

__all__ = [
    "KIND",
    "Running",
    "config_trouble",
    "find",
    "known_names",
    "look",
    "look_at_engine",
    "no_such",
    "open_engine",
    "open_home",
    "open_home_as_its_owner",
    "open_own_home",
    "view_engine",
]


def open_home(given: str | None) -> Home:
    """Open the home that `--home` or the environment names. Raises HomeError."""
    from opsagent.home import Home

    return Home.open(Path(given) if given else None)


def open_home_as_its_owner(given: str | None) -> Home:
    """Open a home for a person's answer: root may give it in somebody else's home, and touches that as its owner.

    Who answers stays who they are (`opsagent.cli.store.person`). Raises HomeError.
    """
    import os

    path = Path(given).expanduser() if given else None
    if path is not None and os.geteuid() == 0 and path.is_dir() and path.stat().st_uid != 0:
        import opsagent.store.journal  # noqa: F401  # its owner may not be able to read where root has it installed

        found = path.stat()
        os.setgroups([found.st_gid])
        os.setegid(found.st_gid)
        os.seteuid(found.st_uid)
    return open_home(given)


def open_own_home(given: str | None) -> Home:
    """Open the home that is to be removed or replaced. Raises HomeError where the folder holds what is not ours."""
    from opsagent.home import Home

    Home.demand_own(Path(given) if given else None)
    return open_home(given)


def open_engine(home: Home) -> Engine:
    """Return the engine of a home; nothing is started."""
    from opsagent_tools.supervisors.circus.engine import Engine

    return Engine(home.engine_dir, home.runtime_dir)


def config_trouble(home: Home) -> str:
    """Return why the configuration cannot be used, for a command that only shows: what it says is left out there."""
    found = running.read_config(home)
    return f"left out, for it cannot be used: {found}" if isinstance(found, str) else ""


def find(name: str, units: Sequence[Unit], *, silent: Iterable[str] = ()) -> Unit:
    """Return the unit that a name means, as `opsagent.running.find` does. Raises Unclear."""
    try:
        return running.find(name, units, silent=silent)
    except running.UnknownService as error:
        raise Unclear(str(error)) from error


def known_names(given_home: str | None) -> list[str]:
    """Return the names of all services, in full where several share one; empty where anything is in the way."""
    try:
        units = [unit.id for unit in look(open_home(given_home)).units]
        meant = index(units)
        return sorted({unit.name if len(meant[unit.name]) == 1 else full_name(unit) for unit in units})
    except Exception:  # noqa: BLE001  # completion must never print a trace into somebody's prompt
        return []
