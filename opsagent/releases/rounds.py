"""What is done about releases every second or so: note what is well, and see how deploys end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

from opsagent import environment_memory, kept_modes, last_good
from opsagent.config_finding import machine_files, named_by
from opsagent.kept_contents import keep
from opsagent.probes.environment import given_to
from opsagent.releases.keeper import Keeper
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from opsagent.store.rows import DeployResult, DeployRow
from opsagent.timeline import Timeline
from opsagent.world import World
from opsagent_tools.files import sha256_of
from opsagent_tools.supervisors.port import Redefines, SupervisorError, SupervisorUnreachable
from opsagent_tools.units import Unit, UnitId, UnitState

_LOG = logging.getLogger(__name__)
_PROVEN_S = 2.0
"""A configuration is good once a unit that was started with it has run for this long and answers its probe …"""
_PROVEN_UNASKED_S = 10.0
"""… or for this long, where it has no probe. Where nothing else is known, what it was seen running with is better than that."""
_GIVEN_AGAIN_S = 3.0
AGENT = "agent"


class Rounds:
    """Goes around, again and again."""

    def __init__(self, *, keeper: Keeper, journal: Journal, timeline: Timeline, world: World) -> None:
        self._keeper = keeper
        self._journal = journal
        self._timeline = timeline
        self._world = world
        self._modes = kept_modes.Keeping(keeper.folder.parent)
        self._named: dict[UnitId, tuple[tuple[Path, ...], float]] = {}
        """Configuration that nobody declared, as its processes name it, and when they were asked."""
        self._looked_at: dict[UnitId, float] = {}
        self._given_at: dict[UnitId, float] = {}
        self._defined: dict[UnitId, str] = {}
        self._silent: set[str] = set()
        """Supervisors that do not answer, in this round: each is waited for once."""

    async def go(self, troubled: Callable[[], Collection[UnitId]]) -> None:
        """Look at every unit once; a journal that cannot be written is tried again the next time."""
        self._silent.clear()
        try:
            for unit in list(self._world.units.values()):
                await self._see_definition(unit, datetime.now(UTC))
                if unit.id not in troubled():
                    await self._note(unit, datetime.now(UTC))
            for deploy in await asyncio.to_thread(self._journal.unjudged_deploys):
                await self._judge(deploy, datetime.now(UTC))
        except (StoreError, OSError) as error:
            _LOG.warning("releases are not noted: %s", error)

    async def _note(self, unit: Unit, now: datetime) -> None:
        asked = self._world.health.get(unit.id) is not None
        if not is_well(unit, self._world, now, _PROVEN_S):
            return
        await self._modes.note(unit, self._world.spec(unit.id))
        proven = asked or is_well(unit, self._world, now, _PROVEN_UNASKED_S)
        if proven or not await asyncio.to_thread(last_good.good_files, unit.id, self._keeper.folder):
            await asyncio.to_thread(self._note_configuration, unit, now)
            await self._note_environment(unit, now)
        if proven:
            await self._keeper.note(unit, now)

    async def _see_definition(self, unit: Unit, now: datetime) -> None:
        """Note when it is given something else to run with, well or not."""
        supervisor: object = self._keeper.supervisors.get(unit.id.supervisor)
        if not isinstance(supervisor, Redefines) or unit.id.supervisor in self._silent:
            return
        try:
            digest = sha256_of(await supervisor.definition(unit.id))
        except SupervisorUnreachable:
            self._silent.add(unit.id.supervisor)
            return
        except SupervisorError:
            return
        if self._defined.get(unit.id) != digest:
            self._defined[unit.id] = digest
            await asyncio.to_thread(environment_memory.see, unit.id, digest, self._keeper.folder, now.timestamp())

    async def _note_environment(self, unit: Unit, now: datetime) -> None:
        """Note what it is given to run with."""
        supervisor: object = self._keeper.supervisors.get(unit.id.supervisor)
        if now.timestamp() - self._given_at.get(unit.id, 0.0) < _GIVEN_AGAIN_S or unit.id.supervisor in self._silent:
            return
        self._given_at[unit.id] = now.timestamp()
        try:
            given = await given_to(unit, supervisor, self._keeper.folder)
            if given is not None and isinstance(supervisor, Redefines):
                definition = await supervisor.definition(unit.id)
                await asyncio.to_thread(keep, self._keeper.folder, definition)
        except (SupervisorError, ValueError, KeyError) as error:
            _LOG.debug("what %s is given is not noted: %s", unit.name, error)
            return
        if given is not None:
            await asyncio.to_thread(environment_memory.note, unit.id, given, self._keeper.folder, now.timestamp())

    def _note_configuration(self, unit: Unit, now: datetime) -> None:
        named, at = self._named.get(unit.id, ((), 0.0))
        life = max(process.key.started for process in unit.processes)
        if life > at:
            others = [other for other in list(self._world.units.values()) if other.id != unit.id]
            named = (*named_by(unit, others), *machine_files(unit.uid))
            self._named[unit.id] = (named, now.timestamp())
        looked_at = self._looked_at.get(unit.id, 0.0)
        last_good.note(unit, self._world.spec(unit.id), self._keeper.folder, looked_at=looked_at, named=named)
        self._looked_at[unit.id] = now.timestamp()

    async def _judge(self, deploy: DeployRow, now: datetime) -> None:
        """Say how a deploy ended, once that is known."""
        name = deploy.unit.name
        if deploy.ended_at is None:
            if deploy.until <= now:
                why = f"the deploy of {name} by {deploy.by} was never ended; it does not count any more"
                await self._close(deploy, "forgotten", why)
            return
        failed = await asyncio.to_thread(self._failed, deploy, deploy.ended_at)
        if failed:
            await self._close(deploy, "failed", f"the release that {deploy.by} deployed on {name} failed: {failed}")
        elif deploy.ended_at + timedelta(seconds=self._keeper.policy().deploy_watch_s) <= now:
            await self._close(deploy, "well", f"the release that {deploy.by} deployed on {name} is well")

    def _failed(self, deploy: DeployRow, ended_at: datetime) -> str:
        """Return the trouble that the deploy brought and that was not over when it ended, or came after that."""
        rows = (row for row in self._journal.incidents(limit=100) if row.unit == deploy.unit)
        since = (row for row in rows if row.incident.opened_at >= deploy.began_at)
        return next(
            (row.incident.summary for row in since if row.resolved_at is None or row.resolved_at >= ended_at), ""
        )

    async def _close(self, deploy: DeployRow, result: DeployResult, text: str) -> None:
        await asyncio.to_thread(self._journal.judge_deploy, deploy.id, result)
        await asyncio.to_thread(self._journal.record_change, f"deploy_{result}", text, AGENT)
        await self._timeline.tell(f"deploy_{result}", text, unit=deploy.unit)


def is_well(unit: Unit, world: World, now: datetime, proven_s: float) -> bool:
    """Tell whether a unit has run for so long with all its processes and, where it is asked, answers its probe.

    An answer of the process before proves nothing.
    """
    if unit.state is not UnitState.RUNNING or not unit.processes:
        return False
    spec, health = world.spec(unit.id), world.health.get(unit.id)
    started = max(process.key.started for process in unit.processes)
    well = spec is None or spec.health is None
    if health is not None:
        well = health.ok and health.last_ok is not None and health.last_ok.timestamp() > started
    return well and now.timestamp() - started >= proven_s
