"""Keeps the account of trust while the agent runs: what it would do, what people did, and what was lost by a miss."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from opsagent.model import Plan, Signal, SignalKind
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from opsagent.store.rows import UNFINISHED, IncidentRow, PlanRow
from opsagent.store.trust import WouldBeRow
from opsagent.timeline import Timeline
from opsagent.trust import SETTLE_S, Deed, Ending, Happening, deeds_seen, judge
from opsagent.world import World
from opsagent_tools.actions import ActionName
from opsagent_tools.units import UnitId, UnitState

_LOG = logging.getLogger(__name__)
_LOOK_S = 5.0
_KEPT = 40
_KINDS: Mapping[SignalKind, str] = {
    SignalKind.STOPPED: "stopped",
    SignalKind.DEATH: "died",
    SignalKind.SPAWNED: "spawned",
}


class Truster:
    """Knows what was seen of units lately, and judges what would have been done once it is over."""

    def __init__(
        self,
        journal: Journal,
        timeline: Timeline,
        world: World,
        *,
        troubled: Callable[[], Mapping[UnitId, str]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._journal = journal
        self._timeline = timeline
        self._world = world
        self._troubled = troubled
        self._clock = clock
        self._here_since = clock()
        self._seen: dict[UnitId, deque[Happening]] = {}

    def observe(self, signal: Signal) -> None:
        """Hear what happened to a unit."""
        kind = _KINDS.get(signal.kind)
        if kind is not None and signal.unit is not None:
            kept = self._seen.setdefault(signal.unit, deque(maxlen=_KEPT))
            kept.append(Happening(at=signal.at, kind=kind))  # type: ignore[arg-type]  # one of the three

    def see_who_waits(self) -> None:
        """Note which of the dead their supervisor is about to start itself, however long it waits: nobody's start is that."""
        for unit, kept in self._seen.items():
            known = self._world.units.get(unit)
            if kept[-1].kind == "died" and known is not None and known.state is UnitState.STARTING:
                kept[-1] = replace(kept[-1], at=self._clock())

    async def watch(self) -> None:
        """Judge what is over, now and then."""
        await asyncio.to_thread(self._journal.note_birth)
        while True:
            await asyncio.sleep(_LOOK_S)
            self.see_who_waits()
            try:
                await asyncio.to_thread(self.judge_what_is_over)
            except StoreError as error:
                _LOG.warning("trust is not kept: %s", error)

    def judge_what_is_over(self) -> int:
        """Judge what would have been done for incidents that are over; blocks. Return how many were judged."""
        judged = 0
        incidents: dict[str, IncidentRow] = {}
        for would in self._journal.would_bes(open_only=True):
            if would.incident_id is None:
                continue
            if would.incident_id not in incidents:
                incidents[would.incident_id] = self._journal.incident(would.incident_id)
            judged += self._judge(would, incidents[would.incident_id])
        return judged

    def _judge(self, would: WouldBeRow, incident: IncidentRow) -> bool:
        ended = incident.resolved_at
        if incident.status in UNFINISHED or ended is None:
            return False
        if self._clock() < ended + timedelta(seconds=SETTLE_S):
            return False
        plans = self._journal.plans_of_people(incident.incident.began_at)
        mine = [row for row in plans if row.plan.unit == would.unit and row.status in {"done", "failed"}]
        agents = [row for row in incident.plans if row.status in {"done", "failed"}]
        apart = [(row.created_at, row.ended_at or row.created_at) for row in (*mine, *agents)]
        happenings = tuple(self._seen.get(would.unit, ()))
        deeds = [
            *(_deed(row, "a person") for row in mine),
            *(_deed(row, "the agent") for row in agents if would.unit == row.plan.unit),
            *deeds_seen(happenings, would.at, apart),
        ]
        verdict, why = judge(would, deeds, self._ending(incident, would, ended, deeds))
        denied = self._journal.denied_by(would.plan_id) if would.plan_id is not None else ""
        if denied:
            verdict, why = "wrong", f"{denied} said no"
        self._journal.judge_would_be(would.id, verdict, why)
        self._timeline_says(incident, would, verdict, why)
        return True

    def _ending(self, incident: IncidentRow, would: WouldBeRow, ended: datetime, deeds: list[Deed]) -> Ending:
        # a person's restart begins with a stop, which ends the incident before it has helped
        last = max((deed.at for deed in deeds), default=ended)
        return Ending(
            at=max(ended, min(last, ended + timedelta(seconds=SETTLE_S))),
            well=self._is_well(would.unit),
            why=incident.outcome or "",
            watched=would.at >= self._here_since,
        )

    def _is_well(self, unit: UnitId) -> bool:
        known, health = self._world.units.get(unit), self._world.health.get(unit)
        runs = known is None or bool(known.processes)
        return runs and (health is None or health.ok) and unit not in self._troubled()

    def _timeline_says(self, incident: IncidentRow, would: WouldBeRow, verdict: str, why: str) -> None:
        text = f"{would.action}:{would.unit.name} would have been {verdict.replace('_', ' ')}: {why}"
        self._journal.add_event(incident.id, "trust", text, {"would_be": would.id, "verdict": verdict})

    def missed(self, plan: Plan, why: str) -> None:
        """A plan did not help, made it worse, or did not last: what was granted of it is lost. Blocks."""
        for action, unit in dict.fromkeys((step.action.name, step.action.unit) for step in plan.steps):
            reason = f"it missed: {why}" + (f" (incident {plan.incident})" if plan.incident else "")
            if self._journal.revoke(unit, action, "the agent", reason):
                text = f"the grant of {action}:{unit.name} is lost: {why}"
                self._journal.add_event(plan.incident, "grant_lost", text, {"action": action.value})


def _deed(row: PlanRow, by: str) -> Deed:
    actions = [step.action.name for step in row.plan.steps]
    stops_and_starts = actions[0] is ActionName.STOP and ActionName.START in actions
    action = ActionName.RESTART if stops_and_starts else actions[0]
    others = (step.action.name for step in row.plan.steps[1:] if step.action.unit == row.plan.unit)
    also = frozenset() if stops_and_starts else frozenset(others)
    return Deed(at=row.created_at, action=action, by=by, helped=None if row.status == "done" else False, also=also)
