"""Where boxes and arrows go: layers from who uses to who is used, few crossings, long arrows through free places. Pure.

The usual four steps for directed graphs (Sugiyama, Tagawa, Toda 1981): open circles, give layers, order each layer by the
middle of its neighbours, then place. One that has several long arrows shares the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a layer: a box, or where long arrows of a box pass through."""

    key: str
    """Of the box, or of the box whose arrows pass."""
    layer: int
    passes: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of everything."""

    layers: tuple[tuple[Spot, ...], ...]
    """From left to right, each from top to bottom."""
    segments: tuple[tuple[Spot, Spot], ...]
    """Pieces of arrows between neighbouring layers."""
    back: tuple[tuple[str, str], ...]
    """Arrows that close a circle: they are in no layer's direction, and are not among the segments."""
    rows: Mapping[Spot, int]
    """Which row each spot is in; no two of one layer share one."""

    def way(self, source: str, target: str) -> tuple[Spot, ...]:
        """Return the spots that an arrow goes through, both boxes among them."""
        ends = {spot.key: spot for layer in self.layers for spot in layer if not spot.passes}
        between = range(ends[source].layer + 1, ends[target].layer)
        return (ends[source], *(Spot(source, layer, passes=True) for layer in between), ends[target])


def lay_out(keys: Sequence[str], arrows: Iterable[tuple[str, str]]) -> Layout:
    """Return where to draw boxes and their arrows."""
    pairs = sorted({(source, target) for source, target in arrows if source != target})
    forward, back = _without_circles(keys, pairs)
    depth = _layers(keys, forward)
    segments = _segments(forward, depth)
    spots = {Spot(key, depth[key]) for key in keys} | {spot for segment in segments for spot in segment}
    position = {key: number for number, key in enumerate(keys)}
    layers = [
        sorted((spot for spot in spots if spot.layer == number), key=lambda spot: (position[spot.key], spot.passes))
        for number in range(max(depth.values(), default=-1) + 1)
    ]
    _untangle(layers, segments)
    return Layout(tuple(map(tuple, layers)), segments, tuple(back), _rows(layers, segments))


def _without_circles(
    keys: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the arrows without those that close a circle, and those."""
    following: dict[str, list[str]] = {}
    for source, target in pairs:
        following.setdefault(source, []).append(target)
    called = {target for _, target in pairs}
    state: dict[str, int] = {}
    back: list[tuple[str, str]] = []
    for start in sorted(keys, key=lambda key: key in called):  # those that nobody uses first
        stack = [(start, iter(following.get(start, ())))] if start not in state else []
        state.setdefault(start, 1)
        while stack:
            key, rest = stack[-1]
            for other in rest:
                if state.get(other) == 1:
                    back.append((key, other))
                elif other not in state:
                    state[other] = 1
                    stack.append((other, iter(following.get(other, ()))))
                    break
            else:
                state[key] = 2
                stack.pop()
    opened = set(back)
    return [pair for pair in pairs if pair not in opened], back


def _layers(keys: Sequence[str], pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the layer of each: right of all that use it, and no further left than needed."""
    depth = dict.fromkeys(keys, 0)
    for _ in keys:
        moved = False
        for source, target in pairs:
            if depth[target] <= depth[source]:
                depth[target], moved = depth[source] + 1, True
        if not moved:
            break
    called = {target for _, target in pairs}
    for key in keys:
        targets = [depth[target] for source, target in pairs if source == key]
        if key not in called and targets:
            depth[key] = min(targets) - 1
    return depth


def _segments(pairs: Sequence[tuple[str, str]], depth: Mapping[str, int]) -> tuple[tuple[Spot, Spot], ...]:
    found = set()
    for source, target in pairs:
        at = Spot(source, depth[source])
        for layer in range(depth[source] + 1, depth[target]):
            following = Spot(source, layer, passes=True)
            found.add((at, following))
            at = following
        found.add((at, Spot(target, depth[target])))
    return tuple(sorted(found, key=lambda one: (one[0].layer, one[0].key, one[0].passes, one[1].key, one[1].passes)))


def _untangle(layers: list[list[Spot]], segments: Sequence[tuple[Spot, Spot]]) -> None:
    """Order each layer by the middle of its neighbours, to and fro; the order with the fewest crossings is kept."""
    lefts, rights = _neighbours(segments)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, segments)
    for sweep in range(_SWEEPS):
        order = range(len(layers)) if sweep % 2 == 0 else range(len(layers) - 1, -1, -1)
        near = lefts if sweep % 2 == 0 else rights
        for number in order:
            place = {spot: at for layer in layers for at, spot in enumerate(layer)}
            layers[number].sort(key=lambda spot: _middle([place[one] for one in near.get(spot, ())], place[spot]))
        crossings = _crossings(layers, segments)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    layers[:] = best


def _neighbours(
    segments: Sequence[tuple[Spot, Spot]],
) -> tuple[dict[Spot, list[Spot]], dict[Spot, list[Spot]]]:
    lefts: dict[Spot, list[Spot]] = {}
    rights: dict[Spot, list[Spot]] = {}
    for source, target in segments:
        lefts.setdefault(target, []).append(source)
        rights.setdefault(source, []).append(target)
    return lefts, rights


def _middle(places: Sequence[float], own: float) -> float:
    return sum(places) / len(places) if places else own


def _crossings(layers: Sequence[Sequence[Spot]], segments: Sequence[tuple[Spot, Spot]]) -> int:
    place = {spot: at for layer in layers for at, spot in enumerate(layer)}
    by_layer: dict[int, list[tuple[int, int]]] = {}
    for source, target in segments:
        by_layer.setdefault(source.layer, []).append((place[source], place[target]))
    return sum(
        (a[0] - b[0]) * (a[1] - b[1]) < 0 for ends in by_layer.values() for n, a in enumerate(ends) for b in ends[:n]
    )


def _rows(layers: Sequence[Sequence[Spot]], segments: Sequence[tuple[Spot, Spot]]) -> dict[Spot, int]:
    """Place each spot as near to the middle of its neighbours as those above and below it allow."""
    lefts, rights = _neighbours(segments)
    rows: dict[Spot, float] = {spot: float(at) for layer in layers for at, spot in enumerate(layer)}
    for sweep in range(_SWEEPS):
        near = lefts if sweep % 2 == 0 else rights
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [_middle([rows[one] for one in near.get(spot, ())], rows[spot]) for spot in layer]
            rows.update(zip(layer, _apart(wanted), strict=True))
    placed: dict[Spot, int] = {}
    for layer in layers:
        last = -(10**6)
        for spot in layer:
            last = max(last + 1, round(rows[spot]))
            placed[spot] = last
    top = min(placed.values(), default=0)
    return {spot: row - top for spot, row in placed.items()}


def _apart(wanted: Sequence[float]) -> list[float]:
    """Return places in the same order, at least 1 apart, as near to those wanted as can be (least squares)."""
    groups: list[list[float]] = []
    """Sum of what its members want, once their distance is taken off, and how many they are."""
    for number, place in enumerate(wanted):
        groups.append([place - number, 1])
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] > groups[-1][0] / groups[-1][1]:
            total, size = groups.pop()
            groups[-1][0] += total
            groups[-1][1] += size
    found: list[float] = []
    for total, size in groups:
        found += [total / size + len(found) + shift for shift in range(int(size))]
    return found
