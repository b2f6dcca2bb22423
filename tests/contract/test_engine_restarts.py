"""When instances end and start again, as an app of an ecosystem file asks for it: by itself, by the clock, by changes."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.port import EventKind, NotSupported
from opsagent_tools.units import Unit, UnitState
from tests.support import pm2
from tests.support.ecosystems import SHELL, Stage
from tests.support.supervisors import listening, pids
from tests.support.waiting import until


@pytest.fixture(scope="module")
def node() -> str:
    """A Node that is really there."""
    return str(pm2.needed())


def exited(unit: Unit) -> bool:
    return unit.state is UnitState.EXITED


def kill(unit: Unit) -> None:
    for pid in pids(unit):
        os.kill(pid, signal.SIGKILL)


async def test_a_crash_loop_is_given_up_and_some_ends_are_none(stage: Stage) -> None:
    stage.script("die.sh", "echo ran; exit ${CODE:-1}")

    await stage.up(
        {"name": "loop", "script": "die.sh", "max_restarts": 3, "min_uptime": "5s", "restart_delay": 1},
        {"name": "done", "script": "die.sh", "stop_exit_codes": [0, 7], "env": {"CODE": 7}},
        {"name": "once", "script": "die.sh", "autorestart": False},
        {"name": "later", "script": "die.sh", "autostart": False},
    )

    loop, done, once = [await stage.when(name, exited) for name in ("loop", "done", "once")]
    assert (stage.said("loop").count("ran"), loop.restarts) == (3, 2)
    assert loop.reason == "given up: it ended 3 times in a row within 5 s; the last one ended with exit code 1"
    assert (stage.said("done"), done.reason) == ("ran\n", "ended with exit code 7")
    assert (stage.said("once"), once.last_exit) == ("ran\n", 1)
    assert ((await stage.unit("later")).state, stage.said("later")) == (UnitState.STOPPED, "")

    await stage.supervisor.start(stage.id("loop"))  # a person tries again: it counts from nothing
    await stage.when("loop", exited)
    assert stage.said("loop").count("ran") == 6


async def test_one_instance_that_is_given_up_does_not_end_the_others(stage: Stage) -> None:
    stage.script("half.sh", f'[ "$NODE_APP_INSTANCE" = 1 ] && exit 3; {SHELL}')

    await stage.up({"name": "half", "script": "half.sh", "instances": 2, "max_restarts": 2, "restart_delay": 1})

    unit = await stage.when("half", lambda now: "given up" in now.reason)
    assert (unit.state, len(unit.processes)) == (UnitState.RUNNING, 1)
    assert unit.reason.startswith("one of its instances is given up: it ended 2 times in a row within 1 s")


async def test_the_delay_before_a_restart_is_that_of_the_app(stage: Stage) -> None:
    stage.script("die.sh", "date +%s.%N; exit 1")
    await stage.up(
        {"name": "fixed", "script": "die.sh", "restart_delay": 300, "max_restarts": 4},
        {"name": "grows", "script": "die.sh", "exp_backoff_restart_delay": 100, "max_restarts": 5},
    )

    def gaps(name: str) -> list[float]:
        at = [float(line) for line in stage.said(name).splitlines()]
        return [after - before for before, after in itertools.pairwise(at)]

    await stage.when("fixed", exited)
    await stage.when("grows", exited)
    assert len(gaps("fixed")) == 3
    assert all(0.3 <= gap < 1.5 for gap in gaps("fixed")), gaps("fixed")
    assert len(gaps("grows")) == 4
    for gap, least in zip(gaps("grows"), (0.1, 0.15, 0.225, 0.3375), strict=True):
        assert least <= gap < least + 1.2, gaps("grows")


async def test_a_schedule_replaces_what_runs_starts_what_has_ended_and_leaves_what_a_person_stopped(
    stage: Stage,
) -> None:
    stage.script("job.sh", "echo ran")
    stage.script("wait.sh", SHELL)
    each_second = "* * * * * *"
    await stage.up(
        {"name": "job", "script": "job.sh", "autorestart": False, "cron_restart": each_second},
        {"name": "api", "script": "wait.sh", "cron": each_second},
        {"name": "stopped", "script": "wait.sh", "cron_restart": each_second},
    )
    await stage.supervisor.stop(stage.id("stopped"))
    before = await stage.unit("api")

    await until(lambda: stage.said("job").count("ran") >= 3)

    assert not pids(await stage.when("api", lambda now: len(now.processes) == 1)) & pids(before)
    assert (await stage.unit("stopped")).state is UnitState.STOPPED


async def test_changed_files_restart_it_but_for_those_that_do_not_count(stage: Stage) -> None:
    stage.script("wait.sh", f"echo started; {SHELL}")
    for folder in ("src", "tmp", "node_modules"):
        (stage.folder / folder).mkdir()
    await stage.up(
        {"name": "api", "script": "wait.sh", "watch": True, "out_file": "api.log", "pid_file": "api.pid"},
        {"name": "narrow", "script": "wait.sh", "watch": ["src"], "ignore_watch": ["src/*.tmp"], "watch_delay": 100},
    )
    first = await stage.unit("api")
    (quiet,) = pids(await stage.unit("narrow"))

    def change(name: str) -> None:
        path = stage.folder / name
        path.write_text(f"{time.time()}")

    async def changed(name: str, file: str, before: Unit) -> Unit:
        async def look() -> Unit | None:
            change(file)  # again and again: when the watching has begun cannot be seen from outside
            unit = await stage.unit(name)
            return unit if unit.processes and not pids(unit) & pids(before) else None

        return await until(look, why=f"{name} was replaced")

    async with listening(stage.supervisor) as events:
        await changed("api", "tmp/data", first)
        told = await events.until(EventKind.STOPPING, stage.id("api"))
    assert told.reason == "changed: tmp/data"

    settled = await stage.unit("api")
    for _ in range(20):
        for name in ("node_modules/x", "tmp/.hidden", "src/x.tmp"):
            change(name)
        await asyncio.sleep(0.02)
    assert pids(await stage.unit("narrow")) == {quiet}  # nothing in src that counts
    await changed("narrow", "src/main", await stage.unit("narrow"))
    assert "tmp/.hidden" not in stage.daemon_log()
    assert "changed: node_modules" not in stage.daemon_log()
    assert "api.log" not in stage.daemon_log()
    assert "api.pid" not in stage.daemon_log()
    assert settled.id == stage.id("api")


async def test_what_a_person_stopped_is_not_started_by_a_change(stage: Stage) -> None:
    stage.script("wait.sh", SHELL)
    await stage.up(
        {"name": "stopped", "script": "wait.sh", "watch": ["data"], "cwd": str(stage.folder)},
        {"name": "other", "script": "wait.sh", "watch": ["data"]},
    )
    (stage.folder / "data").mkdir()  # what is watched may come later
    await stage.supervisor.stop(stage.id("stopped"))
    before = await stage.unit("other")

    async def replaced() -> bool:
        (stage.folder / "data" / "x").write_text(f"{time.time()}")
        now = await stage.unit("other")
        return bool(now.processes) and not pids(now) & pids(before)

    await until(replaced)
    assert (await stage.unit("stopped")).state is UnitState.STOPPED


async def test_an_instance_that_is_too_large_is_replaced(stage: Stage) -> None:
    stage.script("grow.py", "import time\nheld = bytearray(150_000_000)\ntime.sleep(600)")
    stage.script("small.py", "import time\ntime.sleep(600)")
    await stage.up(
        {"name": "grows", "script": "grow.py", "max_memory_restart": "100M", "interpreter_args": "-S"},
        {"name": "small", "script": "small.py", "max_memory_restart": "100M", "interpreter_args": "-S"},
    )
    small = await stage.unit("small")

    async with listening(stage.supervisor) as events:
        told = await events.until(EventKind.STOPPING, stage.id("grows"))

    assert told.reason.endswith("MB of memory, more than 100 MB")
    assert pids(await stage.unit("small")) == pids(small)
    unit = await stage.when("grows", lambda now: now.processes and told.pid not in pids(now))
    assert unit.state is UnitState.RUNNING


async def test_a_new_instance_counts_once_it_is_ready_and_else_the_old_one_is_kept(stage: Stage, node: str) -> None:
    stage.script(
        "slow.js",
        "const fs = require('fs');\n"
        "setTimeout(() => fs.existsSync('broken') || process.send('ready'), 200);\n"
        "process.on('message', said => { if (said === 'shutdown') { console.log('told'); process.exit(0); } });\n"
        "process.on('SIGINT', () => console.log('signalled'));",
    )
    app = {
        "name": "slow", "script": "slow.js", "interpreter": node, "wait_ready": True, "listen_timeout": 8000,
        "shutdown_with_message": True, "kill_timeout": 3000, "opsagent": {"surge": True},
    }  # fmt: skip

    await stage.up(app)
    before = await stage.unit("slow")
    assert before.reason == ""  # `up` has waited for it
    await stage.supervisor.reload(before.id)
    after = await stage.unit("slow")
    assert not pids(after) & pids(before)
    await until(lambda: stage.said("slow") == "told\n")

    (stage.folder / "broken").touch()
    await stage.up({**app, "listen_timeout": 600})  # which replaces nothing
    with pytest.raises(EngineError, match=r"did not send ready within 0\.6 s; the old ones are kept"):
        await stage.supervisor.reload(before.id)
    with pytest.raises(EngineError, match="did not send ready"):
        await stage.supervisor.surge(before.id)
    assert pids(await stage.unit("slow")) == pids(after)
    await stage.supervisor.restart(before.id)
    assert (await stage.unit("slow")).reason == "1 of 1 has not sent ready"
    assert "signalled" not in stage.said("slow")


async def test_an_app_without_more_said_is_never_doubled(stage: Stage) -> None:
    stage.script("wait.sh", SHELL)
    await stage.up({"name": "api", "script": "wait.sh"})

    with pytest.raises(NotSupported, match="surge = false"):
        await stage.supervisor.surge(stage.id("api"))
    assert not (await stage.unit("api")).surges


async def test_it_is_given_its_time_to_end_by_the_signal_of_the_app(stage: Stage) -> None:
    trap = "trap 'echo asked; [ -n \"$STUBBORN\" ] || exit 0' %s; while :; do sleep 0.05; done"
    stage.script("int.sh", trap % "INT")
    stage.script("usr.sh", trap % "USR2")
    await stage.up(
        {"name": "patient", "script": "int.sh", "kill_timeout": 5000},
        {"name": "other", "script": "usr.sh", "kill_signal": "SIGUSR2", "kill_timeout": 5000},
        {"name": "stubborn", "script": "int.sh", "kill_timeout": 200, "env": {"STUBBORN": "1"}},
    )
    for name in ("patient", "other", "stubborn"):
        await stage.when(name, lambda now: now.processes)
        (pid,) = pids(await stage.unit(name))
        await until(lambda pid=pid: _handles_signals(pid))

    begun = time.monotonic()
    await asyncio.gather(*(stage.supervisor.stop(stage.id(name)) for name in ("patient", "other", "stubborn")))

    assert time.monotonic() - begun < 4
    ends = [(await stage.unit(name)).last_exit for name in ("patient", "other", "stubborn")]
    assert ends == [0, 0, -signal.SIGKILL]
    assert all("asked" in stage.said(name) for name in ("patient", "other", "stubborn"))


async def test_treekill_says_who_gets_the_signal(stage: Stage) -> None:
    child = "import signal, sys, time\nsignal.signal(signal.SIGINT, lambda *_: (print('child asked', flush=True), sys.exit()))"
    stage.script("child.py", f"{child}\nprint('child', flush=True)\ntime.sleep(600)")
    stage.script("parent.sh", "trap 'sleep 0.3; exit 0' INT; python3 -S child.py & wait; wait")
    await stage.up(
        {"name": "tree", "script": "parent.sh", "kill_timeout": 5000},
        {"name": "alone", "script": "parent.sh", "kill_timeout": 5000, "treekill": False},
    )
    await until(lambda: all(stage.said(name).startswith("child\n") for name in ("tree", "alone")))
    children = {
        name: [one.pid for pid in pids(await stage.unit(name)) for one in psutil.Process(pid).children()]
        for name in ("tree", "alone")
    }

    for name in ("tree", "alone"):
        await stage.supervisor.stop(stage.id(name))

    assert stage.said("tree") == "child\nchild asked\n"
    assert stage.said("alone") == "child\n"
    assert not any(psutil.pid_exists(pid) for pid in children["tree"])
    (left,) = children["alone"]
    assert psutil.pid_exists(left)
    os.kill(left, signal.SIGKILL)


def _handles_signals(pid: int) -> bool:
    """Whether it catches any: a shell does from its `trap` on."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(line for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) & (1 << (signal.SIGINT - 1) | 1 << (signal.SIGUSR2 - 1)))
