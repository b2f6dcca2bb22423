"""Puts what several logs say into one order of time. Streaming: nothing is held but the next item of each."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence

from opsagent.replay.words import Beat, Happened

Item = Beat | Happened


def merged(streams: Sequence[Iterable[Item]]) -> Iterator[Item]:
    """Give all items by time. Of one second: what was logged before what a supervisor says of it, then by stream.

    Error lines come before the death that they explain; a supervisor's log often has whole seconds only.
    """
    keyed = [_keyed(stream, number) for number, stream in enumerate(streams)]
    return (entry[3] for entry in heapq.merge(*keyed))  # (time, says, stream) differ: items are never compared


def _keyed(stream: Iterable[Item], number: int) -> Iterator[tuple[float, bool, int, Item]]:
    says = None
    for item in stream:
        if says is None:
            says = isinstance(item, Happened)
        yield float(int(item.at)), says, number, item
