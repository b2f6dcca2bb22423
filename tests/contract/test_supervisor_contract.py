"""What every supervisor promises. Each test runs against the embedded engine, for real, and against the fake."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from opsagent_tools.supervisors.port import (
    EventKind,
    NotSupported,
    SupervisorError,
    SupervisorUnreachable,
    UnknownUnit,
)
from opsagent_tools.units import ProcessKey, Unit, UnitState
from tests.support.circusd import CircusdHarness
from tests.support.pm2 import Pm2Harness
from tests.support.supervisord import SupervisordHarness
from tests.support.supervisors import CircusHarness, FakeHarness, Harness, listening, pids, spec
from tests.support.systemd import SystemdHarness, SystemdUserHarness
from tests.support.systemd_box import inside
from tests.support.waiting import until

HARNESSES: dict[str, Callable[[Path, Path], Harness]] = {
    "circus": lambda folder, runtime: CircusHarness(folder / "engine", runtime),
    "fake": lambda folder, runtime: FakeHarness(),
    "pm2": lambda folder, runtime: Pm2Harness(),
    "pm2-cluster": lambda folder, runtime: Pm2Harness(cluster=True),
    "supervisord": lambda folder, runtime: SupervisordHarness(runtime),
    "circusd": lambda folder, runtime: CircusdHarness(runtime),
}
"""How each supervisor is set up in a folder of its own and a short one for its sockets."""
if inside():  # a box with a real systemd, where test_systemd.py runs this file
    HARNESSES = {
        "systemd": lambda folder, runtime: SystemdHarness(),
        "systemd-user": lambda folder, runtime: SystemdUserHarness(),
    }


@pytest.fixture(params=HARNESSES)
async def harness(request: pytest.FixtureRequest, tmp_path: Path, runtime_root: Path) -> AsyncIterator[Harness]:
    found = HARNESSES[request.param](tmp_path, runtime_root)
    try:
        yield found
    finally:
        await found.end()


async def changed(harness: Harness, name: str, condition: Callable[[Unit], bool]) -> Unit:
    """The unit, once the condition holds."""

    async def look() -> Unit | None:
        unit = await harness.supervisor.describe(harness.id(name))
        return unit if condition(unit) else None

    unit = await until(look)
    assert unit is not None
    return unit


async def refused(harness: Harness, name: str, action: str, *args: object) -> bool:
    """Whether its supervisor declares that it cannot do that; if so, it says so with a reason and changes nothing."""
    before = await harness.supervisor.list()
    alone = (await harness.supervisor.describe(harness.id(name))).instances == 1
    if getattr(harness.can, action) and (harness.can.grow_alone or not alone):
        return False
    with pytest.raises(NotSupported) as error:
        await getattr(harness.supervisor, action)(harness.id(name), *args)
    assert len(str(error.value)) > 20
    assert await harness.supervisor.list() == before
    return True


async def test_lists_nothing_before_there_are_services(harness: Harness) -> None:
    assert list(await harness.supervisor.list()) == []


async def test_lists_each_service_with_its_processes(harness: Harness, tmp_path: Path, free_port: int) -> None:
    await harness.apply([spec("one", tmp_path, port=free_port), spec("three", tmp_path, instances=3)])

    one, three = await harness.supervisor.list()

    assert one.id == harness.id("one")
    assert one.state is UnitState.RUNNING
    assert one.ports == ((free_port,) if harness.can.know_ports else ())
    assert (len(one.processes), len(three.processes)) == (1, 3)
    assert (three.instances, three.restarts, three.last_exit) == (3, 0, None)
    assert await harness.supervisor.describe(three.id) == three


async def test_an_unknown_unit_is_an_error_of_its_own(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path)])
    supervisor, nobody = harness.supervisor, harness.id("nobody")
    for call in (supervisor.describe, supervisor.start, supervisor.stop, supervisor.restart, supervisor.reload):
        with pytest.raises(UnknownUnit):
            await call(nobody)
    with pytest.raises(UnknownUnit):
        await supervisor.scale(nobody, 2)
    with pytest.raises(UnknownUnit):
        await supervisor.surge(nobody)
    with pytest.raises(UnknownUnit):
        await supervisor.retire(nobody, ProcessKey(1, 0.0))
    with pytest.raises(UnknownUnit):
        await supervisor.signal(nobody, signal.SIGTERM)
    with pytest.raises(UnknownUnit):
        supervisor.log_files(nobody)


async def test_a_stopped_unit_has_no_process_and_starts_again(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path, instances=2)])
    api = harness.id("api")

    await harness.supervisor.stop(api)

    stopped = await harness.supervisor.describe(api)
    assert (stopped.state, stopped.processes) == (UnitState.STOPPED, ())
    assert stopped.last_exit == -signal.SIGTERM

    await harness.supervisor.start(api)

    started = await harness.supervisor.describe(api)
    assert (started.state, len(started.processes)) == (UnitState.RUNNING, 2)
    assert started.restarts == (2 if harness.can.count_starts else 0)


async def test_start_of_a_running_unit_changes_nothing(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path)])
    before = await harness.supervisor.describe(harness.id("api"))

    await harness.supervisor.start(before.id)

    assert await harness.supervisor.describe(before.id) == before


@pytest.mark.parametrize("action", ["restart", "reload"])
async def test_restart_and_reload_replace_every_process(harness: Harness, tmp_path: Path, action: str) -> None:
    await harness.apply([spec("api", tmp_path, instances=2), spec("other", tmp_path)])
    before, other = await harness.supervisor.list()

    await getattr(harness.supervisor, action)(before.id)

    after, still_other = await harness.supervisor.list()
    assert len(after.processes) == 2
    assert not pids(after) & pids(before)
    assert after.restarts == 2
    assert still_other == other


async def test_scale_adds_and_removes_instances(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path)])
    if await refused(harness, "api", "scale", 3):
        return
    before = await harness.supervisor.describe(harness.id("api"))

    await harness.supervisor.scale(before.id, 3)
    more = await harness.supervisor.describe(before.id)
    await harness.supervisor.scale(before.id, 1)
    less = await harness.supervisor.describe(before.id)

    assert (more.instances, len(more.processes)) == (3, 3)
    assert pids(before) < pids(more)
    assert (less.instances, len(less.processes)) == (1, 1)
    assert pids(less) < pids(more)
    assert (pids(less) == pids(before)) == harness.can.keep_oldest
    with pytest.raises(SupervisorError, match="stop it instead"):
        await harness.supervisor.scale(before.id, 0)


async def test_a_surged_instance_takes_the_place_of_the_one_that_is_retired(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path, instances=2)])
    if await refused(harness, "api", "surge"):
        return
    before = await harness.supervisor.describe(harness.id("api"))
    old = before.processes[0].key

    canary = await harness.supervisor.surge(before.id)
    during = await harness.supervisor.describe(before.id)
    await harness.supervisor.retire(before.id, old)
    after = await harness.supervisor.describe(before.id)

    assert pids(during) == pids(before) | {canary.pid}
    assert during.instances == 2
    assert pids(after) == pids(during) - {old.pid}
    assert canary in {process.key for process in after.processes}


async def test_retiring_the_canary_brings_back_exactly_the_old_set(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path, instances=2)])
    if await refused(harness, "api", "surge"):
        return
    before = await harness.supervisor.describe(harness.id("api"))

    canary = await harness.supervisor.surge(before.id)
    await harness.supervisor.retire(before.id, canary)

    assert (await harness.supervisor.describe(before.id)).processes == before.processes


async def test_a_canary_that_dies_is_not_respawned_and_costs_no_old_one(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path, instances=2)])
    if await refused(harness, "api", "surge"):
        return
    before = await harness.supervisor.describe(harness.id("api"))
    canary = await harness.supervisor.surge(before.id)
    async with listening(harness.supervisor) as events:
        harness.kill(before.id, canary.pid)
        await events.until(EventKind.EXITED, before.id, pid=canary.pid)
        # What follows can only be seen after everything that the death has caused.
        await harness.supervisor.scale(before.id, 2)
        after = await changed(harness, "api", lambda unit: pids(unit) == pids(before))

        assert after.processes == before.processes
        assert events.of(EventKind.SPAWNED, before.id) == []


async def test_retire_without_a_surged_one_replaces_it(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path, instances=2)])
    before = await harness.supervisor.describe(harness.id("api"))
    old, kept = (process.key for process in before.processes)

    await harness.supervisor.retire(before.id, old)

    after = await harness.supervisor.describe(before.id)
    assert len(after.processes) == 2
    assert kept.pid in pids(after)
    assert old.pid not in pids(after)


async def test_retire_of_a_process_that_is_not_the_units_does_nothing(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path), spec("other", tmp_path)])
    api, other = await harness.supervisor.list()
    key = api.processes[0].key

    for stranger in (other.processes[0].key, ProcessKey(key.pid, key.started - 3600)):
        with pytest.raises(SupervisorError):
            await harness.supervisor.retire(api.id, stranger)

    assert list(await harness.supervisor.list()) == [api, other]


async def test_no_second_instance_where_the_process_binds_the_port_itself(
    harness: Harness, tmp_path: Path, free_port: int
) -> None:
    await harness.apply([spec("api", tmp_path, port=free_port)])
    before = await harness.supervisor.list()

    with pytest.raises(NotSupported):
        await harness.supervisor.surge(harness.id("api"))
    if harness.can.know_ports or not (harness.can.scale and harness.can.grow_alone):  # else the second one has to try
        with pytest.raises(NotSupported):
            await harness.supervisor.scale(harness.id("api"), 2)

    assert await harness.supervisor.list() == before


async def test_a_signal_goes_to_one_process_or_to_all(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path, instances=2)])
    before = await harness.supervisor.describe(harness.id("api"))
    first, second = (process.pid for process in before.processes)

    await harness.supervisor.signal(before.id, signal.SIGKILL, first)
    one_new = await changed(harness, "api", lambda unit: first not in pids(unit) and len(unit.processes) == 2)
    await harness.supervisor.signal(before.id, signal.SIGKILL)
    both_new = await changed(harness, "api", lambda unit: not pids(unit) & pids(one_new) and len(unit.processes) == 2)

    assert second in pids(one_new)
    assert both_new.last_exit == -signal.SIGKILL
    with pytest.raises(SupervisorError):
        await harness.supervisor.signal(before.id, signal.SIGTERM, first)


async def test_a_death_is_told_and_the_process_replaced(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path)])
    before = await harness.supervisor.describe(harness.id("api"))
    (dead,) = pids(before)
    async with listening(harness.supervisor) as events:
        harness.kill(before.id, dead)

        exited = await events.until(EventKind.EXITED, before.id)
        spawned = await events.until(EventKind.SPAWNED, before.id)
        after = await changed(harness, "api", lambda unit: unit.state is UnitState.RUNNING)

        assert (exited.pid, exited.exit_code) == (dead, -signal.SIGKILL)
        assert pids(after) == {spawned.pid}
        assert (after.restarts, after.last_exit) == (1, -signal.SIGKILL)
        assert events.of(EventKind.STOPPING, before.id) == []


async def test_without_autorestart_a_death_ends_the_unit(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("job", tmp_path, autorestart=False)])
    before = await harness.supervisor.describe(harness.id("job"))

    harness.kill(before.id, before.processes[0].pid)

    dead = await changed(harness, "job", lambda unit: unit.state is UnitState.EXITED)
    assert (dead.processes, dead.last_exit) == ((), -signal.SIGKILL)
    assert dead.reason

    await harness.supervisor.start(before.id)

    assert (await harness.supervisor.describe(before.id)).state is UnitState.RUNNING


async def test_without_autorestart_a_unit_ends_with_its_last_process(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("job", tmp_path, autorestart=False, instances=2)])
    if await refused(harness, "job", "surge"):
        return
    before = await harness.supervisor.describe(harness.id("job"))
    canary = await harness.supervisor.surge(before.id)

    for process in before.processes:
        harness.kill(before.id, process.pid)
    await changed(harness, "job", lambda unit: pids(unit) == {canary.pid} and unit.state is UnitState.RUNNING)
    harness.kill(before.id, canary.pid)

    await changed(harness, "job", lambda unit: unit.state is UnitState.EXITED and not unit.processes)


@pytest.mark.parametrize("action", ["stop", "restart", "reload", "retire", "scale"])
async def test_what_is_ended_on_purpose_is_no_death(harness: Harness, tmp_path: Path, action: str) -> None:
    await harness.apply([spec("api", tmp_path, instances=2)])
    if action == "scale" and await refused(harness, "api", "scale", 1):
        return
    before = await harness.supervisor.describe(harness.id("api"))
    supervisor, doomed = harness.supervisor, before.processes[-1].key
    async with listening(supervisor) as events:
        if action == "retire":
            await supervisor.retire(before.id, doomed)
        elif action == "scale":
            await supervisor.scale(before.id, 1)
        else:
            await getattr(supervisor, action)(before.id)
        # A death that really is one comes after everything before it, so nothing can still be under way.
        await supervisor.start(before.id)
        victim = (await supervisor.describe(before.id)).processes[0].pid
        harness.kill(before.id, victim)
        await events.until(EventKind.EXITED, before.id)

        assert [event.pid for event in events.of(EventKind.EXITED, before.id)] == [victim]
        assert doomed.pid in [event.pid for event in events.of(EventKind.STOPPING, before.id)]
        assert bool(events.of(EventKind.STOPPED, before.id)) == (action == "stop")


async def test_start_is_told(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path)])
    await harness.supervisor.stop(harness.id("api"))
    async with listening(harness.supervisor) as events:
        await harness.supervisor.start(harness.id("api"))

        await events.until(EventKind.SPAWNED, harness.id("api"))
        await events.until(EventKind.STARTED, harness.id("api"))


async def test_a_change_of_the_set_of_units_is_told(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path), spec("old", tmp_path)])
    async with listening(harness.supervisor) as events:
        events.seen.clear()

        await harness.apply([spec("api", tmp_path), spec("new", tmp_path)])

        await events.until(EventKind.CHANGED)
        assert [unit.id for unit in await harness.supervisor.list()] == [harness.id("api"), harness.id("new")]


async def test_applying_the_same_services_again_touches_nothing(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path), spec("idle", tmp_path)])
    await harness.supervisor.stop(harness.id("idle"))
    before = await harness.supervisor.list()

    await harness.apply([spec("api", tmp_path), spec("idle", tmp_path)])

    assert await harness.supervisor.list() == before


async def test_logs_are_those_that_the_service_names(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path, logs=(tmp_path / "own.log",))])

    files = harness.supervisor.log_files(harness.id("api"))

    assert files[0] == tmp_path / "own.log"
    assert (await harness.supervisor.describe(harness.id("api"))).logs == tuple(files)


async def test_a_death_of_the_daemon_is_told_and_nothing_is_doubled(harness: Harness, tmp_path: Path) -> None:
    await harness.apply([spec("api", tmp_path, instances=2), spec("idle", tmp_path)])
    await harness.supervisor.stop(harness.id("idle"))
    before = await harness.supervisor.describe(harness.id("api"))
    async with listening(harness.supervisor) as events:
        harness.lose()
        await events.until(EventKind.LOST)
        with pytest.raises(SupervisorUnreachable):
            await harness.supervisor.list()
        with pytest.raises(SupervisorUnreachable):
            await harness.supervisor.restart(before.id)

        await harness.come_back()
        await events.until(EventKind.BACK)

        api, idle = await harness.supervisor.list()
        assert (api.state, len(api.processes)) == (UnitState.RUNNING, 2)
        assert len(pids(api) & pids(before)) == (2 if harness.can.outlives else 0)
        if harness.can.keep_stopped:
            assert (idle.state, idle.processes) == (UnitState.STOPPED, ())
        else:
            assert any("stop" in lack for lack in (await harness.supervisor.daemon()).lacks)
        harness.kill(api.id, api.processes[0].pid)
        await events.until(EventKind.EXITED, api.id)
