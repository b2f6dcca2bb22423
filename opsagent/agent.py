"""The agent, put together: sense and detect feed incidents to repairs; people's plans come in beside them.

This module is the only one that knows all the rooms. The loop is in `Agent.run`; one incident's way is in
`opsagent.repair`, one person's command's in `opsagent.people`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from opsagent.act import Actor
from opsagent.advising import Adviser
from opsagent.agent_parts import costs_of, log_rounds_of, people_of, proposals_of, workshop_of
from opsagent.books import Books
from opsagent.casefile import CaseFile
from opsagent.check import Checker
from opsagent.claims import Claims
from opsagent.config import Config
from opsagent.daemons import Daemons
from opsagent.detect import Closed, Detection, Detector, Noticed, Opened, Updated
from opsagent.hands import Hands
from opsagent.home import Home
from opsagent.idle import Idle
from opsagent.impact import Toll
from opsagent.locks import GroupLocks
from opsagent.maintenance import Windows, names_of
from opsagent.model import Incident, Signal
from opsagent.notices import Notices
from opsagent.orders import OrderBook
from opsagent.policy import Policy
from opsagent.quoting import Quotes
from opsagent.recall import MemoryDesk, Recall
from opsagent.reconcile import Reconciler
from opsagent.releases.keeper import Keeper
from opsagent.releases.rounds import Rounds
from opsagent.repair import Repairer
from opsagent.runbooks.own import FOLDER, OwnRunbooks
from opsagent.screens.hand import ScreenHands
from opsagent.sense import Senses
from opsagent.senses.topology import TopologySense
from opsagent.situation import Situations
from opsagent.status import status
from opsagent.store.errors import StoreError
from opsagent.store.incidents import ROOT
from opsagent.store.journal import Journal
from opsagent.supervised import Supervised
from opsagent.taught.book import TaughtBook
from opsagent.telling.desk import TellingDesk
from opsagent.timeline import Timeline
from opsagent.trusting import Truster
from opsagent.verify import Baseline
from opsagent.world import World
from opsagent_tools.units import UnitId

_LOG = logging.getLogger(__name__)
_TICK_S = 1.0
_LOGS_S = 5.0
"""Between two looks at the sizes of logs."""
_ORDERS_S = 2.0
_STORE_AGAIN_S = 2.0
"""How long a repair waits for a journal that cannot be written."""


class Agent:
    """Everything that runs in the process that owns acting."""

    def __init__(self, home: Home, config: Config) -> None:
        self.home = home
        self.config = config
        self.started_at = datetime.now(UTC)
        self.world = World()
        self.world.maintenance = Windows(config.maintenance)
        self.supervised = Supervised(home, config, self.world)
        self.topology = TopologySense(
            self.world,
            home.senses_dir,
            daemons=self.supervised.daemons,
            unsupervised=lambda: self.supervised.unsupervised,
        )
        self.engine = self.supervised.engine
        self.supervisors = self.supervised.supervisors
        self.journal = Journal.open(home)
        self.timeline = Timeline(self.journal)
        self.desk = MemoryDesk(home, config.memory)
        self.recall = Recall(self.desk, home)
        self.quotes = Quotes(self.desk, home, self.timeline)
        self.checker = Checker(self.supervisors, self.world, last_good_dir=home.last_good_dir)
        self.baseline = Baseline()
        self.locks = GroupLocks(self.world)
        self.claims = Claims(home.claims_dir)
        self.keeper = Keeper(home.last_good_dir, self.journal, self.supervisors, lambda: self.policy)
        self.taught = TaughtBook(home.database)
        self.situations = Situations(
            journal=self.journal,
            checker=self.checker,
            world=self.world,
            policy=lambda: self.policy,
            taught=self.taught,
            claims=self.claims,
        )
        self.own_runbooks = OwnRunbooks(home.path / FOLDER, safe=lambda: self.policy.safe_commands)
        hands = Hands(
            self.supervisors,
            self.checker,
            last_good_dir=home.last_good_dir,
            own=self.own_runbooks,
            screens=ScreenHands(home, self.journal, self.desk, lambda: self.config.screens),
        )
        self.actor = Actor(
            hands=hands,
            checker=self.checker,
            situations=self.situations,
            journal=self.journal,
            policy=lambda: self.policy,
            claims=self.claims,
        )
        self.detector = Detector()
        self.notices = Notices(
            self.journal,
            self.timeline,
            incidents=lambda: [file.incident for file in self._files.values()],
            related=lambda incident: {incident.unit, *incident.affected, *self.world.all_upstream(incident.unit)},
            before_s=self.detector.config.notice_before_s,
        )
        self.toll = Toll()
        self.trust = Truster(self.journal, self.timeline, self.world, troubled=self.incidents)
        self._books = Books(self.journal, self.timeline, costs_of(self))
        self.people = people_of(self, self._books, take_over=self._take_over, withdraw=self._withdraw)
        self.proposals = proposals_of(self)
        self.daemons = Daemons(
            supervised=self.supervised, world=self.world, timeline=self.timeline, observe=self._observe
        )
        self._repairer = Repairer(workshop_of(self, self._books))
        self._files: dict[str, CaseFile] = {}
        self._repairs: dict[str, asyncio.Task[None]] = {}
        self._beside: set[asyncio.Task[None]] = set()
        self._idle = Idle(self.desk, home, self.timeline, self.world, busy=lambda: bool(self._files))
        self.telling = TellingDesk(
            self.journal,
            config.notify,
            home=home,
            world=self.world,
            policy=lambda: self.policy,
            incidents=lambda: [file.incident for file in self._files.values()],
        )
        self._watching = False
        self.beside: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = ()
        """What else goes on while it watches, once it is settled what an earlier life left (people's schedules)."""
        self.adviser: Adviser | None = None
        """Who is asked where nothing known helps; set by whoever may ask chat models (`opsagent.brain.unattended`)."""
        self.senses: Senses | None = None
        """While it watches."""

    @property
    def policy(self) -> Policy:
        """The policy as the configuration says now."""
        return self.config.policy

    async def run(self) -> None:
        """Watch and repair until cancelled."""
        await self.look_around()
        self._watching = True
        reconciler = Reconciler(journal=self.journal, checker=self.checker, timeline=self.timeline)
        for file in await reconciler.reconcile():
            self.detector.adopt(file.incident)
            self._take_up(file)
        senses = self.senses = Senses(list(self.supervisors.values()), self.world, folder=self.home.senses_dir)
        orders = OrderBook(self.journal, self.detector)
        await orders.remember()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.recall.get_ready(tuple(self.world.units)))
            tasks.create_task(self._heed(orders))
            tasks.create_task(senses.run(self._sensed))
            tasks.create_task(self._tick(senses))
            tasks.create_task(self.topology.watch())
            tasks.create_task(self._go_rounds())
            tasks.create_task(self._go_round_logs())
            tasks.create_task(self.daemons.keep_looking())
            tasks.create_task(self._idle.watch())
            tasks.create_task(self.trust.watch())
            tasks.create_task(self.telling.run())
            for work in self.beside:
                tasks.create_task(work())

    async def look_around(self) -> None:
        """Learn which supervisors and units there are."""
        await self.supervised.look_around()
        await self.topology.recall()

    def _sensed(self, signal: Signal) -> None:
        if signal.unit is None:
            self._keep(self.daemons.hear(signal))
        else:
            self._observe(signal)

    def _observe(self, signal: Signal) -> None:
        self.toll.observe(signal)
        self.trust.observe(signal)
        self.telling.observe(signal)
        self._detected(self.detector.observe(signal, self.world, datetime.now(UTC)))

    def _detected(self, detections: Sequence[Detection]) -> None:
        for detection in detections:
            match detection:
                case Opened(incident=incident):
                    self._take_up(CaseFile(incident=incident))
                    self.notices.opened(incident)
                    self.telling.opened(incident)
                case Noticed(notice=notice):
                    self.notices.take(notice)
                case Updated(incident=incident) if incident.id in self._files:
                    self._say_why(self._files[incident.id].incident, incident)
                    self._files[incident.id].update(incident)
                    self._keep(asyncio.to_thread(self._update, incident))
                case Closed(incident_id=incident_id, why=why) if incident_id in self._files:
                    self._files[incident_id].withdrawn = why
                case _:
                    pass

    def _say_why(self, before: Incident, incident: Incident) -> None:
        """Say where the cause is thought to be now, where that is news."""
        if incident.why_root and (incident.unit != before.unit or not before.why_root):
            self.timeline.say(ROOT, incident.why_root, incident=incident)

    def _take_over(self, detections: Sequence[Detection]) -> bool:
        """Work on what was detected; only where this process watches, and will be there to go on."""
        if self._watching:
            self._detected(detections)
        return self._watching

    def _withdraw(self, incident_id: str, why: str) -> bool:
        file = self._files.get(incident_id)
        if file is not None:
            file.withdrawn = why
        return file is not None

    def _update(self, incident: Incident) -> None:
        with suppress(LookupError):  # it is being opened this very moment, with what is known then
            self.journal.update_incident(incident)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it beside; the event loop itself would let go of it."""
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def _take_up(self, file: CaseFile) -> None:
        incident_id = file.incident.id
        self._files[incident_id] = file
        self._repairs[incident_id] = asyncio.create_task(self._handle(file), name=f"incident {incident_id}")

    async def _handle(self, file: CaseFile) -> None:
        incident = file.incident
        try:
            await self._repair(file)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  # a person must learn of it, whatever it was
            _LOG.exception("the repair of %s broke off", incident.unit)
            await self._books.escalate(file, f"the repair broke off: {type(error).__name__}: {error}")
        finally:
            self.detector.close(incident.id, mended=file.mended)
            self._files.pop(incident.id, None)
            self._repairs.pop(incident.id, None)

    async def _repair(self, file: CaseFile) -> None:
        """Handle it; while the journal cannot be written (a full disk, say) nothing is done, and it is tried again."""
        while True:
            try:
                return await self._repairer.handle(file)
            except StoreError as error:
                _LOG.warning("%s waits: %s", file.incident.unit, error)
                await asyncio.sleep(_STORE_AGAIN_S)

    async def _tick(self, senses: Senses) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            for supervisor in await self.supervised.look_again():
                senses.add(supervisor)
            self._detected(self.detector.tick(self.world, datetime.now(UTC)))
            self.baseline.watch(self.world, self._troubled(), datetime.now(UTC))

    def _troubled(self) -> set[Any]:
        return {unit for file in self._files.values() for unit in (file.incident.unit, *file.incident.affected)}

    async def _heed(self, orders: OrderBook) -> None:
        while True:
            await orders.look()
            await asyncio.sleep(_ORDERS_S)

    async def _go_round_logs(self) -> None:
        rounds = log_rounds_of(self)
        while True:
            await asyncio.sleep(_LOGS_S)
            await rounds.go()

    async def _go_rounds(self) -> None:
        rounds = Rounds(keeper=self.keeper, journal=self.journal, timeline=self.timeline, world=self.world)
        while True:
            await asyncio.sleep(_TICK_S)
            await rounds.go(self._troubled)

    def incidents(self) -> dict[UnitId, str]:
        """Return the open incident of each unit that has one."""
        return {file.incident.unit: incident_id for incident_id, file in self._files.items()}

    def names(self) -> list[str]:
        """Return every name that a unit answers to."""
        return [name for unit in list(self.world.units) for name in names_of(unit)]

    def status(self) -> dict[str, Any]:
        """Return what `doctor` and others show of the daemon."""
        return status(self)

    async def close(self) -> None:
        """End repairs where they are (the journal knows how far they came) and give everything back."""
        await self.people.close()
        for task in list(self._repairs.values()):
            task.cancel()
        await asyncio.gather(*self._repairs.values(), return_exceptions=True)
        await self.supervised.close()
        await self.quotes.close()
        if self.adviser is not None:
            await self.adviser.close()
        await self.notices.flush()
        await self.telling.close()
        await self.timeline.flush()
        await self.desk.close()
        self.recall.close()
        self.taught.close()
        self.journal.close()
