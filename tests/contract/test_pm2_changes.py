"""What PM2 has beyond the port, and what it must not be able to do to us: against a real daemon."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opsagent_tools.supervisors.pm2.adapter import Pm2Supervisor
from opsagent_tools.supervisors.pm2.said import AppSaid, Said
from opsagent_tools.supervisors.port import Busy, EventKind, NotSupported, Redefines, SupervisorError, UnknownUnit
from opsagent_tools.units import UnitId, UnitState
from tests.support.pm2 import PM2, dump, running
from tests.support.supervisors import Events, listening, pids
from tests.support.waiting import until

API = UnitId.local("pm2", "api")


@pytest.fixture
async def supervisor(pm2: PM2) -> AsyncIterator[Pm2Supervisor]:
    found = Pm2Supervisor(pm2.home)
    yield found
    await found.close()


async def test_what_a_person_stops_is_stopped_and_no_death(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    (pid,) = pm2.start("api", "sleep", args=["600"])
    async with listening(supervisor) as events:
        pm2.cli("stop", "api")
        await events.until(EventKind.STOPPED, API)

        assert (await supervisor.describe(API)).state is UnitState.STOPPED
        assert [event.pid for event in events.of(EventKind.STOPPING, API)] == [pid]
        assert events.of(EventKind.EXITED, API) == []
        assert events.of(EventKind.SPAWNED, API) == []

        pm2.cli("restart", "api")
        await events.until(EventKind.STARTED, API)
        assert events.of(EventKind.EXITED, API) == []


async def test_what_a_person_reloads_or_deletes_is_no_death(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    before = set(pm2.start("api", "graceful.js", cluster=True, instances=2, env={"PORT": 0}, wait_ready=True))
    async with listening(supervisor) as events:
        pm2.cli("reload", "api")
        await until(lambda: {event.pid for event in events.of(EventKind.STOPPING, API)} == before)
        await until(lambda: len(events.of(EventKind.SPAWNED, API)) == 2)
        events.seen.clear()
        pm2.cli("delete", "api")
        await events.until(EventKind.CHANGED)
        await until(lambda: len(events.of(EventKind.STOPPING, API)) == 2)

        assert events.of(EventKind.EXITED, API) == []
        assert list(await supervisor.list()) == []


async def test_the_true_signal_and_reason_of_an_exit_are_told(tmp_path: Path) -> None:
    with running(PM2_WORKER_INTERVAL="300") as pm2:
        supervisor = Pm2Supervisor(pm2.home)
        pm2.start("api", "sleep", args=["600"])
        pm2.start("code", "talker.js")
        watched = tmp_path / "app.js"
        watched.write_text("setInterval(() => {}, 1 << 30)")
        pm2.start("edited", watched, watch=[str(tmp_path)], cwd=tmp_path)
        pm2.start("hungry", "talker.js", max_memory_restart=1024 * 1024)
        code, edited, hungry = (UnitId.local("pm2", name) for name in ("code", "edited", "hungry"))
        async with listening(supervisor) as events:
            os.kill(pm2.pids("api")[0], signal.SIGSEGV)
            crashed = await events.until(EventKind.EXITED, API)
            await supervisor.send_line(code, "exit 3")
            left = await events.until(EventKind.EXITED, code)
            over = await events.until(EventKind.STOPPING, hungry)
            await until(lambda: _touched(watched, events, edited))
            (changed,) = events.of(EventKind.STOPPING, edited)[:1]

            assert events.of(EventKind.EXITED, hungry) == []
        await supervisor.close()

    assert crashed.exit_code == -signal.SIGSEGV
    assert left.exit_code == 3
    assert over.reason.startswith("over its memory limit")
    assert changed.reason == "app.js changed (watch)"


def _touched(file: Path, events: Events, unit: UnitId) -> bool:
    """Change the file until PM2's watcher, which takes a while to begin, has seen it."""
    file.write_text(f"setInterval(() => {{}}, 1 << 30) // {time.monotonic_ns()}")
    return bool(events.of(EventKind.STOPPING, unit))


async def test_an_app_that_pm2_gave_up_on_says_so_and_starts_once_it_is_mended(
    pm2: PM2, supervisor: Pm2Supervisor, tmp_path: Path
) -> None:
    script = tmp_path / "api.js"
    script.write_text("setInterval(() => {}, 1 << 30)")
    pm2.start("api", script, cwd=tmp_path, max_restarts=2)
    async with listening(supervisor) as events:
        script.write_text("process.exit(7)")
        os.kill(pm2.pids("api")[0], signal.SIGKILL)
        await until(lambda: any("given up" in event.reason for event in events.of(EventKind.EXITED, API)))
        unit = await supervisor.describe(API)
        assert (unit.state, unit.processes, unit.last_exit) == (UnitState.EXITED, (), 7)
        assert "errored" in unit.reason

        script.write_text("setInterval(() => {}, 1 << 30)")
        await supervisor.start(API)
        await events.until(EventKind.STARTED, API)
        assert (await supervisor.describe(API)).state is UnitState.RUNNING


async def test_a_second_reload_is_refused_while_one_runs(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.start("api", "graceful.js", cluster=True, instances=2, env={"PORT": 0}, wait_ready=True)
    pm2.start("other", "sleep", args=["600"])
    before = pids(await supervisor.describe(API))

    first = asyncio.ensure_future(supervisor.reload(API))
    await until(lambda: (pm2.home / "reload.lock").exists() and (pm2.home / "reload.lock").read_text())
    with pytest.raises(Busy, match="reload of api is under way"):
        await supervisor.reload(API)
    with pytest.raises(Busy):
        await supervisor.restart(API)
    assert "reload of api is under way" in (await supervisor.setup(API)).busy
    person = pm2.cli("reload", "api", check=False)
    await first

    assert "already in progress" in person
    after = await supervisor.describe(API)
    assert (len(after.processes), pids(after) & before) == (2, set())
    assert (pm2.home / "reload.lock").read_text() == ""


async def test_a_persons_reload_keeps_ours_away(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    (pid,) = pm2.start("api", "sleep", args=["600"])
    process = (await supervisor.describe(API)).processes[0].key
    (pm2.home / "reload.lock").write_text(str(int(time.time() * 1000)))

    assert "pm2 reload" in (await supervisor.setup(API)).busy
    for change in (supervisor.reload(API), supervisor.replace(API, process)):
        with pytest.raises(Busy, match="`pm2 reload` is under way"):
            await change
    assert pm2.pids("api") == [pid]

    (pm2.home / "reload.lock").write_text(str(int((time.time() - 60) * 1000)))  # somebody left it
    await supervisor.reload(API)
    assert pm2.pids("api") != [pid]


async def test_an_instance_is_replaced_under_its_own_number(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.start("api", "graceful.js", cluster=True, instances=2, env={"PORT": 0}, wait_ready=True)
    ids, (old, kept) = pm2.ids("api"), (process.key for process in (await supervisor.describe(API)).processes)

    await supervisor.replace(API, old)

    after = await supervisor.describe(API)
    assert pm2.ids("api") == ids
    assert kept.pid in pids(after)
    assert old.pid not in pids(after)
    assert after.numbered


async def test_a_reload_that_was_left_in_the_middle_leaves_no_instance_more(
    pm2: PM2, supervisor: Pm2Supervisor
) -> None:
    pids_before = pm2.start("api", "graceful.js", cluster=True, instances=2, env={"PORT": 0}, wait_ready=True)

    canary = await supervisor.surge(API)
    assert sorted(pm2.pids("api")) == sorted([*pids_before, canary.pid])
    await supervisor.close()

    assert pm2.pids("api") == pids_before


async def test_a_restart_keeps_the_environment_or_takes_another(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.start("api", "talker.js", env={"GREETING": "one", "GONE": "x", "API_TOKEN": "sk-live-0123456789abcdef"})
    await until(lambda: "one" in pm2.log("api"))

    await supervisor.restart(API)
    await until(lambda: pm2.log("api").count("one") == 2)
    await supervisor.restart(API, {"GREETING": "two", "GONE": None})
    await until(lambda: "two" in pm2.log("api"))

    setup = await supervisor.setup(API)
    assert (setup.env["GREETING"], setup.env.get("GONE")) == ("two", None)
    (pid,) = pm2.pids("api")
    assert b"GONE=" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert "sk-live" not in f"{setup.env} {setup.more} {setup!r}"
    assert setup.env["API_TOKEN"]
    assert (setup.shape, setup.stop_signal, setup.stop_timeout_s) == ("fork", signal.SIGINT, 1.6)
    assert setup.script is not None
    assert setup.script.name == "talker.js"


async def test_counters_logs_and_watching(pm2: PM2, supervisor: Pm2Supervisor, tmp_path: Path) -> None:
    pm2.start("api", "talker.js", env={"GREETING": "hello"}, cwd=tmp_path)
    await supervisor.restart(API)
    (pid,) = pm2.pids("api")
    await until(lambda: f"started {pid} " in pm2.log("api"))

    await supervisor.reset(API)
    await supervisor.watch(API, on=True)
    assert (await supervisor.describe(API)).restarts == 0
    assert (await supervisor.setup(API)).watches
    await supervisor.watch(API, on=False)
    assert not (await supervisor.setup(API)).watches

    emptied = await supervisor.flush(API)
    assert len(emptied) == 2
    assert pm2.log("api") == ""
    log = supervisor.log_files(API)[0]
    log.rename(log.with_suffix(".1"))
    await supervisor.reload_logs()
    await supervisor.send_line(API, "out after the move")
    await until(lambda: log.exists() and "after the move" in log.read_text())

    await supervisor.delete(API)
    assert list(await supervisor.list()) == []
    with pytest.raises(UnknownUnit):
        await supervisor.reset(API)


async def test_an_app_measures_acts_and_speaks_for_itself(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.start("api", "measuring.js", cluster=True, instances=2, wait_ready=True)
    heard: list[AppSaid] = []
    listener = asyncio.ensure_future(_listen(supervisor.said(), heard))
    await until(lambda: _answers(supervisor, heard))

    measured = {"queue": 6.0, "mood": "calm", "Event Loop Latency": 1.5}
    assert await supervisor.metrics(API) == measured
    assert supervisor.measured(API) == {"lag_ms": 1.5, **{f"metric.{name}": value for name, value in measured.items()}}
    assert supervisor.measured(UnitId.local("pm2", "other")) == {}
    assert (await supervisor.setup(API)).more["metric.queue"] == 6.0
    assert await supervisor.actions(API) == ("drain", "boom")
    heard.clear()
    assert await supervisor.trigger(API, "drain", "now") == 2
    await until(lambda: len(heard) == 2)
    assert {said.text.raw for said in heard} == {'heard drain "now"'}
    with pytest.raises(NotSupported, match="has no action 'fly'"):
        await supervisor.trigger(API, "fly")
    with pytest.raises(NotSupported, match="cluster mode"):
        await supervisor.send_line(API, "hello")

    await supervisor.trigger(API, "boom")
    await until(lambda: any(said.kind is Said.EXCEPTION for said in heard))
    boom = next(said for said in heard if said.kind is Said.EXCEPTION)
    assert boom.unit == API
    assert "boom" in boom.text.raw
    assert "hunter2" not in boom.text.raw
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)


async def _listen(source: AsyncIterator[AppSaid], heard: list[AppSaid]) -> None:
    async for said in source:
        heard.append(said)  # noqa: PERF401 (seen while it grows)


async def _answers(supervisor: Pm2Supervisor, heard: list[AppSaid]) -> bool:
    """Whether what an app says arrives: the bus has no replay, so it is asked until it does."""
    await supervisor.send(API, "hello", {})
    return any(said.kind is Said.MESSAGE for said in heard)


async def test_lines_of_output_arrive_whole(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.start("api", "talker.js")
    heard: list[AppSaid] = []
    listener = asyncio.ensure_future(_listen(supervisor.said(output=True), heard))
    long = "x" * 10_000

    def came(kind: Said, line: str) -> bool:
        return any((said.kind, said.text.raw) == (kind, line) for said in heard)

    async def speaks() -> bool:
        await supervisor.send_line(API, "out ping")
        return came(Said.OUT, "ping")

    await until(speaks)
    await supervisor.send_line(API, f"out {long}")
    await supervisor.send_line(API, "err done")
    await until(lambda: came(Said.ERR, "done") and came(Said.OUT, long))
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)


async def test_namespaces_divide_apps_of_one_name(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.start("api", "sleep", args=["600"])
    pm2.start("api", "sleep", args=["601"], namespace="blue")
    blue = UnitId.local("pm2", "blue/api")

    assert await supervisor.namespaces() == {"default": (API,), "blue": (blue,)}
    await supervisor.stop(blue)

    states = {unit.name: unit.state for unit in await supervisor.list()}
    assert states == {"api": UnitState.RUNNING, "blue/api": UnitState.STOPPED}


async def test_what_is_saved_is_what_pm2_would_save(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    with pytest.raises(SupervisorError, match="runs nothing"):
        await supervisor.persist()
    pm2.start("api", "graceful.js", cluster=True, instances=2, env={"PORT": 0, "SECRET_KEY": "hunter2"})
    pm2.start("idle", "sleep", args=["600"])
    await supervisor.stop(UnitId.local("pm2", "idle"))

    said = await supervisor.persist()
    ours = dump(pm2)
    pm2.cli("save")
    theirs = dump(pm2)

    assert ours == theirs
    assert "saved 2 apps (3 processes)" in said
    assert "hunter2" not in said
    assert "pm2 startup" in said
    await supervisor.persist()
    assert json.loads((pm2.home / "dump.pm2.bak").read_text()) == theirs


async def test_fork_instances_that_would_fight_for_a_port_are_refused(
    pm2: PM2, supervisor: Pm2Supervisor, free_port: int
) -> None:
    pm2.start("api", "plain.js", env={"PORT": free_port})
    with pytest.raises(NotSupported, match="cluster mode"):
        await supervisor.surge(API)
    with pytest.raises(NotSupported, match="same port"):
        await supervisor.scale(API, 2)
    assert len(pm2.pids("api")) == 1


async def test_a_module_is_found_set_and_never_doubled(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.start("pm2-logrotate", "talker.js", pmx_module=True, env={"GREETING": "module"})
    (pm2.home / "module_conf.json").write_text(json.dumps({"pm2-logrotate": {"retain": "5"}, "other": {"x": "1"}}))

    assert list(await supervisor.list()) == []
    said = await supervisor.configure_module("pm2-logrotate", {"max_size": "5M"})
    (module,) = await supervisor.modules()

    assert said == "pm2-logrotate: max_size=5M"
    assert (module.name, module.state) == ("pm2-logrotate", "online")
    assert module.settings == {"retain": "5", "max_size": "5M"}
    saved = json.loads((pm2.home / "module_conf.json").read_text())
    assert saved == {"pm2-logrotate": {"retain": "5", "max_size": "5M"}, "other": {"x": "1"}}
    with pytest.raises(UnknownUnit, match="pm2 install"):
        await supervisor.configure_module("pm2-nothing", {"x": "1"})


async def test_an_environment_that_was_changed_is_given_back(
    pm2: PM2, supervisor: Pm2Supervisor, tmp_path: Path
) -> None:
    """As `pm2 restart --update-env` and `pm2 restart -- ARGS` change it: values, variables and arguments; no other app's."""
    seen, shows = tmp_path / "seen", tmp_path / "shows.py"
    shows.write_text(
        "import os, sys, time\n"
        f"told = [os.environ.get(name) for name in ('DB_HOST', 'ADDED', 'KEPT')] + sys.argv[1:]\n"
        f"open({str(seen)!r} + '.new', 'w').write(repr(told)); os.replace({str(seen)!r} + '.new', {str(seen)!r})\n"
        "time.sleep(600)\n"
    )
    pm2.start("api", shows, args=["--fast"], env={"DB_HOST": "right", "KEPT": "yes"})
    (other,) = pm2.start("other", "sleep", args=["600"])
    right = repr(["right", None, "yes", "--fast"])
    await until(lambda: seen.exists() and seen.read_text() == right)
    good = await supervisor.definition(API)
    assert isinstance(supervisor, Redefines)

    pm2.cli("restart", "api", "--update-env", "--", "--slow", env={"DB_HOST": "wrong", "ADDED": "1"})
    await until(lambda: seen.read_text() == repr(["wrong", "1", "yes", "--slow"]))
    await supervisor.list()
    changed = await supervisor.definition(API)
    assert changed != good

    await supervisor.redefine(API, good)
    await until(lambda: seen.read_text() == right)
    assert await supervisor.definition(API) == good
    assert pm2.pids("other") == [other]

    await supervisor.redefine(API, changed)
    await until(lambda: seen.read_text() == repr(["wrong", "1", "yes", "--slow"]))


async def test_another_script_is_no_environment_that_could_be_given_back(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pids_before = pm2.start("api", "sleep", args=["600"])
    other = json.loads(await supervisor.definition(API)) | {"pm_exec_path": "/bin/true"}
    with pytest.raises(NotSupported, match="another script"):
        await supervisor.redefine(API, json.dumps(other).encode())
    assert pm2.pids("api") == pids_before
