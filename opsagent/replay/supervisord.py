"""The past of one supervisord that lives: what its own log says of its processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from opsagent.replay.daemon_log import Clock, DaemonLog
from opsagent.replay.lines import Totals, Window
from opsagent_tools.supervisors.found import Found
from opsagent_tools.supervisors.past import PastEvent
from opsagent_tools.supervisors.supervisord import past
from opsagent_tools.units import Unit, UnitId


class SupervisordPast:
    """What its log tells."""

    def __init__(self, found: Found, place: past.Place, window: Window, totals: Totals, uid: int | None) -> None:
        """`uid`: whose its files must be, where that is another user."""
        self.kind = found.kind
        self.units: Sequence[Unit] = ()
        self.log = DaemonLog(place.log, uid)

        def tell(lines: Iterable[str], clock: Clock) -> Iterator[PastEvent]:
            return past.events(lines, clock, place.names)

        self.log.load(window, totals, tell=tell, wall_of=past.wall_of)

    def unit(self, name: str) -> UnitId:
        """Return the unit that its log means."""
        return UnitId.local(self.kind, name)


def past_of(found: Found, window: Window, totals: Totals, uid: int | None) -> SupervisordPast | None:
    """Return its past; None where it is not known where it keeps its log."""
    place = past.place_of(found.pid, found.uid) if found.pid is not None else None
    return SupervisordPast(found, place, window, totals, uid) if place is not None else None
