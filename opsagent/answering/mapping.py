"""A look at who talks to whom, where no daemon does so for longer. Nothing is kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.home import Home

_LOOKS, _PAUSE_S = 3, 0.15


def look_now(home: Home) -> dict[str, Any]:
    """Return the report of what is connected now, beside what an earlier daemon learnt. Blocks for about a second."""
    import time
    from datetime import UTC, datetime

    from opsagent import topology_report
    from opsagent.answering.listing import ports_of
    from opsagent.running import look
    from opsagent.senses.topology import FILE, load
    from opsagent.senses.topology_look import Looker, Scene
    from opsagent.world import World

    running = look(home)
    world = World(running.described.specs.values())
    world.replace_specs(running.described.specs)
    for unit in running.units:
        world.replace_unit(unit)
    world.topology = load(home.senses_dir / FILE)
    owned = ports_of(running)
    world.found_ports = dict(owned.ports)
    looker = Looker()
    for number in range(_LOOKS):
        scene = Scene(
            units=running.units,
            daemons=_daemons(running),
            unsupervised=owned.unsupervised,
            found_ports=owned.ports,
            servers=world.topology.servers(),
        )
        seen = looker.look(scene)
        up = [unit.id for unit in running.units if unit.processes and unit.id not in looker.hidden]
        world.topology.take(seen.links if seen is not None else (), up, datetime.now(UTC), 0.0)
        if number < _LOOKS - 1:
            time.sleep(_PAUSE_S)
    return topology_report.report(
        world,
        datetime.now(UTC),
        source="kept" if world.topology.saved_at is not None else "now",
        hidden=looker.hidden,
        in_passing=looker.in_passing,
    )


def _daemons(running: Any) -> tuple[int, ...]:
    pids = [one.pid for one in running.others if one.pid is not None and one.pid != 1]
    return (*pids, *([running.engine_pid] if running.engine_pid is not None else []))
