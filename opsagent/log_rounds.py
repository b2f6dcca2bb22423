"""The agent's round over logs: which are due, and what is done or only said about them, as far as people allow.

A rotation is a plan like any other: through the guard, step by step in the journal. It is no repair: it uses up no
budget of those, and a service whose repairs all failed still must not fill the disk.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from opsagent.act import Actor
from opsagent.guard import rule_on_plan
from opsagent.locks import GroupLocks
from opsagent.log_hands import tidy
from opsagent.log_policy import ROTATE, LogPolicy
from opsagent.model import Plan
from opsagent.planning import new_plan, rotate_log_steps
from opsagent.policy import Policy
from opsagent.ports import Progress
from opsagent.rotators import rotated_by
from opsagent.situation import Situations
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline
from opsagent.world import World
from opsagent_tools.files import UnsafeFile
from opsagent_tools.logs.rotate_archives import newest
from opsagent_tools.supervisors.port import Supervisor, SupervisorError
from opsagent_tools.units import Unit, UnitId, UnitState

_LOG = logging.getLogger(__name__)
_AGAIN_S = 60.0
"""At least so long between two rotations of one log."""
_REFUSED_AGAIN_S = 900.0
"""A log that could not, or must not, be rotated is looked at again after this."""
_PACK_S = 65.0
"""After this the newest archive is packed, too."""
_LEAST = 64 * 1024
"""A smaller log is not worth an archive a day."""


@dataclass(slots=True)
class _Known:
    """What the rounds remember of one log."""

    day: date
    """Of the last rotation, else of the first look (UTC)."""
    not_before: float = 0.0
    pack_at: float = float("inf")
    owners: frozenset[int] = frozenset()
    said: str = ""
    """What was said of it last: said once."""


@dataclass(kw_only=True)
class LogRounds:
    """Goes around, again and again."""

    supervisors: Mapping[str, Supervisor]
    world: World
    actor: Actor
    situations: Situations
    journal: Journal
    timeline: Timeline
    locks: GroupLocks
    policy: Callable[[], Policy]
    logs: Callable[[], LogPolicy]
    clock: Callable[[], float] = time.monotonic
    today: Callable[[], date] = lambda: datetime.now(UTC).date()
    _known: dict[Path, _Known] = field(default_factory=dict)

    async def go(self) -> None:
        """Look at every log once; what cannot be done now is tried another time."""
        if not self.logs().rotate:
            return
        for unit in list(self.world.units.values()):
            for path in self._paths(unit):
                try:
                    await self._look(unit, path)
                except (StoreError, SupervisorError, UnsafeFile, OSError) as error:
                    _LOG.warning("%s is not rotated: %s", path, error)
                    self._known[path].not_before = self.clock() + _REFUSED_AGAIN_S

    def _paths(self, unit: Unit) -> Iterator[Path]:
        spec = self.world.spec(unit.id)
        if unit.state is not UnitState.STOPPED and unit.processes:
            yield from dict.fromkeys((*unit.logs, *(spec.logs if spec is not None else ())))

    async def _look(self, unit: Unit, path: Path) -> None:
        known = self._known.setdefault(path, _Known(self.today()))
        if self.clock() >= known.pack_at:
            known.pack_at = float("inf")
            await asyncio.to_thread(self._tidy, path, known.owners)
        if self.clock() < known.not_before:
            return
        file = await asyncio.to_thread(_plain, path)
        if file is None or not self._due(file, known):
            return
        supervisor = self.supervisors.get(unit.id.supervisor)
        if supervisor is None or await rotated_by(supervisor, unit, path):
            known.not_before = self.clock() + _REFUSED_AGAIN_S
            return
        await self._rotate(unit, path, file, known)

    def _due(self, file: os.stat_result, known: _Known) -> bool:
        size, policy = file.st_blocks * 512, self.logs()
        return size > policy.max_size or (policy.daily and size >= _LEAST and known.day < self.today())

    async def _rotate(self, unit: Unit, path: Path, file: os.stat_result, known: _Known) -> None:
        plan = new_plan(
            unit=unit.id,
            steps=rotate_log_steps(
                unit, path, self.logs(), size=file.st_blocks * 512, after=await asyncio.to_thread(newest, path)
            ),
            remedy=ROTATE,
            origin="agent",
            source="runbook",
            why=f"{path} has {file.st_blocks * 512 / 1e6:.0f} MB and nothing rotates it",
        )
        async with self.locks.of(unit.id):
            situation = await self.situations.of(plan, await self.situations.spent(plan), confirmed=False)
            ruling = rule_on_plan(plan, situation, self.policy())
            if ruling.verdict != "allow":
                known.not_before = self.clock() + _REFUSED_AGAIN_S
                text = f"{plan.why}: would rotate it ({ruling.why}); `opsagent logs {unit.name} --rotate` does it now"
                await self._say_once(unit.id, known, "log_unrotated", text)
                return
            known.owners = frozenset({unit.uid, (await self.supervisors[unit.id.supervisor].daemon()).uid})
            await self._carry_out(plan, known)

    async def _carry_out(self, plan: Plan, known: _Known) -> None:
        await asyncio.to_thread(self.journal.record_plan, plan, ())
        told: list[Progress] = []
        carried = await self.actor.carry_out(plan, confirmed=False, tell=told.append)
        done = carried.result == "done"
        await asyncio.to_thread(self.journal.end_plan, plan.id, "done" if done else "failed", carried.why)
        detail = next((one.text for one in reversed(told) if one.kind in {"step_done", "step_failed"}), carried.why)
        if not done:
            known.not_before = self.clock() + _REFUSED_AGAIN_S
            await self._say_once(
                plan.unit, known, "log_unrotated", f"{plan.why}, and it could not be rotated: {detail}"
            )
            return
        known.day, known.said = self.today(), ""
        known.not_before, known.pack_at = self.clock() + _AGAIN_S, self.clock() + _PACK_S
        await self.timeline.tell("log_rotated", detail, unit=plan.unit)

    def _tidy(self, path: Path, owners: frozenset[int]) -> None:
        policy = self.logs()
        tidy(path, owners, keep=policy.keep, total=policy.total, compress=policy.compress)

    async def _say_once(self, unit: UnitId, known: _Known, kind: str, text: str) -> None:
        about = text.partition(" has ")[0] + text.partition(" and ")[2]  # whatever its size is by now
        if known.said != about:
            known.said = about
            await self.timeline.tell(kind, text, unit=unit)


def _plain(path: Path) -> os.stat_result | None:
    """Return a log's size and inode; None where it is no regular file, which the hands would refuse."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None
