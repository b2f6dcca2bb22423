"""What apps write, as PM2 passes it on on its bus: for apps whose files are switched off (`/dev/null`) or cannot be read.

Only while somebody follows an app there is a connection, and one for all of them: the bus knows no subscription, so what
others write comes too, and is thrown away here. What is written while PM2's daemon, or the agent, is away is lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from opsagent_tools.supervisors.pm2.bus import OUTPUT, Bus, Message
from opsagent_tools.supervisors.pm2.home import Home
from opsagent_tools.supervisors.pm2.units import text, unit_name
from opsagent_tools.supervisors.port import SupervisorError

_KEPT_MAX = 8 * 1024 * 1024
_LINE_MAX = 16 * 1024
_STREAMS = 256
_AGAIN_S = 1.0


class OutputTail:
    """The lines of one app's processes from now on; a `LogSource`."""

    def __init__(self, outputs: Outputs, unit: str) -> None:
        self.unit = unit
        self.skipped = 0
        """Bytes that were dropped because too much came at once (of messages that PM2's bus lost here, one each)."""
        self.past = False
        self.missed = ""
        self._outputs = outputs
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._halves: dict[tuple[object, str], bytes] = {}

    def look(self) -> list[bytes]:
        """Return the lines that came since the last look. Call it in the event loop."""
        self._outputs.hear(self)
        lines = list(self._lines)
        self._lines.clear()
        self._size = 0
        return lines

    def position(self) -> dict[str, Any]:
        """Return nothing: the bus does not repeat what it said."""
        return {}

    def close(self) -> None:
        """Follow it no longer."""
        self._outputs.drop(self)

    def take(self, stream: tuple[object, str], chunk: bytes) -> None:
        """Take what one process wrote to one of its streams: pieces of lines, cut anywhere."""
        *whole, rest = (self._halves.pop(stream, b"") + chunk).split(b"\n")
        for line in whole:
            self._lines.append(line[:_LINE_MAX].rstrip(b"\r"))
            self._size += len(self._lines[-1])
        if rest and len(self._halves) < _STREAMS:
            self._halves[stream] = rest[:_LINE_MAX]
        while self._size > _KEPT_MAX:
            gone = len(self._lines.popleft())
            self._size -= gone
            self.skipped += gone


class Outputs:
    """All output of one PM2 that is followed."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._tails: dict[str, list[OutputTail]] = {}
        self._hearing: asyncio.Task[None] | None = None

    def follow(self, unit: str) -> OutputTail:
        """Follow an app's output, from the first look on."""
        return OutputTail(self, unit)

    def hear(self, tail: OutputTail) -> None:
        """See to it that the bus is heard."""
        tails = self._tails.setdefault(tail.unit, [])
        if tail not in tails:
            tails.append(tail)
        if self._hearing is None or self._hearing.done():
            self._hearing = asyncio.get_running_loop().create_task(self._hear(), name="output on PM2's bus")

    def drop(self, tail: OutputTail) -> None:
        """Nobody follows this one any more."""
        tails = self._tails.get(tail.unit, [])
        if tail in tails:
            tails.remove(tail)
        if not tails:
            self._tails.pop(tail.unit, None)
        if not self._tails and self._hearing is not None:
            self._hearing.cancel()

    async def close(self) -> None:
        """Hang up."""
        self._tails.clear()
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.gather(self._hearing, return_exceptions=True)

    async def _hear(self) -> None:
        while True:
            try:
                bus = await Bus.open(self._home, OUTPUT)
            except SupervisorError:
                await asyncio.sleep(_AGAIN_S)
                continue
            try:
                while (message := await bus.next()) is not None:
                    self._take(message)
            finally:
                bus.close()
            await asyncio.sleep(_AGAIN_S)

    def _take(self, message: Message) -> None:
        if not message.topic:
            for tail in (tail for tails in self._tails.values() for tail in tails):
                tail.skipped += sum(int(lost) for lost in message.data.values())
            return
        process, said = message.data.get("process"), message.data.get("data")
        if not isinstance(process, dict) or not isinstance(said, str):
            return
        unit = unit_name(text(process.get("name")), text(process.get("namespace")))
        for tail in self._tails.get(unit, ()):
            tail.take((process.get("pm_id"), message.topic), said.encode("utf-8", "surrogatepass"))
