"""The supervisors' own daemons: whose end is missed, which came back as something else, which lost what it ran.

A sense says that a daemon is gone or back; here its supervisor is asked what that means. What a person ended (`pm2 kill`,
`opsagent down`) is told and left alone. What is missed, or came back without its list, becomes an incident.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from opsagent.model import EvidenceKind, Signal, SignalKind
from opsagent.naming import OURS, daemon_unit
from opsagent.supervised import Supervised
from opsagent.timeline import Timeline
from opsagent.world import World
from opsagent_tools.supervisors.port import Daemon, SupervisorError, SupervisorUnreachable

_LOG = logging.getLogger(__name__)
_LOOK_S = 60.0
"""Between two looks whether a daemon that answers has all that it should."""
_SETTLES_S = 3.0
"""What looks like trouble must look so twice: a list is being read back, or an update is under way."""
_LOOKS = 10


class Daemons:
    """Makes of what the senses say of daemons what the detector is to know."""

    def __init__(
        self, *, supervised: Supervised, world: World, timeline: Timeline, observe: Callable[[Signal], None]
    ) -> None:
        self._supervised = supervised
        self._world = world
        self._timeline = timeline
        self._observe = observe
        self._in_turn: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ended: set[str] = set()
        """Whose end on purpose was told, until they are back."""
        self._troubled: dict[str, str] = {}

    async def hear(self, signal: Signal) -> None:
        """Take what a sense says of a supervisor's daemon."""
        kind = str(signal.data["supervisor"])
        async with self._in_turn[kind]:
            match signal.kind:
                case SignalKind.SUPERVISOR_LOST:
                    await self._lost(kind, signal)
                case SignalKind.SUPERVISOR_ENDED:
                    self._told_to_end(kind, str(signal.data.get("reason", "")))
                case _:
                    self._back(kind, signal)
        if signal.kind is SignalKind.SUPERVISOR_BACK:
            await self._look_at(kind)

    async def keep_looking(self) -> None:
        """Look at all daemons once in a while, for ever."""
        while True:
            kinds = [kind for kind in self._supervised.supervisors if kind not in self._world.lost and kind != OURS]
            await asyncio.gather(*map(self._look_at, kinds))
            await asyncio.sleep(_LOOK_S)

    async def _lost(self, kind: str, signal: Signal) -> None:
        if kind == OURS:
            if await self._supervised.is_engine_missed():
                self._observe(signal)
            return
        daemon = await self._daemon(kind)
        if daemon is not None and daemon.ended:
            self._told_to_end(kind, daemon.ended)
        elif daemon is None or daemon.pid is None:
            self._observe(signal)
        elif not await self._answers(kind):  # else it is back already, which is told next
            self._observe(replace(signal, data={**signal.data, "pid": daemon.pid}))

    def _told_to_end(self, kind: str, why: str) -> None:
        self._world.ended[kind] = why
        self._observe(_signal(SignalKind.SUPERVISOR_ENDED, kind, reason=why))
        if kind not in self._ended:
            self._ended.add(kind)
            self._note(kind, f"{kind} does not run any more: {why}; nothing is done about it")

    def _back(self, kind: str, signal: Signal) -> None:
        self._ended.discard(kind)
        self._observe(signal)
        different = str(signal.data.get("reason", ""))
        self._note(kind, f"{kind} answers again" + (f": {different}" if different else ""))

    async def _look_at(self, kind: str) -> None:
        """Make an incident of trouble that stays, once for each trouble."""
        trouble, before = await self._trouble(kind), ""
        for _ in range(_LOOKS):
            if not trouble or trouble in {before, self._troubled.get(kind)}:
                break
            await asyncio.sleep(_SETTLES_S)
            trouble, before = await self._trouble(kind), trouble
        if trouble and trouble != self._troubled.get(kind):
            self._observe(_signal(SignalKind.SUPERVISOR_TROUBLED, kind, trouble=trouble))
        self._troubled[kind] = trouble

    async def _trouble(self, kind: str) -> str:
        daemon = await self._daemon(kind)
        trouble = daemon.trouble if daemon is not None and daemon.pid is not None else ""
        return trouble if trouble and await self._answers(kind) else ""

    async def _answers(self, kind: str) -> bool:
        """Tell whether a daemon that lives does more than that: one that hangs is missed like one that is dead."""
        try:
            await self._supervised.supervisors[kind].list()
        except SupervisorUnreachable:
            return False
        except SupervisorError:
            pass
        return True

    async def _daemon(self, kind: str) -> Daemon | None:
        try:
            return await self._supervised.supervisors[kind].daemon()
        except (SupervisorError, OSError) as error:
            _LOG.warning("the daemon of %s cannot be asked about: %s", kind, error)
            return None

    def _note(self, kind: str, text: str) -> None:
        _LOG.info("%s", text)
        self._timeline.say("note", text, unit=daemon_unit(kind))


def _signal(kind: SignalKind, supervisor: str, **data: str) -> Signal:
    data["supervisor"] = supervisor
    return Signal(kind=kind, unit=None, at=datetime.now(UTC), evidence=EvidenceKind.SUPERVISOR, data=data)
