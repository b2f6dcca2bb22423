"""Two causes at once, with real processes: two incidents, each at its cause, and nobody who only suffers is touched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from opsagent.model import Fault
from opsagent_tools.services.spec import ServiceSpec
from tests.integration.agent.conftest import Place
from tests.support.waiting import until

PAIRS = {"api": "store", "web": "cache"}


def needing(spec: ServiceSpec, other: ServiceSpec) -> ServiceSpec:
    """Return the service as one that answers 503 while the other one does not serve."""
    return replace(spec, env={**spec.env, "NEEDS": str(other.port)}, depends_on=(other.name,))


async def test_each_cause_has_its_incident_and_is_repaired_and_nothing_else(
    place: Place, free_ports: Callable[[int], tuple[int, ...]]
) -> None:
    ports = dict(zip(("store", "cache", "api", "web"), free_ports(4), strict=True))
    causes = {
        name: place.service(name, ports[name], autorestart=False, delay_s=4.0, instances=1) for name in PAIRS.values()
    }
    below = {name: needing(place.service(name, ports[name]), causes[cause]) for name, cause in PAIRS.items()}
    await place.up(*causes.values(), *below.values())
    await place.watch()
    await asyncio.gather(*(place.kill(name) for name in causes))

    def all_over() -> bool:
        with place.journal() as journal:
            rows = journal.incidents()
        return len(rows) >= 2 and all(row.status in {"resolved", "closed"} for row in rows)

    await until(all_over, timeout=60, why="both incidents are over")
    with place.journal() as journal:
        rows = {row.unit.name: journal.incident(row.id) for row in journal.incidents()}
    assert set(rows) == set(causes)
    for name, cause in PAIRS.items():
        row = rows[cause]
        assert (row.fault, row.outcome) == (Fault.CRASH, "repaired")
        assert {unit.name for unit in row.incident.affected} == {name}
        assert row.incident.why_root.startswith(f"{name} depends on {cause} (as configured)")
        assert len(place.starts(cause)) == 2
        assert len(place.starts(name)) == 1, "who only suffers is left alone"
