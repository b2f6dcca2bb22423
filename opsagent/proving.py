"""Proves that one new instance is fit to take over, and says what exactly was proved.

What counts, in this order: it lives (and how it ended, where it does not); its supervisor was told that it is ready,
where it waits for that; it listens where its siblings listen; it answers the health probe *itself*, which is seen by
who holds the probe's connection; it answers no slower than its siblings; it writes no errors that were not there
before. Without a health probe nobody connects to it: then it is what the kernel says, and that is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from opsagent.aftercare import SLOWER, SLOWER_FLOOR_S
from opsagent.before import Before, common_ports
from opsagent.check import Checker
from opsagent_tools.logs.since import reason
from opsagent_tools.probes.answering import ask_whom, median, port_of
from opsagent_tools.probes.health import ProbeResult
from opsagent_tools.processes.accepting import waits_on
from opsagent_tools.processes.connections import guests
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.listening import holders, listening
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.services.spec import Health
from opsagent_tools.supervisors.port import Supervisor, SupervisorError
from opsagent_tools.units import ProcessKey

_POLL_S = 0.05
_PATIENCE_S = 10.0
"""How long a new instance may take until it answers, beyond what its supervisor grants it until it is ready."""
_ANSWERS = 3
_WRONG_ANSWERS = 3
"""This many wrong answers of its own in a row, and it is not waited for any longer: it sits behind the socket."""
_TRIES_PER_INSTANCE = 6
"""So many probes per instance without one that the new one took, and it cannot be told apart."""
_FRESH_ERRORS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Whether an instance is fit, and in one line why, or why not."""

    ok: bool
    says: str


class Prover:
    """Watches new instances."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    async def prove(
        self, supervisor: Supervisor, new: ProcessKey, before: Before, *, ready_s: float, canary: bool
    ) -> Proof:
        """Watch `new` until it is proved, or until it is clear that it is not fit."""
        watch = _Watch(self._checker, supervisor, new, before, canary=canary)
        before.others.add(new.pid)
        return await watch.to_the_end(ready_s)

    async def why_not_begun(self, supervisor: Supervisor, before: Before, error: SupervisorError) -> str:
        """Return in one line why an instance did not come up at all: its last words, and what its supervisor said."""
        words = reason(await before.last_lines(supervisor) or ())
        return f"{words} ({error})" if words else str(error)

    async def why_ended(self, supervisor: Supervisor, key: ProcessKey, before: Before) -> str:
        """Return in one line how a process ended: its last words in the log, its exit code, its age."""
        return await _why_ended(self._checker, supervisor, key, before)


class _Watch:
    """One new instance, watched."""

    def __init__(
        self,
        checker: Checker,
        supervisor: Supervisor,
        new: ProcessKey,
        before: Before,
        *,
        canary: bool,
    ) -> None:
        self._checker = checker
        self._supervisor = supervisor
        self._new = new
        self._before = before
        self._canary = canary
        spec = checker.spec(before.unit.id)
        self._health: Health | None = spec.health if spec is not None else None
        self._grace_s = self._health.grace_s if self._health is not None else 0.0
        self._mine: list[ProbeResult] = []
        self._others_asked = 0
        self._tries = 0
        self._said: list[str] = []
        self._takes = False
        """It was seen to take connections."""

    async def to_the_end(self, ready_s: float) -> Proof:
        loop = asyncio.get_running_loop()
        ready_at = loop.time() + ready_s
        deadline = ready_at + self._patience_s()
        while True:
            if not is_alive(self._new):
                return Proof(ok=False, says=await _why_ended(self._checker, self._supervisor, self._new, self._before))
            missing = await self._missing()
            if missing.hopeless or (missing.what and loop.time() >= deadline):
                return Proof(ok=False, says=missing.what)
            if not missing.what and loop.time() >= ready_at:
                break
            await asyncio.sleep(_POLL_S)
        return await self._compared(ready_s)

    def _patience_s(self) -> float:
        setup = self._before.setup
        return _PATIENCE_S + self._grace_s + ((setup.ready_timeout_s or 0.0) if setup is not None else 0.0)

    async def _missing(self) -> _Missing:
        """Return what is still not proved, in words; nothing where all is."""
        self._said.clear()
        listens = await self._listens()
        if listens:
            return _Missing(listens)
        if self._health is not None:
            return await self._answers(self._health)
        await self._traffic()
        return _NOTHING

    async def _listens(self) -> str:
        wanted = self._before.ports
        if not wanted:
            return ""
        has = await asyncio.to_thread(common_ports, [self._new.pid])
        if wanted <= has:
            if not await self._takes_connections(wanted):
                return f"it takes no connections on {', '.join(str(port) for port in sorted(wanted))}"
            self._said.append(f"listens on {', '.join(str(port) for port in sorted(wanted))}")
            return ""
        return f"it does not listen on {', '.join(str(port) for port in sorted(wanted - has))}"

    async def _takes_connections(self, ports: frozenset[int]) -> bool:
        """Tell whether it takes connections from where it listens: who inherits a socket may never do so."""

        def look() -> bool | None:
            family = _family(self._new.pid)
            if any(one.open for one in (guests(family) or {}).values()):
                return True
            return waits_on({one.inode for one in listening() if one.port in ports}, family)

        if self._takes or any(result.ok for result in self._mine):
            return True
        seen = await asyncio.to_thread(look)
        self._takes = seen is True
        return seen is not False  # where the kernel does not tell, the health probe does

    async def _answers(self, health: Health) -> _Missing:
        mine, others = await asyncio.to_thread(self._instances)
        answer = await ask_whom(health, mine, others)
        self._tries += 1
        if answer.pid is not None:
            self._mine.append(answer.result)
        elif answer.result.ok:
            self._others_asked += answer.by_other
            self._before.latencies_s.append(answer.result.latency_s)
        good = [result for result in self._mine if result.ok]
        wrong = self._wrong_in_a_row()
        if wrong:
            last = self._mine[-1]
            how = f"with {last.status}" if last.status is not None else f"wrongly ({last.reason})"
            # Until its first right answer it may still be starting, within its grace.
            young = time.time() - self._new.started < self._grace_s and not good
            return _Missing(f"it answers its health probe {how}", hopeless=wrong >= _WRONG_ANSWERS and not young)
        if len(good) >= (_ANSWERS if self._canary else 1):
            self._said.append(f"answered {len(good)} of {len(self._mine)} health probes itself")
            return _NOTHING
        enough = _TRIES_PER_INSTANCE * (len(self._before.unit.processes) + 1)
        if not self._mine and self._tries >= enough:
            if self._others_asked >= enough and await asyncio.to_thread(_dealt_out, port_of(health), others):
                return _Missing(f"in {self._tries} health probes it was never given one; the others answered them")
            if answer.result.ok:
                self._said.append(
                    f"the service answers; in {self._tries} probes the new instance was never the one asked"
                )
                return _NOTHING
            return _Missing(f"the health probe fails ({answer.result.reason})")
        return _Missing("it has not answered its health probe yet")

    def _instances(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the new instance with what it started, and all others that are known to be there."""
        tree = parents()
        mine = with_descendants([self._new.pid], tree)
        olds = (process.pid for process in self._before.unit.processes if is_alive(process.key))
        return mine, tuple(set(with_descendants([*olds, *self._before.others], tree)) - set(mine))

    def _wrong_in_a_row(self) -> int:
        count = 0
        for result in reversed(self._mine):
            if result.ok:
                break
            count += 1
        return count

    async def _traffic(self) -> None:
        """Without a probe: what the kernel sees of its clients, and nothing is connected to."""
        seen = await asyncio.to_thread(guests, await asyncio.to_thread(_family, self._new.pid))
        count = sum(one.open for one in seen.values()) if seen else 0
        serves = f"has {count} clients" if count else "no client has come to it yet"
        self._said.append(f"{serves}; it has no health probe, so its answers were not looked at")

    async def _compared(self, ready_s: float) -> Proof:
        """Compare with how it was before: is it slower, does it write errors that were not there?"""
        before = self._before
        fresh = await before.fresh_errors(self._supervisor)
        if self._canary and len(fresh) >= _FRESH_ERRORS:
            return Proof(ok=False, says=f"{len(fresh)} error lines that were not there before: {fresh[0]}")
        own_s, others_s = median([one.latency_s for one in self._mine]), median(before.latencies_s)
        if self._canary and self._mine and before.latencies_s and own_s > max(SLOWER_FLOOR_S, others_s * SLOWER):
            return Proof(ok=False, says=f"it answers in {own_s:.2f} s, the old instances in {others_s:.3f} s")
        if self._mine:
            before.latencies_s.append(own_s)
        if fresh:
            self._said.append(f"{len(fresh)} new error line{'s' if len(fresh) > 1 else ''}: {fresh[0]}")
        return Proof(ok=True, says=f"stayed up {ready_s:g} s, {', '.join(self._said) or 'nothing else to ask'}")


@dataclass(frozen=True, slots=True)
class _Missing:
    what: str = ""
    hopeless: bool = False


_NOTHING = _Missing()


async def _why_ended(checker: Checker, supervisor: Supervisor, key: ProcessKey, before: Before) -> str:
    lived_s = max(0.0, time.time() - key.started)
    told = await before.ends.of(key) if before.ends is not None else None
    code = told.exit_code if told is not None else None
    if code is None:
        with suppress(SupervisorError):
            code = (await checker.unit(before.unit.id)).last_exit
    how = "ended" if code is None else f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    when = f"within {lived_s:.1f} s"
    lines = await before.last_lines(supervisor)
    words = reason(lines or ()) or (told.reason if told is not None else "")
    silent = "" if lines is None else " and wrote nothing"
    return f"{words} ({how} {when})" if words else f"it {how} {when}{silent}"


def _dealt_out(port: int, others: Sequence[int]) -> bool:
    """Tell whether those who answer hold no socket that listens there: then somebody deals connections out to all who
    listen, as PM2's cluster mode does, and who is never given one does not listen.
    """
    return not holders((one.inode for one in listening() if one.port == port), others).by_inode


def _family(pid: int) -> tuple[int, ...]:
    return with_descendants([pid], parents())
