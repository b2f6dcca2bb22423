"""Carries steps out, one after the other until one does not succeed: for `do`, for conversations, for schedules."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from opsagent.carrying.events import Event, Person, Said

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.running import Running


class Carrier:
    """Carries out what one person said in one home."""

    def __init__(
        self, home: Home, person: Person, *, running: Running | None = None, daemon: Mapping[str, Any] | None = None
    ) -> None:
        """`running`, `daemon`: what runs and what the daemon says, where that is known already."""
        self._home = home
        self._person = person
        self._running = running
        self._daemon = daemon

    def carry(self, said: Said) -> AsyncIterator[Event]:
        """Carry the steps out and yield what happens; a step that does not succeed ends it.

        To close the iterator, or to cancel whoever waits for it, ends what is under way and leaves no step half done.
        Raises what opening the agent raises (LockTaken, SupervisorError, StoreError, ApiError).
        """
        raise NotImplementedError
