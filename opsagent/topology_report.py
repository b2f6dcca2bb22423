"""What `opsagent map` shows, in its documented form (docs/map.md): for the daemon and for a command alike. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from opsagent.roster import in_order
from opsagent.topology import Edge, Node, Sort
from opsagent.world import World
from opsagent_tools.units import Unit, UnitId

Source = Literal["daemon", "kept", "now"]
"""`daemon`: learnt over time, by a daemon that runs; `kept`: by one that does not run now, and looked at once; `now`: looked
at once, and nothing is kept."""


def report(
    world: World,
    now: datetime,
    *,
    source: Source,
    hidden: Iterable[UnitId] = (),
    in_passing: Iterable[Node] = (),
    known: Mapping[UnitId, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return nodes and edges. `hidden`: units whose connections cannot be seen; `known`: what only the daemon knows."""
    edges = list(_edges(world))
    hidden, passing, known = frozenset(hidden), frozenset(in_passing), known or {}
    answered = {edge["to"] for edge in edges if edge["learnt"]}
    nodes = [
        _unit(
            unit,
            world,
            hidden=unit.id in hidden,
            # whoever is probed is connected to by the agent itself
            passing=Node.of(unit.id) in passing and str(unit.id) not in answered and not _is_probed(unit, world),
            live=known.get(unit.id, {}),
        )
        for unit in in_order(world.units.values())
    ]
    others = {node for edge in world.topology for node in (edge.link.source, edge.link.target) if node.unit is None}
    saved_at = world.topology.saved_at
    return {
        "at": now.isoformat(),
        "source": source,
        "kept_at": saved_at.isoformat() if saved_at is not None and source == "kept" else None,
        "nodes": [*nodes, *(_other(node) for node in sorted(others))],
        "edges": edges,
    }


_HEALTH = {None: "unknown", True: "healthy", False: "unhealthy"}


def node_id(node: Node) -> str:
    """Return the id of a node in the report: a unit's own, else its sort and name."""
    return node.name if node.sort in {Sort.UNIT, Sort.OUTSIDE} else f"{node.sort}:{node.name}"


def _edges(world: World) -> Iterator[dict[str, Any]]:
    configured = {(unit, up) for unit in world.units for up in world.configured_upstream(unit)}
    counts = {(unit, up) for unit in world.units for up in world.upstream(unit)}
    seen = set()
    for edge in world.topology:
        ends = (edge.link.source.unit, edge.link.target.unit)
        if any(unit is not None and unit not in world.units for unit in ends):
            continue  # of a unit that is gone
        seen.add(ends)
        yield _edge(edge, configured=ends in configured, counts=ends in counts)
    for unit, up in sorted(configured - seen):
        yield {
            "from": str(unit),
            "to": str(up),
            "port": None,
            "path": None,
            "configured": True,
            "learnt": False,
            "counts": True,
            "state": None,
            "confidence": None,
            "first_seen": None,
            "last_seen": None,
            "seen": 0,
            "looked": 0,
        }


def _edge(edge: Edge, *, configured: bool, counts: bool) -> dict[str, Any]:
    return {
        "from": node_id(edge.link.source),
        "to": node_id(edge.link.target),
        "port": edge.link.port or None,
        "path": edge.link.path or None,
        "configured": configured,
        "learnt": True,
        "counts": counts,
        "state": edge.state,
        "confidence": round(edge.confidence, 3),
        "first_seen": edge.first_seen.isoformat(),
        "last_seen": edge.last_seen.isoformat(),
        "seen": edge.seen,
        "looked": edge.looked,
    }


def _unit(unit: Unit, world: World, *, hidden: bool, passing: bool, live: Mapping[str, Any]) -> dict[str, Any]:
    spec = world.spec(unit.id)
    return {
        "id": str(unit.id),
        "sort": Sort.UNIT.value,
        "name": unit.name,
        "supervisor": unit.id.supervisor,
        "state": unit.state.value,
        "health": _HEALTH[live.get("health")],
        "incident": live.get("incident"),
        "hold": live.get("hold"),
        "maintenance": live.get("maintenance"),
        "ports": sorted({*unit.ports, *world.found_ports.get(unit.id, ())}),
        "independent": spec is not None and spec.independent,
        "connections_hidden": hidden,
        "unseen_clients": passing,
    }


def _other(node: Node) -> dict[str, Any]:
    return {"id": node_id(node), "sort": node.sort.value, "name": node.name}


def _is_probed(unit: Unit, world: World) -> bool:
    spec = world.spec(unit.id)
    return spec is not None and spec.health is not None
