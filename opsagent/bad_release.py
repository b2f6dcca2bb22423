"""Keeps the incidents of reloads that showed a new release to be unfit: opened by one reload, ended by a later one.

With a daemon, detect has them and a repairer waits with them, so that what the new instances did meanwhile (a death,
say) is no second incident. Without one they are in the journal, told to a person; the next daemon takes them up there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from opsagent.books import Books
from opsagent.casefile import CaseFile
from opsagent.detect import Detection, Detector, Opened, Updated
from opsagent.detectors.bad_release import unfit
from opsagent.model import Fault, Plan
from opsagent.store.journal import Journal
from opsagent.store.rows import IncidentRow
from opsagent.world import World

ENDED = "a later release was proved fit"


class BadReleases:
    """`opsagent.people.Releases` of an agent."""

    def __init__(
        self,
        *,
        journal: Journal,
        books: Books,
        detector: Detector,
        world: World,
        take_over: Callable[[Sequence[Detection]], bool],
        withdraw: Callable[[str, str], bool],
    ) -> None:
        self._journal = journal
        self._books = books
        self._detector = detector
        self._world = world
        self._take_over = take_over
        """Has what was detected worked on; False where nothing is watched, and nobody would."""
        self._withdraw = withdraw
        """Has whoever works on an incident end it, and says why; False where nobody does."""

    async def unfit(self, plan: Plan, why: str, told: str) -> str:
        """Open an incident, or add to the one that is open; `told` says what is left. Return its id."""
        known = {incident.id for incident in self._detector.open}
        for row in await self._open(plan):
            if row.id not in known:
                self._detector.adopt(row.incident)
        now = datetime.now(UTC)
        detected = self._detector.observe(unfit(plan.unit, plan.id, why, now), self._world, now)
        incident = next(one.incident for one in detected if isinstance(one, Opened | Updated))
        await asyncio.to_thread(self._journal.open_incident, incident)
        if not self._take_over(detected):
            file = CaseFile(incident=incident)
            await self._books.open(file)
            await self._books.escalate(file, f"{told}; mend the release and reload again, or put the old one back")
        return incident.id

    async def fit(self, plan: Plan) -> None:
        """End what is open of earlier releases of this unit."""
        for row in await self._open(plan):
            if not self._withdraw(row.id, ENDED):
                await self._books.end(CaseFile(incident=row.incident), "closed", ENDED)

    async def _open(self, plan: Plan) -> list[IncidentRow]:
        rows = await asyncio.to_thread(self._journal.unfinished_incidents)
        return [row for row in rows if row.unit == plan.unit and row.fault is Fault.BAD_RELEASE]
