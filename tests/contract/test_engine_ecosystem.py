"""What an app of an ecosystem file says of its program, its instances and its output has its effect on the engine."""

from __future__ import annotations

import json
import os
import pwd
import re
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.services.load import load
from opsagent_tools.units import UnitState
from tests.support import pm2
from tests.support.ecosystems import SHELL, Stage
from tests.support.supervisors import pids
from tests.support.waiting import until

SHOW = """
const { argv, execArgv, env } = process;
console.log(JSON.stringify({ argv: argv.slice(2), execArgv, cwd: process.cwd(), env }));
setInterval(() => {}, 1000);
"""
TALK = "echo said; echo complained >&2; exec sleep 600"


@pytest.fixture(scope="module")
def node() -> str:
    """A Node that is really there."""
    return str(pm2.needed())


async def shown(stage: Stage, name: str, count: int = 1) -> list[dict[str, Any]]:
    """What so many instances of SHOW say of themselves."""

    def look() -> list[dict[str, Any]] | None:
        found = [json.loads(line) for line in stage.said(name).splitlines()]
        return found if len(found) >= count else None

    return await until(look, why=f"{count} of {name} say what they see")


def ask(port: int) -> str:
    """The pid that answers."""
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=3) as answer:
        return str(answer.read().decode())


async def test_a_node_app_gets_its_arguments_folder_variables_and_numbers(stage: Stage, node: str) -> None:
    stage.script("show.js", SHOW)
    (stage.folder / "data").mkdir()

    described = await stage.up(
        {
            "name": "api",
            "namespace": "shop",
            "script": "../show.js",
            "cwd": "data",
            "args": "--from 'the shop' 7",
            "interpreter": node,
            "node_args": ["--max-old-space-size=64"],
            "env": {"LEVEL": "info", "DEEP": {"a": [1]}, "NONE": None, "ON": True},
            "env_production": {"LEVEL": "error"},
            "env_staging": {"LEVEL": "debug"},
            "filter_env": ["LOG", "HOME"],
            "instances": 2,
            "merge_logs": True,
            "exec_mode": "fork",
            "port": 4000,
            "increment_var": "PORT",
        },
        env_name="production",
    )
    first, second = sorted(await shown(stage, "shop/api", 2), key=lambda one: str(one["env"]["NODE_APP_INSTANCE"]))

    assert [spec.name for spec in described.specs] == ["shop/api"]
    assert first["argv"] == ["--from", "the shop", "7"]
    assert first["execArgv"] == ["--enable-source-maps", "--max-old-space-size=64"]
    assert first["cwd"] == str(stage.folder / "data")
    env = first["env"]
    assert (env["LEVEL"], env["DEEP"], env["ON"]) == ("error", '{"a":[1]}', "true")
    assert not {"NONE", "HOME", "LOGNAME"} & set(env)
    assert env["PATH"] == os.environ["PATH"]
    assert [one["env"]["PORT"] for one in (first, second)] == ["4000", "4001"]
    assert (await stage.unit("shop/api")).ports == (4000, 4001)
    assert [one["env"]["NODE_APP_INSTANCE"] for one in (first, second)] == ["0", "1"]


async def test_interpreters_are_those_that_pm2_takes(stage: Stage) -> None:
    stage.script("by_ending.py", "import sys; print('python', sys.argv[1:], sys.flags.optimize, flush=True); input()")
    stage.script("itself", "#!/bin/sh\necho itself $#; exec sleep 600")

    await stage.up(
        {"script": "by_ending.py", "args": ["a b"], "interpreter_args": "-O", "autorestart": False},
        {"script": "itself", "exec_interpreter": "none", "args": "one two", "name": "own"},
        {"script": "sleep", "args": "600", "name": "program", "filter_env": True},
        {"script": "env -u HOME sh -c 'echo $LEVEL; exec sleep 600'", "name": "line", "env": {"LEVEL": "7"}},
    )

    await until(lambda: "python ['a b'] 1" in stage.said("by_ending"))
    await until(lambda: "itself 2" in stage.said("own"))
    await until(lambda: stage.said("line") == "7\n")
    pid = next(iter(pids(await stage.unit("program"))))
    assert psutil.Process(pid).cmdline() == ["sleep", "600"]
    names = set(psutil.Process(pid).environ())
    assert {each for each in names if not each.startswith("OPSAGENT_")} == {"NODE_APP_INSTANCE", "PYTHONUNBUFFERED"}


async def test_output_goes_where_the_app_says(stage: Stage) -> None:
    stage.script("talk.sh", TALK)

    await stage.up(
        {
            "name": "apart",
            "script": "talk.sh",
            "out_file": "deep/er/out.log",
            "error_file": "err.log",
            "log_file": "both.log",
        },
        {"name": "half", "script": "talk.sh", "out_file": "NULL"},
        {"name": "silent", "script": "talk.sh", "disable_logs": True},
        {"name": "nowhere", "script": "talk.sh", "out_file": "/dev/null", "error_file": "/dev/null"},
        {"name": "own", "script": "talk.sh"},
    )

    await until(lambda: len(stage.read("both.log").splitlines()) == 2)
    assert (stage.read("deep/er/out.log"), stage.read("err.log")) == ("said\n", "complained\n")
    assert stat.S_IMODE((stage.folder / "err.log").stat().st_mode) == 0o600
    await until(lambda: stage.said("own") == "said\ncomplained\n")
    await until(lambda: stage.said("half") == "complained\n")
    for name in ("silent", "nowhere"):
        assert (await stage.unit(name)).state is UnitState.RUNNING
        assert not stage.own_log(name).exists()
    logs = (await stage.unit("apart")).logs
    assert logs == tuple(stage.folder / name for name in ("deep/er/out.log", "both.log", "err.log"))
    assert tuple(stage.supervisor.log_files(stage.id("apart"))) == logs


async def test_lines_are_dated_or_json_and_instances_have_files_of_their_own(stage: Stage) -> None:
    stage.script("talk.sh", f"printf 'no end'; sleep 0.5; echo; {TALK}")

    await stage.up(
        {"name": "dated", "script": "talk.sh", "log_date_format": "YYYY-MM-DD HH:mm:ss.SSS Z"},
        {"name": "timed", "script": "talk.sh", "time": True, "out_file": "timed.log"},
        {"name": "json", "script": "talk.sh", "log_type": "json", "out_file": "json.log"},
        {"name": "two", "script": "talk.sh", "instances": 2, "error_file": "two.log", "merge_logs": False},
        {"name": "one", "script": "talk.sh", "instances": 2, "error_file": "one.log", "combine_logs": True},
    )

    await until(lambda: stage.said("dated").count("\n") >= 4)
    dated = stage.said("dated").splitlines()
    form = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d: (no end|said|complained|)")
    assert all(form.fullmatch(line) for line in dated), dated
    await until(lambda: re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d: said$", stage.read("timed.log"), re.MULTILINE))
    await until(lambda: '"said"' in stage.read("json.log"))
    said = json.loads(stage.read("json.log").splitlines()[-1])
    assert (said["message"], said["type"], said["process_id"], said["app_name"]) == ("said", "out", 0, "json")
    complained = json.loads(stage.said("json"))
    assert (complained["message"], complained["type"]) == ("complained", "err")
    await until(lambda: [stage.read(f"two-{number}.log") for number in (0, 1)] == ["complained\n"] * 2)
    await until(lambda: stage.read("one.log") == "complained\n" * 2)
    assert stage.folder / "two-1.log" in (await stage.unit("two")).logs


async def test_a_log_that_cannot_be_written_is_the_reason_why_it_does_not_run(stage: Stage) -> None:
    stage.script("talk.sh", TALK)
    (stage.folder / "precious").write_text("keep")
    (stage.folder / "link.log").symlink_to(stage.folder / "precious")

    await stage.up({"name": "linked", "script": "talk.sh", "out_file": "link.log"})

    unit = await stage.unit("linked")
    assert unit.state is UnitState.EXITED
    assert "log cannot be written" in unit.reason
    assert "link.log" in unit.reason
    assert stage.read("precious") == "keep"


async def test_a_log_that_is_renamed_or_emptied_loses_no_line(stage: Stage) -> None:
    stage.script("count.sh", "n=0; while :; do echo $n; n=$((n+1)); sleep 0.001; done")
    await stage.up({"name": "count", "script": "count.sh", "out_file": "count.log"})
    log = stage.folder / "count.log"

    for number in (1, 2, 3):
        await until(lambda: log.exists() and log.stat().st_size > 200)
        log.rename(stage.folder / f"count.log.{number}")
    await stage.supervisor.reload_logs()
    size = (stage.folder / "count.log.3").stat().st_size
    await until(lambda: log.exists() and log.stat().st_size > 200)
    await stage.supervisor.stop(stage.id("count"))

    kept = "".join(stage.read(f"count.log.{number}") for number in (1, 2, 3)) + stage.read("count.log")
    found = [int(line) for line in kept.splitlines()]
    assert found == list(range(len(found)))
    assert (stage.folder / "count.log.3").stat().st_size == size


async def test_an_instance_has_a_pid_file_while_it_lives(stage: Stage) -> None:
    stage.script("wait.sh", SHELL)
    await stage.up(
        {"name": "one", "script": "wait.sh", "pid_file": "run/one.pid"},
        {"name": "two", "script": "wait.sh", "pid_file": "two.pid", "instances": 2},
    )

    one, two = await stage.unit("one"), await stage.unit("two")
    assert {int(stage.read("run/one.pid"))} == pids(one)
    assert {int(stage.read(f"two-{number}.pid")) for number in (0, 1)} == pids(two)

    await stage.supervisor.stop(one.id)
    assert not (stage.folder / "run/one.pid").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start processes of another user")
async def test_an_instance_runs_as_the_user_that_it_names(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    nobody = pwd.getpwnam("nobody")
    await stage.up(
        {"name": "as-nobody", "script": "sh -c 'id -u; id -g; id -G; echo $HOME $USER; sleep 601 & exec sleep 600'",
         "uid": "nobody", "kill_signal": "SIGTERM", "cwd": "/", "kill_timeout": 5000},
        {"name": "as-group", "script": "sh -c 'id -u; id -g; exec sleep 600'", "gid": "nogroup", "cwd": "/"},
    )  # fmt: skip

    await until(lambda: stage.said("as-nobody").count("\n") == 4)
    expected = [str(nobody.pw_uid), str(nobody.pw_gid), str(nobody.pw_gid), f"{nobody.pw_dir} nobody"]
    assert stage.said("as-nobody").splitlines() == expected
    unit = await stage.unit("as-nobody")
    assert unit.uid == nobody.pw_uid
    await until(lambda: stage.said("as-group").splitlines() == ["0", str(nobody.pw_gid)])

    left = [child.pid for pid in pids(unit) for child in psutil.Process(pid).children()]
    os.kill(next(iter(pids(unit))), 9)
    await stage.when("as-nobody", lambda now: pids(now) and pids(now) != pids(unit))
    assert left
    await until(lambda: not any(psutil.pid_exists(pid) for pid in left))  # it was found although it is another user's


async def test_instances_of_a_clustered_app_may_share_a_socket(stage: Stage, node: str, free_port: int) -> None:
    stage.script(
        "web.js",
        "const server = require('http').createServer((_, answer) => answer.end(`${process.pid}`));\n"
        "server.listen({ fd: Number(process.env.LISTEN_FD) }, () => process.send('ready'));\n"
        "process.on('SIGINT', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });",
    )

    described = await stage.up(
        {
            "name": "web",
            "script": "web.js",
            "interpreter": node,
            "instances": 2,
            "exec_mode": "cluster",
            "wait_ready": True,
            "port": free_port,
            "opsagent": {"share_socket": True, "health": {"http": f"http://127.0.0.1:{free_port}/"}},
        }
    )
    before = await stage.unit("web")
    answered = Counter(ask(free_port) for _ in range(20))
    assert before.surges
    assert before.numbered
    assert set(answered) <= set(map(str, pids(before)))
    assert any("LISTEN_FD" in str(note) for note in described.notes)

    numbers = {pid: psutil.Process(pid).environ()["NODE_APP_INSTANCE"] for pid in pids(before)}
    await stage.supervisor.reload(before.id)
    after = await stage.unit("web")
    assert not pids(after) & pids(before)
    assert sorted(psutil.Process(pid).environ()["NODE_APP_INSTANCE"] for pid in pids(after)) == sorted(numbers.values())

    old = after.processes[0]
    number = psutil.Process(old.pid).environ()["NODE_APP_INSTANCE"]
    await stage.supervisor.replace(after.id, old.key)
    last = await stage.unit("web")
    new = next(iter(pids(last) - pids(after)))
    assert psutil.Process(new).environ()["NODE_APP_INSTANCE"] == number
    assert int(ask(free_port)) in pids(last)


async def test_node_cluster_mode_is_refused_with_the_ways_out(stage: Stage, node: str) -> None:
    stage.script("web.js", "")

    with pytest.raises(ServicesFileError) as caught:
        await stage.up({"name": "web", "script": "web.js", "interpreter": node, "instances": 4, "exec_mode": "cluster"})

    said = str(caught.value)
    assert "apps[0].exec_mode (line 1)" in said
    assert "PM2" in said
    assert "share_socket" in said
    assert "exec_mode: 'fork'" in said


def test_without_cluster_mode_one_instance_runs_as_a_fork(tmp_path: Path, node: str) -> None:
    (tmp_path / "web.js").write_text("")
    file = tmp_path / "ecosystem.json"
    file.write_text(json.dumps({"script": "web.js", "interpreter": node, "exec_mode": "cluster"}))

    described = load(file)

    assert described.specs[0].instances == 1
    assert [note.key for note in described.notes] == ["exec_mode"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start processes of another user")
async def test_after_a_death_of_the_daemon_nothing_is_doubled_whoever_it_runs_as(stage: Stage) -> None:
    await stage.up(
        {"name": "theirs", "script": "sleep", "args": "600", "uid": "nobody", "cwd": "/"},
        {
            "name": "ours",
            "script": "sleep",
            "args": "600",
            "out_file": "ours.log",
            "wait_ready": True,
            "listen_timeout": 50,
        },
    )
    before = pids(await stage.unit("theirs")) | pids(await stage.unit("ours"))
    daemon = stage.engine.pid()
    assert daemon is not None

    os.kill(daemon, 9)
    await until(lambda: not stage.engine.is_running())
    assert all(psutil.pid_exists(pid) for pid in before)
    await stage.engine.ensure_running()

    after = await stage.unit("theirs")
    assert len(after.processes) == 1
    assert psutil.Process(after.processes[0].pid).username() == "nobody"
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start processes of another user")
@pytest.mark.parametrize("key", ["out_file", "error_file", "log_file", "pid_file"])
async def test_root_writes_no_file_where_the_services_user_could_lead_it_elsewhere(stage: Stage, key: str) -> None:
    theirs, precious = stage.folder / "theirs", stage.folder / "etc"
    for folder in (theirs, precious):
        folder.mkdir()
    os.chown(theirs, 65534, 65534)
    (theirs / "logs").symlink_to(precious)
    app = {"script": "sh -c 'echo x; echo y >&2; exec sleep 600'", "uid": 65534, "cwd": "/"}

    await stage.up(
        {**app, "name": "bad", key: str(theirs / "logs" / "a")}, {**app, "name": "good", key: str(stage.folder / "a")}
    )

    unit = await stage.unit("bad")
    assert unit.state is UnitState.EXITED
    assert f"others may change {theirs}" in unit.reason
    assert not list(precious.iterdir())
    assert (await stage.unit("good")).state is UnitState.RUNNING
    await until((stage.folder / "a").exists)
