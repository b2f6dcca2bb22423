"""Waits, once a person is called or nothing is to be done, until the trouble is over or deciding again is worth while."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Literal

from opsagent.casefile import CaseFile
from opsagent.detectors.saturation import lasts
from opsagent.model import Fault, Incident, SignalKind
from opsagent.situation import Situations
from opsagent.verify import Verifier
from opsagent.world import World
from opsagent_tools.supervisors.port import SupervisorError

_RECHECK_S = 1.0
_QUIET_S = 5.0
"""How long the units concerned have to be well before it is over."""
_NOT_OVER_WHEN_WELL = frozenset({Fault.BAD_RELEASE})
"""The old release serves all the time: a later reload ends the incident (`opsagent.bad_release`)."""

_BADLY_FOR = timedelta(seconds=12)
"""What fails only part of the time has to answer well for this long: single good answers are no recovery."""

News = Literal["recovered", "news", "withdrawn"]


class Waiting:
    """Looks once a second, and changes nothing."""

    def __init__(self, verifier: Verifier, world: World, situations: Situations) -> None:
        self._verifier = verifier
        self._world = world
        self._situations = situations

    async def for_news(self, file: CaseFile) -> News:
        """Return once the incident is over, or the cause, people's orders or the time say that one may decide anew."""
        loop = asyncio.get_running_loop()
        well_since: float | None = None
        before = await self._circumstances(file)
        look_again_at = loop.time() + file.look_again_s if file.look_again_s is not None else None
        ask_again_at = loop.time() + file.ask_again_s if file.ask_again_s is not None else None
        while not file.withdrawn:
            if look_again_at is not None:
                if loop.time() >= look_again_at:
                    return "news"
                await asyncio.sleep(min(_RECHECK_S, max(look_again_at - loop.time(), 0.0)))
                continue
            concerned = self._verifier.concerned(file.incident)
            now = datetime.now(UTC)
            lasting = lasts(file.incident, self._world, now) or answers_badly(file.incident, self._world, now)
            well = not lasting and await self._verifier.well_now(concerned) == concerned
            well_since = (
                (well_since or loop.time()) if well and file.incident.fault not in _NOT_OVER_WHEN_WELL else None
            )
            if well_since is not None and loop.time() - well_since >= _QUIET_S:
                return "recovered"
            if not well and await self._circumstances(file) != before:
                return "news"
            if ask_again_at is not None and loop.time() >= ask_again_at:
                return "news"
            await asyncio.sleep(_RECHECK_S)
        return "withdrawn"

    async def _circumstances(self, file: CaseFile) -> object:
        """What would make deciding again worth while: another cause, or other orders by people."""
        try:
            situation = await self._situations.orders(file.incident.unit)
        except SupervisorError:
            situation = None
        unit, now = file.incident.unit, datetime.now(UTC)
        concerned = (unit, *self._world.all_upstream(unit))  # what would be done may be for what it depends on
        windows = [self._world.in_maintenance(near, now) for near in concerned]
        wanted = await asyncio.to_thread(self._situations.wanted, concerned)
        taught = await asyncio.to_thread(self._situations.taught)
        granted = await asyncio.to_thread(self._situations.granted_on, unit)
        outage = bool(self._situations.outage(unit))
        advised = file.advised.id if file.advised is not None else ""
        return (file.incident.fault, unit, situation, wanted, windows, taught, granted, outage, advised)


def answers_badly(incident: Incident, world: World, now: datetime) -> bool:
    """Tell whether a unit that is slow, or fails part of the time, was so lately; of other faults: no."""
    past = world.history.get(incident.unit)
    if incident.fault is not Fault.DEGRADED or past is None or not past.answers:
        return False
    told = [float(one.data["limit_s"]) for one in incident.symptoms if "limit_s" in one.data]
    limit_s = told[0] if told else float("inf")
    lately = [one for one in past.answers if now - one.at <= _BADLY_FOR] or [past.answers[-1]]
    return any(one.kind is SignalKind.PROBE_FAILED or float(one.data.get("latency_s", 0.0)) > limit_s for one in lately)
