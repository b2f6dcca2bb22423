"""Who depends on whom: circles, and the order to start in. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def find_cycle(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return one circle as `(a, b, a)`, or nothing. Names that are no key have no needs."""
    done: set[str] = set()
    for start in needs:
        trail: list[str] = []
        stack = [(start, iter(needs[start]))]
        while stack:
            name, rest = stack[-1]
            if not trail or trail[-1] != name:
                trail.append(name)
            following = next((other for other in rest if other not in done), None)
            if following is None:
                done.add(name)
                stack.pop()
                trail.pop()
            elif following in trail:
                return (*trail[trail.index(following) :], following)
            else:
                stack.append((following, iter(needs.get(following, ()))))
    return ()


def start_order(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the names so that each comes after what it needs, otherwise in their own order. Circles are cut."""
    order: dict[str, None] = {}
    for start in needs:
        stack: list[tuple[str, bool]] = [(start, False)]
        entered: set[str] = set()
        while stack:
            name, needs_done = stack.pop()
            if needs_done:
                order[name] = None
            elif name in needs and name not in order and name not in entered:
                entered.add(name)
                stack.append((name, True))
                stack.extend((other, False) for other in reversed(needs[name]))
    return tuple(order)
