"""What the demo shows: four faults, each twice, and a reload by command; and what has to hold for it to be true.

Nothing here repairs anything. It breaks things, waits until the agent's journal says that the incident is over, and
holds the journal, the services and the load's counters against the claims.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from opsagent.demo.services import faults
from opsagent.demo.stage import Stage, StageError
from opsagent.store.journal import Journal
from opsagent.store.rows import IncidentRow

_INCIDENT_S = 45.0
_POLL_S = 0.1
_QUIET_S = 0.8
_NOISE_S = 0.05
"""By how much the time of a single decision of some milliseconds varies on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One fault of the demo and what the agent must make of it."""

    title: str
    unit: str
    inject: Callable[[Stage], Awaitable[None]]
    remedy: str
    """The remedy that helps in the end."""
    may_change: frozenset[str] = frozenset()
    """Names of the services that may be touched; `unit` alone where it is empty."""
    attempts: tuple[int, int] = (1, 1)
    """How many attempts it takes at first, and from memory."""
    loses_nothing: bool = False
    """Whether not one request may fail."""


async def _kill_store(stage: Stage) -> None:
    faults.kill((await stage.processes("store"))[0].pid)


async def _hang_api(stage: Stage) -> None:
    faults.hang((await stage.processes("api"))[0].pid)


async def _leak_gateway(stage: Stage) -> None:
    workers = [key.pid for key in await stage.processes("gateway")]
    await asyncio.to_thread(faults.leak, stage.deployment.state, workers)


async def _leave_stale_lock(stage: Stage) -> None:
    pid = (await stage.processes("api"))[0].pid
    await asyncio.to_thread(
        faults.die_holding_lock, "api", pid=pid, port=stage.deployment.api, state=stage.deployment.state
    )


SCENES = (
    Scene(
        title="store dies",
        unit="store",
        inject=_kill_store,
        remedy="crash/start",
    ),
    Scene(title="api hangs", unit="api", inject=_hang_api, remedy="hang/continue"),
    Scene(
        title="gateway leaks",
        unit="gateway",
        inject=_leak_gateway,
        remedy="memory_growth/rolling_reload",
        loses_nothing=True,
    ),
    Scene(
        title="api: stale lock",
        unit="api",
        inject=_leave_stale_lock,
        remedy="crash/quarantine_lock",
        attempts=(2, 1),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the journal and the load say about one act."""

    scene: Scene
    round: int
    incident: IncidentRow
    failed_requests: int

    @property
    def changed(self) -> frozenset[str]:
        """Names of the services that were touched."""
        return frozenset(
            step.step.action.unit.name for plan in self.incident.plans for step in plan.steps if step.status == "done"
        )

    @property
    def decision_s(self) -> float:
        """Seconds that the agent spent on recall, probes and decide, over all attempts."""
        ends = [event for event in self.incident.events if "decision_s" in event.data]
        return float(ends[-1].data["decision_s"]) if ends else 0.0

    @property
    def verified_s(self) -> float:
        """How long the repair was watched before it counted."""
        return self.incident.plans[-1].plan.verify_s if self.incident.plans else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One thing that has to hold for the demo to be true."""

    text: str
    holds: bool


@dataclass(slots=True)
class Story:
    """All that was seen, and what follows from it."""

    seen: list[Seen] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    reload_failed: int | None = None

    def claim(self, text: str, holds: bool) -> None:
        """Note whether something holds."""
        self.claims.append(Claim(text=text, holds=holds))

    @property
    def true(self) -> bool:
        """Whether everything was shown, and every claim held."""
        return len(self.seen) == 2 * len(SCENES) and all(claim.holds for claim in self.claims)


async def play(stage: Stage, story: Story, say: Callable[[str], None]) -> None:
    """Play all acts on the stage. Raises StageError where one does not come to its end."""
    await _settled(stage)
    for round_number in (1, 2):
        for scene in SCENES:
            say(f"{'again, from memory: ' if round_number == 2 else ''}{scene.title}")
            story.seen.append(await _act(stage, scene, round_number))
    say("a command: opsagent do “reload gateway safely”")
    await _reload(stage, story)
    for scene in SCENES:
        first, second = (seen for seen in story.seen if seen.scene is scene)
        _judge(story, first, second)
    spent = [sum(seen.decision_s for seen in story.seen if seen.round == number) for number in (1, 2)]
    story.claim(f"all decisions together: {spent[0]:.2f} s → {spent[1]:.2f} s", spent[1] <= spent[0])


async def _act(stage: Stage, scene: Scene, round_number: int) -> Seen:
    before = stage.counters()
    with Journal.read(stage.home) as journal:
        known = {row.incident.id for row in journal.incidents(limit=500)}
        await scene.inject(stage)
        row = await _ended(journal, known, scene)
    await asyncio.sleep(_QUIET_S)
    return Seen(
        scene=scene,
        round=round_number,
        incident=row,
        failed_requests=stage.counters().since(before).total_failed,
    )


async def _ended(journal: Journal, known: set[str], scene: Scene) -> IncidentRow:
    """Wait until the incidents that the fault opened are over; return the repaired one."""
    deadline = asyncio.get_running_loop().time() + _INCIDENT_S
    while asyncio.get_running_loop().time() < deadline:
        rows = [row for row in journal.incidents(limit=50) if row.incident.id not in known]
        if rows and all(row.status in ("resolved", "closed", "escalated") for row in rows):
            repaired = [row for row in rows if row.incident.unit.name == scene.unit] or rows
            return journal.incident(repaired[0].incident.id)
        await asyncio.sleep(_POLL_S)
    raise StageError(f"{scene.title}: not over after {_INCIDENT_S:g} s")


async def _reload(stage: Stage, story: Story) -> None:
    before, workers = stage.counters(), set(await stage.processes("gateway"))
    code, printed = await stage.command("do", "reload gateway safely", "--yes")
    await asyncio.sleep(_QUIET_S)
    story.reload_failed = stage.counters().since(before).total_failed
    story.claim(f"“reload gateway safely” is done (exit code {code}){'' if code == 0 else ': ' + printed}", code == 0)
    story.claim("all four gateway workers were replaced", not workers & set(await stage.processes("gateway")))
    story.claim(f"it cost no request ({story.reload_failed} failed)", story.reload_failed == 0)


def _judge(story: Story, first: Seen, second: Seen) -> None:
    scene, name = first.scene, first.scene.title
    for seen in (first, second):
        which = "first" if seen.round == 1 else "second"
        row = seen.incident
        story.claim(
            f"{name}, {which} time: repaired by {scene.remedy}",
            row.outcome == "repaired" and row.remedy == scene.remedy,
        )
        story.claim(f"{name}, {which} time: only {scene.unit} was touched", seen.changed == {scene.unit})
        attempts = scene.attempts[seen.round - 1]
        story.claim(f"{name}, {which} time: attempts {row.attempts} (expected {attempts})", row.attempts == attempts)
        if scene.loses_nothing:
            story.claim(f"{name}, {which} time: no request lost", seen.failed_requests == 0)
    story.claim(f"{name}: the second remedy came from memory", second.incident.remedy_source == "memory")
    probes = (first.incident.probes or 0, second.incident.probes or 0)
    story.claim(f"{name}: fewer probes from memory ({probes[0]} → {probes[1]})", probes[1] < probes[0])
    story.claim(f"{name}: verified as before ({second.verified_s:g} s)", first.verified_s == second.verified_s)
    took = f"{first.decision_s * 1000:.0f} → {second.decision_s * 1000:.0f} ms"
    story.claim(
        f"{name}: decided no slower, give or take {_NOISE_S * 1000:.0f} ms ({took})",
        second.decision_s <= first.decision_s + _NOISE_S,
    )


async def _settled(stage: Stage) -> None:
    """Give the agent a baseline: requests succeed for a while before anything is broken."""
    ok, deadline = 0, asyncio.get_running_loop().time() + 15.0
    while ok < 80:
        if asyncio.get_running_loop().time() > deadline:
            raise StageError("the services do not serve: no baseline")
        await asyncio.sleep(_POLL_S)
        now = stage.counters()
        ok = now.ok
