"""Where lines come from, behind one port: a file (`tail.py`), a journal (`journal.py`), a supervisor's own bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from opsagent_tools.units import UnitId


class LogSource(Protocol):
    """One place that a unit writes lines to. Not thread-safe; no call waits for lines."""

    skipped: int
    """Bytes that were never read because too much came at once."""
    past: bool
    """The lines of the last look were written before this source was opened (it goes on from a position)."""
    missed: str
    """What cannot be read any more of what was written since the position that it was opened with; empty: nothing."""

    def look(self) -> list[bytes]:
        """Return the lines that came since the last look, without their ends. Raises OSError where they cannot be read."""
        ...

    def position(self) -> Mapping[str, Any]:
        """Return how far it was read, as plain values, to go on from after a restart; empty where that cannot be."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


@runtime_checkable
class TellsOutput(Protocol):
    """A supervisor that passes on what its units write: for units whose output stands in no file."""

    def output(self, unit: UnitId) -> LogSource:
        """Follow what a unit writes from now on. Call it in the event loop."""
        ...
