"""Chunks of output put together to lines again. Pure; bounded in lines, in their length and in streams."""

from __future__ import annotations

from collections import OrderedDict

LONGEST_LINE = 16 * 1024
_STREAMS = 1024


class Lines:
    """PM2 hands output on as it was read from a pipe: half lines, several at once, two streams at a time."""

    def __init__(self, longest: int = LONGEST_LINE, streams: int = _STREAMS) -> None:
        self._longest = longest
        self._streams = streams
        self._rest: OrderedDict[tuple[str, str], str] = OrderedDict()
        self.cut = 0
        """Characters that were thrown away because a line was too long, or too many streams were open."""

    def feed(self, process: str, stream: str, chunk: str) -> list[str]:
        """Return the lines that are whole now, without their ends; what is too long is cut."""
        key = (process, stream)
        *whole, rest = (self._rest.pop(key, "") + chunk).split("\n")
        if len(rest) > self._longest:  # kept up to the limit: the rest of a line without an end is not kept twice
            self.cut += len(rest) - self._longest
            rest = rest[: self._longest]
        if rest:
            self._rest[key] = rest
            if len(self._rest) > self._streams:
                _, lost = self._rest.popitem(last=False)
                self.cut += len(lost)
        return [self._fit(line) for line in whole]

    def end(self, process: str) -> list[tuple[str, str]]:
        """Return what a process that has ended left without a line's end, as (stream, text)."""
        keys = [key for key in self._rest if key[0] == process]
        return [(key[1], self._rest.pop(key).removesuffix("\r")) for key in keys]

    def _fit(self, line: str) -> str:
        line = line.removesuffix("\r")
        if len(line) > self._longest:
            self.cut += len(line) - self._longest
        return line[: self._longest]
