"""How much a detector keeps."""

from __future__ import annotations

from collections.abc import Iterator


def numbers_held(thing: object) -> int:
    """Count the numbers that an object holds, in its slots and in the containers there."""
    return sum(1 for _ in _numbers(thing))


def _numbers(thing: object) -> Iterator[object]:
    if thing is None or isinstance(thing, int | float | str | bool):
        yield thing
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield key
            yield from _numbers(value)
    elif hasattr(thing, "__iter__"):
        for item in thing:
            yield from _numbers(item)
    elif hasattr(thing, "__self__"):  # a bound method: of what it is bound to
        yield from _numbers(thing.__self__)
    else:
        for name in getattr(type(thing), "__slots__", ()):
            yield from _numbers(getattr(thing, name))
