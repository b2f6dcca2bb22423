"""Who talks to whom, kept over time: edges between units (and what is no unit), learnt from connections. Pure.

An edge goes from who connects to who is connected to, so that trouble goes against it: who connects depends on the other.
The sockets of one moment are read by `opsagent.topology_sight`; here is what many looks add up to. One that was seen often
enough is sure; one that is not seen for long, while both ends ran, is stale. Neither makes a unit depend on another where
a person said on whom it depends (`opsagent.world.World.upstream`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from opsagent_tools.units import UnitId

SURE_AFTER = 3
"""Looks that have to have seen an edge before anything rests on it."""
STALE_AFTER_S = 86_400.0
"""An edge is stale when it was not seen for so long, or for 20 times its usual gap if that is longer, while both ran."""
STALE_GAPS = 20
WITHOUT_S = 3600.0
"""Or when who connects was well for so long while the other did not run: it does without."""
FORGOTTEN_AFTER_S = 30 * 86_400.0
"""Of wall time since it was seen last, whoever ran."""
EDGES_KEPT = 2000
PEERS_KEPT = 64
"""Remote ends that are kept of one unit: one that asks everybody has no dependencies but a crowd."""
_FORMAT = 1


class Sort(StrEnum):
    """What stands at the end of an edge."""

    UNIT = "unit"
    PROCESS = "process"
    """A process of this machine that nobody supervises, by its program: untrusted."""
    REMOTE = "remote"
    """Something on another machine (or in another network namespace) that a unit connects to: `address:port`."""
    OUTSIDE = "outside"
    """Whoever connects from other machines, all together."""


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """One end of an edge."""

    sort: Sort
    name: str

    @property
    def unit(self) -> UnitId | None:
        return UnitId.parse(self.name) if self.sort is Sort.UNIT else None

    @classmethod
    def of(cls, unit: UnitId) -> Node:
        return cls(Sort.UNIT, str(unit))


OUTSIDE = Node(Sort.OUTSIDE, "outside")


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """Who connects, to whom, and where."""

    source: Node
    target: Node
    port: int = 0
    path: str = ""
    """Of a unix socket; then there is no port."""

    @property
    def at(self) -> str:
        """Return the port or the path as it is shown."""
        return self.path or (f":{self.port}" if self.port else "")


@dataclass(slots=True)
class Edge:
    """What many looks say of one link."""

    link: Link
    first_seen: datetime
    last_seen: datetime
    seen: int = 1
    """Looks that saw it."""
    looked: int = 1
    """Looks since then, while both ends ran."""
    unseen_s: float = 0.0
    """Seconds since it was seen last, while both ends ran."""
    gap_s: float = 0.0
    """Its usual time between two sightings: grows at once, and shrinks slowly."""
    without_s: float = 0.0
    """Seconds since it was seen last, while who connects was well and the other did not run."""

    @property
    def stale(self) -> bool:
        return self.without_s > WITHOUT_S or self.unseen_s > max(STALE_AFTER_S, STALE_GAPS * self.gap_s)

    @property
    def sure(self) -> bool:
        return self.seen >= SURE_AFTER and not self.stale

    @property
    def state(self) -> Literal["sure", "young", "stale"]:
        return "stale" if self.stale else "sure" if self.sure else "young"

    @property
    def confidence(self) -> float:
        """How sure it is that who connects uses the other at all, 0..1: .5 at three sightings, .9 at 27; 0 when stale."""
        return 0.0 if self.stale else self.seen / (self.seen + SURE_AFTER)

    def sight(self, now: datetime) -> None:
        """It was seen."""
        self.gap_s = max(self.unseen_s, self.gap_s * 0.9)
        self.last_seen, self.unseen_s, self.without_s = now, 0.0, 0.0
        self.seen += 1
        self.looked += 1

    def miss(self, elapsed_s: float) -> None:
        """It was not seen, while both ends ran."""
        self.looked += 1
        self.unseen_s += elapsed_s


class Topology:
    """All edges that are known. Bounded."""

    def __init__(self, edges: Iterable[Edge] = ()) -> None:
        self._edges: dict[Link, Edge] = {edge.link: edge for edge in edges}
        self._sure: set[Link] = {link for link, edge in self._edges.items() if edge.sure}
        self._above: dict[UnitId, tuple[UnitId, ...]] | None = None
        self.version = 0
        """Grows whenever who surely depends on whom changes."""
        self.saved_at: datetime | None = None
        """When what was learnt by an earlier life of the agent was written; None: nothing was."""

    def __iter__(self) -> Iterator[Edge]:
        return iter(sorted(self._edges.values(), key=lambda edge: edge.link))

    def __len__(self) -> int:
        return len(self._edges)

    def take(
        self,
        seen: Iterable[Link],
        running: Iterable[UnitId],
        now: datetime,
        elapsed_s: float,
        *,
        well: Iterable[UnitId] = (),
        absent: Iterable[UnitId] = (),
    ) -> None:
        """Take over one look: what was seen, who ran, and how long ago the look before it was.

        `well`: those of which nothing is wrong; `absent`: those that surely do not run.
        """
        links, up = set(seen), {str(unit) for unit in running}
        fine, gone = {Node.of(unit) for unit in well}, {Node.of(unit) for unit in absent}
        for link, edge in self._edges.items():
            if link in links:
                edge.sight(now)
            elif _runs(link.source, up) and _runs(link.target, up):
                edge.miss(elapsed_s)
            elif link.source in fine and link.target in gone:
                edge.without_s += elapsed_s
        fresh = links - self._edges.keys()
        for link in fresh:
            self._edges[link] = Edge(link, now, now)
        self._bound(now, crowded=bool(fresh))
        self._count()

    def rename(self, names: Mapping[UnitId, UnitId]) -> None:
        """Units go on under another id: their edges go with them."""
        if not names:
            return
        moved = {Node.of(old): Node.of(new) for old, new in names.items()}
        for edge in list(self._edges.values()):
            link = edge.link
            source, target = moved.get(link.source, link.source), moved.get(link.target, link.target)
            if (source, target) != (link.source, link.target):
                del self._edges[link]
                edge.link = Link(source, target, link.port, link.path)
                self._edges.setdefault(edge.link, edge)
        self._count()

    def depends_on(self, unit: UnitId) -> tuple[UnitId, ...]:
        """Return the units that a unit surely connects to, the one with the most sightings first."""
        if self._above is None:
            self._above = self._dependencies()
        return self._above.get(unit, ())

    def edges_of(self, unit: UnitId) -> tuple[Edge, ...]:
        """Return the edges at a unit, whatever their state."""
        node = Node.of(unit)
        return tuple(edge for edge in self if node in {edge.link.source, edge.link.target})

    def between(self, source: UnitId, target: UnitId) -> tuple[Edge, ...]:
        """Return the edges from one unit to another, whatever their state."""
        ends = (Node.of(source), Node.of(target))
        return tuple(edge for edge in self if (edge.link.source, edge.link.target) == ends)

    def servers(self) -> dict[int, Node]:
        """Return who was seen to serve each port, where that was one alone: it may not listen at this moment."""
        found: dict[int, set[Node]] = {}
        for link in self._edges:
            if link.port and link.target.sort in {Sort.UNIT, Sort.PROCESS}:
                found.setdefault(link.port, set()).add(link.target)
        return {port: next(iter(nodes)) for port, nodes in found.items() if len(nodes) == 1}

    def dump(self, now: datetime) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {"format": _FORMAT, "saved_at": now.isoformat(), "edges": [_plain(edge) for edge in self]}

    @classmethod
    def load(cls, data: object) -> Topology:
        """Return what `dump` gave. Raises ValueError for anything else."""
        try:
            assert isinstance(data, dict)
            if data["format"] != _FORMAT:
                raise ValueError(f"format {data['format']!r} is not known")
            found = cls(_edge(one) for one in data["edges"][:EDGES_KEPT])
            found.saved_at = _time(data["saved_at"])
        except (AssertionError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"is not what was written ({type(error).__name__} {error})") from None
        return found

    def _dependencies(self) -> dict[UnitId, tuple[UnitId, ...]]:
        weights: dict[UnitId, dict[UnitId, int]] = {}
        for link in self._sure:
            edge, source, target = self._edges[link], link.source.unit, link.target.unit
            if source is not None and target is not None and source != target:
                found = weights.setdefault(source, {})
                found[target] = found.get(target, 0) + edge.seen
        return {unit: tuple(sorted(found, key=lambda one: (-found[one], one))) for unit, found in weights.items()}

    def _count(self) -> None:
        sure = {link for link, edge in self._edges.items() if edge.sure}
        if sure != self._sure:
            self._sure, self._above = sure, None
            self.version += 1

    def _bound(self, now: datetime, *, crowded: bool) -> None:
        old = now - timedelta(seconds=FORGOTTEN_AFTER_S)
        for link in [link for link, edge in self._edges.items() if edge.last_seen < old]:
            del self._edges[link]
        if not crowded:
            return
        crowds: dict[Node, list[Edge]] = {}
        for edge in self._edges.values():
            if edge.link.target.sort is Sort.REMOTE:
                crowds.setdefault(edge.link.source, []).append(edge)
        for crowd in crowds.values():
            self._drop(crowd, PEERS_KEPT)
        self._drop(list(self._edges.values()), EDGES_KEPT)

    def _drop(self, edges: list[Edge], kept: int) -> None:
        """Keep those that were seen most often, and of those that never were the latest."""
        if len(edges) > kept:
            for edge in sorted(edges, key=lambda edge: (edge.sure, edge.seen, edge.last_seen), reverse=True)[kept:]:
                del self._edges[edge.link]


def _runs(node: Node, up: set[str]) -> bool:
    return node.sort is not Sort.UNIT or node.name in up


def _plain(edge: Edge) -> dict[str, Any]:
    link = edge.link
    return {
        "from": [link.source.sort.value, link.source.name],
        "to": [link.target.sort.value, link.target.name],
        "port": link.port,
        "path": link.path,
        "first_seen": edge.first_seen.isoformat(),
        "last_seen": edge.last_seen.isoformat(),
        "seen": edge.seen,
        "looked": edge.looked,
        "unseen_s": round(edge.unseen_s, 1),
        "gap_s": round(edge.gap_s, 1),
        "without_s": round(edge.without_s, 1),
    }


def _edge(data: Mapping[str, Any]) -> Edge:
    source, target = (Node(Sort(data[key][0]), _text(data[key][1])) for key in ("from", "to"))
    for node in (source, target):
        _ = node.unit  # a name that is no unit's is refused
    return Edge(
        link=Link(source, target, int(data["port"]), _text(data["path"])),
        first_seen=_time(data["first_seen"]),
        last_seen=_time(data["last_seen"]),
        seen=int(data["seen"]),
        looked=int(data["looked"]),
        unseen_s=_number(data["unseen_s"]),
        gap_s=_number(data["gap_s"]),
        without_s=_number(data.get("without_s", 0.0)),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError("no number of seconds")
    return float(value)


def _time(value: str) -> datetime:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at.astimezone(UTC)
