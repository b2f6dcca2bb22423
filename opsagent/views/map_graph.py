"""What of a map is drawn, and in which words: from the report of `opsagent map --json` (docs/map.md). Pure.

Remote ends that the same services use are one box; services that nobody is seen to talk to are listed, not drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from opsagent.views.numbers import duration
from opsagent.views.terminal import Style

Tone = Literal["good", "bad", "warn", "off", "plain", "other"]
"""How something is: `off` was stopped, `plain` is not known to be well or ill, `other` is no service of ours."""
STYLES: Mapping[Tone, Style] = {"good": "good", "bad": "bad", "warn": "warn", "off": "dim", "plain": "", "other": "dim"}
_PORTS_SHOWN = 3
_PEERS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Box:
    """One node as it is drawn. Its texts are foreign: whoever draws it escapes them for its medium."""

    id: str
    title: str
    ports: str
    tone: Tone
    words: str
    """How it is, in words."""
    short: str = ""
    """The same in one or two words."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One or several edges between two boxes."""

    source: str
    target: str
    at: str
    """Ports and paths."""
    stale: bool
    configured: bool
    words: str
    """Where it is known from."""


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    alone: tuple[Box, ...]

    def box(self, key: str) -> Box:
        """Return a box by its id."""
        return next(box for box in (*self.boxes, *self.alone) if box.id == key)


def picture(report: Mapping[str, Any], *, focus: str = "", stale: bool = True) -> Picture:
    """Return what is drawn of a report. `focus`: the id of the one unit around which everything is shown; `stale`: with
    what was not seen for long.
    """
    report = focused(report, focus) if focus else report
    now = datetime.fromisoformat(report["at"])
    nodes = {node["id"]: node for node in report["nodes"]}
    edges = [edge for edge in report["edges"] if edge["from"] in nodes and edge["to"] in nodes]
    merged = _crowds(nodes, edges)
    names = [node["name"] for node in nodes.values() if node["sort"] == "unit"]
    boxes: dict[str, Box] = {}
    for key, node in nodes.items():
        drawn = merged.get(key, key)
        if drawn == key:
            boxes[key] = _box(node, shared=names.count(node["name"]) > 1)
        elif drawn not in boxes:
            boxes[drawn] = _crowd(drawn, [nodes[one]["name"] for one, into in merged.items() if into == drawn])
    arrows = tuple(arrow for arrow in _arrows(edges, merged, now) if stale or not arrow.stale)
    used = {end for arrow in arrows for end in (arrow.source, arrow.target)}
    return Picture(
        boxes=tuple(box for box in boxes.values() if box.id in used),
        arrows=arrows,
        alone=tuple(box for box in boxes.values() if box.id not in used),
    )


def focused(report: Mapping[str, Any], focus: str) -> Mapping[str, Any]:
    """Return the report of one unit alone, by its id: what it needs, however far, and what needs it."""
    near = _around(focus, report["edges"])
    return {
        **report,
        "nodes": [node for node in report["nodes"] if node["id"] in near],
        "edges": [edge for edge in report["edges"] if edge["from"] in near and edge["to"] in near],
    }


def _around(focus: str, edges: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return what a unit needs, however far, and what needs it."""
    pairs = {(edge["from"], edge["to"]) for edge in edges}
    found = {focus}
    for near, far in ((0, 1), (1, 0)):
        frontier = {focus}
        while frontier:
            frontier = {pair[far] for pair in pairs if pair[near] in frontier} - found
            found |= frontier
    return found


def _crowds(nodes: Mapping[str, Mapping[str, Any]], edges: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return remote ends of which several are used by the same services, with the box that stands for them."""
    users: dict[str, set[str]] = {}
    for edge in edges:
        if nodes[edge["to"]]["sort"] == "remote":
            users.setdefault(edge["to"], set()).add(edge["from"])
    groups: dict[tuple[str, ...], list[str]] = {}
    for remote, by in users.items():
        groups.setdefault(tuple(sorted(by)), []).append(remote)
    return {remote: f"remotes of {', '.join(by)}" for by, found in groups.items() if len(found) > 1 for remote in found}


def _crowd(key: str, names: Sequence[str]) -> Box:
    shown = sorted(names)
    more = f" and {len(shown) - _PEERS_SHOWN} more" if len(shown) > _PEERS_SHOWN else ""
    return Box(key, f"{len(shown)} remote ends", "", "other", ", ".join(shown[:_PEERS_SHOWN]) + more)


def _box(node: Mapping[str, Any], *, shared: bool) -> Box:
    match node["sort"]:
        case "unit":
            title = f"{node['supervisor']}:{node['name']}" if shared else node["name"]
            return Box(node["id"], title, _ports(node["ports"]), _tone(node), _words(node), _short(node))
        case "process":
            return Box(node["id"], node["name"], "", "other", "nobody supervises it")
        case "outside":
            return Box(node["id"], "(other machines)", "", "other", "whoever connects from outside")
        case _:
            return Box(node["id"], node["name"], "", "other", "on another machine")


def _ports(ports: Sequence[int]) -> str:
    more = ",…" if len(ports) > _PORTS_SHOWN else ""
    return ",".join(f":{port}" for port in ports[:_PORTS_SHOWN]) + more


def _tone(node: Mapping[str, Any]) -> Tone:
    if node["incident"] or node["health"] == "unhealthy" or node["state"] in {"exited", "down"}:
        return "bad"
    if node["state"] == "stopped":
        return "off"
    if node["state"] in {"starting", "stopping"} or node["hold"] or node["maintenance"]:
        return "warn"
    return "good" if node["health"] == "healthy" else "plain"


def _short(node: Mapping[str, Any]) -> str:
    if node["incident"]:
        return "incident"
    if node["state"] != "running":
        return str(node["state"])
    if node["health"] == "unhealthy":
        return "unhealthy"
    return "on hold" if node["hold"] else "maintenance" if node["maintenance"] else "running"


def _words(node: Mapping[str, Any]) -> str:
    words = [node["state"]]
    if node["health"] != "unknown":
        words.append(node["health"])
    if node["incident"]:
        words.append(f"incident {node['incident']}")
    if node["hold"]:
        words.append(f"on hold: {node['hold']}")
    if node["maintenance"]:
        words.append(f"maintenance: {node['maintenance']}")
    if node["connections_hidden"]:
        words.append("its connections cannot be seen")
    if node["unseen_clients"]:
        words.append("somebody here connects too shortly to be seen")
    return ", ".join(words)


def _arrows(edges: Sequence[Mapping[str, Any]], merged: Mapping[str, str], now: datetime) -> tuple[Arrow, ...]:
    pairs: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for edge in edges:
        ends = merged.get(edge["from"], edge["from"]), merged.get(edge["to"], edge["to"])
        pairs.setdefault(ends, []).append(edge)
    return tuple(_arrow(*ends, found, now) for ends, found in sorted(pairs.items()))


def _arrow(source: str, target: str, edges: Sequence[Mapping[str, Any]], now: datetime) -> Arrow:
    places = dict.fromkeys(edge["path"] or (f":{edge['port']}" if edge["port"] else "") for edge in edges)
    at = ", ".join([place for place in places if place][:_PORTS_SHOWN])
    configured = any(edge["configured"] for edge in edges)
    stale = not configured and all(edge["state"] == "stale" for edge in edges)
    return Arrow(source, target, at, stale, configured, evidence(edges, now))


def evidence(edges: Sequence[Mapping[str, Any]], now: datetime) -> str:
    """Say where edges between two ends are known from."""
    learnt = [edge for edge in edges if edge["learnt"]]
    words = ["configured"] if any(edge["configured"] for edge in edges) else []
    if learnt:
        seen = max(edge["seen"] for edge in learnt)
        last = max(datetime.fromisoformat(edge["last_seen"]) for edge in learnt)
        first = min(datetime.fromisoformat(edge["first_seen"]) for edge in learnt)
        states = {edge["state"] for edge in learnt}
        state = "" if "sure" in states else ", not for long" if states == {"stale"} else ", not sure yet"
        words.append(
            f"seen {seen} time{'s' if seen != 1 else ''} in {_ago(now - first)}, last {_ago(now - last)} ago{state}"
        )
        if (
            not any(edge["counts"] or edge["configured"] for edge in learnt)
            and "sure" in states
            and _both_units(learnt)
        ):
            words.append("no dependency: configuration says otherwise")
    return "; ".join(words)


def _both_units(edges: Sequence[Mapping[str, Any]]) -> bool:
    return not any(edge[end].startswith(("process:", "remote:", "outside")) for edge in edges for end in ("from", "to"))


def _ago(span: timedelta) -> str:
    return duration(max(0.0, span.total_seconds()))
