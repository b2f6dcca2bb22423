"""From raw lines of one source to events with their signature."""

from __future__ import annotations

from opsagent_tools.logs import repeats
from opsagent_tools.logs.event import LogEvent
from opsagent_tools.logs.miner import Miner
from opsagent_tools.logs.reading import EventReader


class LogPipeline:
    """One per source; the miner is shared by all."""

    def __init__(self, miner: Miner, reader: EventReader | None = None) -> None:
        self._miner = miner
        self._reader = reader or EventReader()

    def take(self, lines: list[bytes], arrived: float | None = None) -> list[LogEvent]:
        """Return the events that these lines complete, in order. `arrived`: as for `EventReader.take`."""
        events: list[LogEvent] = []
        self._reader.lines.arrive(arrived)
        repeats.take(self._reader, lines, self._miner.repeats, events)
        return self._signed(events)

    def flush(self) -> list[LogEvent]:
        """Return what was held back as the possible beginning of a trace: the source was quiet for a while."""
        return self._signed(self._reader.flush())

    def _signed(self, events: list[LogEvent]) -> list[LogEvent]:
        add, add_repeated = self._miner.add, self._miner.add_repeated
        for event in events:
            repeat = event.repeat
            if repeat is None:
                event.signature = add(event.message)
            elif (group := repeat.group) is None or group.into is not None or repeat.status:
                event.signature = add_repeated(event.message, repeat)
            else:
                group.count += 1
                event.signature = group.signature
        return events
