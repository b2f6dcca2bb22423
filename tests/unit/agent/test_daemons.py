"""The daemons of supervisors: missed or not, explained, and brought back as far as policy allows, over the real agent."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from opsagent import planning
from opsagent.agent import Agent
from opsagent.config import Config
from opsagent.home import Home
from opsagent.model import Fault
from opsagent.policy import Policy
from opsagent.status import listing
from opsagent.store.rows import IncidentRow
from opsagent_tools.services.spec import Mode, ServiceSpec
from opsagent_tools.supervisors.fake import FakeSupervisor
from opsagent_tools.supervisors.found import Found
from opsagent_tools.supervisors.port import Daemon
from opsagent_tools.units import UnitId, UnitState
from tests.support.waiting import until

DAEMON, API = UnitId.local("fake", "daemon of fake"), UnitId.local("fake", "api")


@dataclass
class Watched:
    """An agent that runs, and the supervisor that it found."""

    agent: Agent
    supervisor: FakeSupervisor
    told: list[Mapping[str, Any]] = field(default_factory=list)

    def rows(self) -> list[IncidentRow]:
        return [self.agent.journal.incident(row.incident.id) for row in self.agent.journal.incidents()]

    async def incident(self, condition: Callable[[IncidentRow], bool], why: str) -> IncidentRow:
        return await until(lambda: next((row for row in self.rows() if condition(row)), None), timeout=15, why=why)

    def notes(self) -> list[str]:
        return [item["text"] for item in self.told if item["kind"] == "note"]

    async def said(self, words: str) -> None:
        await until(lambda: any(words in note for note in self.notes()), why=words)

    async def listen(self) -> None:
        async for item in self.agent.timeline.listen():
            self.told.append(item)


Watch = Callable[..., contextlib.AbstractAsyncContextManager[Watched]]


@pytest.fixture
def watch(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """`watch("auto")`: an agent over a supervisor in memory that runs `api` (two instances) and `store`."""
    monkeypatch.setattr("opsagent.settle._DAEMON_S", 0.2)
    monkeypatch.setattr("opsagent.daemons._SETTLES_S", 0.05)
    monkeypatch.setattr("opsagent.waiting._QUIET_S", 0.3)
    monkeypatch.setattr("opsagent.waiting._RECHECK_S", 0.1)
    new_plan = planning.new_plan
    monkeypatch.setattr(planning, "new_plan", lambda **values: new_plan(**{**values, "verify_s": 0.3}))

    @contextlib.asynccontextmanager
    async def watching(
        mode: Mode | Mapping[str, Mode], before: Callable[[FakeSupervisor], None] = lambda _: None
    ) -> AsyncIterator[Watched]:
        specs = [ServiceSpec(name=name, command=(name,), cwd=tmp_path) for name in ("api", "store")]
        supervisor = FakeSupervisor([*specs])
        before(supervisor)
        found = Found(family="pm2", address="/srv/.pm2", uid=os.getuid(), kind="fake", why="a test made it up")
        monkeypatch.setattr("opsagent.supervised.discover", lambda *_a, **_k: (found,))
        monkeypatch.setattr("opsagent.supervised.open_supervisor", lambda _: supervisor)
        watched = Watched(Agent(Home.open(home), Config(policy=Policy(mode=mode))), supervisor)
        tasks = [asyncio.create_task(watched.listen()), asyncio.create_task(watched.agent.run())]
        try:
            await until(lambda: supervisor.is_followed or tasks[1].done(), why="the agent hears its events")
            yield watched
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await watched.agent.close()

    return watching


def kinds(row: IncidentRow) -> list[str]:
    return [event.kind for event in row.events]


async def test_a_daemon_that_lives_and_does_not_answer_is_missed_and_nothing_is_started_beside_it(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs() -> Daemon:
        return Daemon(pid=77, uid=os.getuid(), trouble="no answer within 5 s", hint="look at it, and end it (kill 77)")

    async with watch("auto") as watched:
        monkeypatch.setattr(watched.supervisor, "daemon", hangs)
        watched.supervisor.lose()
        row = await watched.incident(lambda row: row.status == "escalated", "a person is told")
        assert row.incident.summary.startswith("daemon of fake (process 77) lives and does not answer")
        (asked,) = (event for event in row.events if event.kind == "escalated")
        assert "look at it, and end it (kill 77)" in str(asked)
        assert row.plans == ()
        assert watched.supervisor.calls == []


async def test_a_killed_daemon_of_somebody_else_is_explained_and_offered_and_nothing_is_done_unasked(
    watch: Watch,
) -> None:
    async with watch("suggest") as watched:
        watched.supervisor.lose()
        row = await watched.incident(lambda row: "suggested" in kinds(row), "a suggestion")
        assert (row.incident.fault, row.incident.unit) == (Fault.ENGINE_DOWN, DAEMON)
        assert row.incident.summary == "daemon of fake is gone: nothing is restarted until it is back"
        (plan,) = row.plans
        assert plan.plan.why == "the daemon of fake does not answer; it ends 2 that outlived it and starts all anew"
        assert watched.supervisor.calls == []
        assert {unit.state for unit in watched.agent.world.units.values()} == {UnitState.RUNNING}

        watched.supervisor.come_back()  # a person did it
        row = await watched.incident(lambda row: row.status == "closed", "its end")
        assert row.outcome in {"recovered without the agent", "recovered by itself", "fake answers again"}


async def test_a_killed_daemon_is_brought_back_once_where_policy_says_so(watch: Watch) -> None:
    async with watch("auto") as watched:
        before = {process.pid for unit in await watched.supervisor.list() for process in unit.processes}
        watched.supervisor.lose()
        row = await watched.incident(lambda row: row.status == "resolved", "its end")
        assert (row.outcome, row.remedy) == ("repaired", "engine_down/revive")
        assert watched.supervisor.calls == ["revive"]
        after = [process.pid for unit in await watched.supervisor.list() for process in unit.processes]
        assert len(after) == 2
        assert not before & set(after)


async def test_ending_what_outlived_it_is_disruptive_and_waits_for_a_person_where_only_safe_steps_are_automatic(
    watch: Watch,
) -> None:
    async with watch({"safe": "auto", "disruptive": "approve", "destructive": "observe"}) as watched:
        watched.supervisor.lose()
        await watched.incident(lambda row: "asked" in kinds(row), "a question")
        assert watched.supervisor.calls == []


async def test_a_daemon_that_a_person_ended_is_noted_and_left_alone(watch: Watch) -> None:
    async with watch("auto") as watched:
        watched.supervisor.end("a person ended it (pm2 kill)")
        await watched.said("fake does not run any more: a person ended it (pm2 kill); nothing is done about it")
        await until(lambda: not watched.agent.world.units)
        (row,) = listing(watched.agent)["supervisors"]
        assert (row["state"], row["reason"]) == ("idle", "a person ended it (pm2 kill)")
        await asyncio.sleep(1.2)  # a tick of the detector, which judges what time alone decides
        assert watched.rows() == []
        assert watched.supervisor.calls == []

        watched.supervisor.come_back()
        await watched.said("fake answers again")
        assert listing(watched.agent)["supervisors"][0]["state"] == "running"


async def test_ended_while_its_death_was_already_an_incident_closes_that(watch: Watch) -> None:
    async with watch("suggest") as watched:
        watched.supervisor.lose()
        await watched.incident(lambda row: "suggested" in kinds(row), "a suggestion")
        watched.supervisor.end("a person ended it")
        row = await watched.incident(lambda row: row.status == "closed", "its end")
        assert row.outcome == "nobody misses it: a person ended it"


@pytest.mark.parametrize(("mode", "calls"), [("suggest", []), ("auto", ["revive"])])
async def test_a_daemon_that_came_back_without_its_list_is_an_incident(
    watch: Watch, mode: Mode, calls: list[str]
) -> None:
    async with watch(mode) as watched:
        watched.supervisor.lose()
        watched.supervisor.come_back_empty()
        await watched.said("fake answers again: another daemon")
        row = await watched.incident(lambda row: {"suggested", "resolved"} & set(kinds(row)) != set(), "what is done")
        assert "answers, but it does not know api, store any more" in row.incident.summary
        assert watched.supervisor.calls == calls
        if mode == "auto":
            assert {unit.name for unit in await watched.supervisor.list()} == {"api", "store"}


async def test_trouble_that_was_there_before_the_agent_is_found(watch: Watch) -> None:
    def before(supervisor: FakeSupervisor) -> None:
        supervisor.lose()
        supervisor.come_back_empty()

    async with watch("auto", before) as watched:
        row = await watched.incident(lambda row: row.status == "resolved", "its end")
        assert (row.incident.unit, row.remedy) == (DAEMON, "engine_down/revive")


async def test_one_that_is_not_ours_to_start_goes_to_a_person_with_what_helps(watch: Watch) -> None:
    async with watch("auto") as watched:
        watched.supervisor.revivable = False
        watched.supervisor.lose()
        row = await watched.incident(lambda row: row.status == "escalated", "a person is told")
        (said,) = [event.text for event in row.events if event.kind == "escalated"]
        assert "2 of its processes live on without it" in said
        assert "start it as you did before" in said
        assert "do not start the services beside the ones that outlived the daemon" in said
        assert watched.supervisor.calls == []


async def test_an_app_that_crashes_beside_a_troubled_daemon_has_an_incident_of_its_own(watch: Watch) -> None:
    async with watch("suggest") as watched:
        watched.supervisor.apply([ServiceSpec(name="job", command=("job",), cwd=Path("/"), autorestart=False)])
        watched.supervisor.come_back_empty()
        watched.supervisor.apply([ServiceSpec(name="job", command=("job",), cwd=Path("/"), autorestart=False)])
        await watched.incident(lambda row: row.incident.unit == DAEMON, "the daemon's incident")
        job = UnitId.local("fake", "job")
        (process,) = (await watched.supervisor.describe(job)).processes
        watched.supervisor.die(job, process.pid)
        await watched.incident(lambda row: row.incident.unit == job, "the app's own incident")


async def test_what_a_person_stopped_stays_stopped_for_as_long_as_it_lasts(watch: Watch) -> None:
    async with watch("auto") as watched:
        await watched.supervisor.stop(API)
        watched.supervisor.calls.clear()
        await until(lambda: watched.agent.world.units[API].state is UnitState.STOPPED)
        watched.supervisor.lose()  # and it stays stopped when its supervisor comes back
        await watched.incident(lambda row: row.status == "resolved", "its end")
        assert (await watched.supervisor.describe(API)).state is UnitState.STOPPED
        assert watched.supervisor.calls == ["revive"]
