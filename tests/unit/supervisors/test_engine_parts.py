"""The parts of the engine that need no daemon."""

from __future__ import annotations

import stat
import subprocess
import time
from dataclasses import fields, replace
from pathlib import Path

import psutil
import pytest

from opsagent_tools.services.spec import Health, ServiceSpec
from opsagent_tools.supervisors.circus import ending, marks, procfs
from opsagent_tools.supervisors.circus.engine import base_env
from opsagent_tools.supervisors.circus.environment import service_env
from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.circus.slots import MAX_DELAY_S, restart_delay
from opsagent_tools.supervisors.circus.state import Base, State, StateFile, Wanted, spec_from_json
from opsagent_tools.supervisors.circus.watcher import STARTED_WITH, process_keys


def full_spec(folder: Path) -> ServiceSpec:
    return ServiceSpec(
        name="api",
        command=("python3", "api.py"),
        cwd=folder,
        env={"A": "1"},
        port=8000,
        health=Health(tcp="127.0.0.1:8000"),
        depends_on=("store",),
        independent=True,
        logs=(folder / "a.log",),
        config_files=(folder / "a.ini",),
        aliases=("the gateway",),
        mode={"safe": "auto"},
        protected=True,
        share_socket=True,
        instances=2,
        autostart=False,
        autorestart=False,
        stop_exit_codes=(0, 3),
        min_uptime_s=2.0,
        max_restarts=5,
        restart_delay_s=1.0,
        restart_backoff_s=0.1,
        cron_restart="0 3 * * *",
        cron_zone="Europe/Berlin",
        watch=(folder / "src",),
        ignore_watch=("*.tmp",),
        watch_delay_s=1.0,
        max_memory=2,
        max_memory_restart=1,
        stop_signal="SIGINT",
        stop_timeout_s=3.0,
        treekill=False,
        shutdown_with_message=True,
        node_channel=True,
        wait_ready=True,
        ready_timeout_s=4.0,
        surge=False,
        instance_var="NUMBER",
        increment_var="PORT",
        filter_env=("SECRET",),
        uid=1000,
        gid=1000,
        out_file=folder / "out.log",
        error_file=folder / "error.log",
        log_file=folder / "both.log",
        merge_logs=False,
        log_date_format="YYYY",
        reopen_signal="SIGHUP",
        log_level_signal="SIGUSR2",
        log_type="json",
        disable_logs=True,
        pid_file=folder / "api.pid",
    )


def test_the_full_spec_of_these_tests_leaves_nothing_at_its_default(tmp_path: Path) -> None:
    bare = ServiceSpec(name="bare", cwd=tmp_path.parent)
    full = full_spec(tmp_path)

    assert [each.name for each in fields(full) if getattr(full, each.name) == getattr(bare, each.name)] == []


def test_what_was_applied_is_remembered_exactly(tmp_path: Path) -> None:
    wanted = Wanted(spec=full_spec(tmp_path), instances=3, phase="stopped", reason="why", last_exit=-9)
    state = State(base=Base(env={"PATH": "/bin"}, umask=0o027), services=(wanted,))

    StateFile(tmp_path).save(state)

    assert StateFile(tmp_path).load() == state
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]


def test_what_an_older_version_wrote_is_read_with_the_defaults_of_what_it_did_not_know(tmp_path: Path) -> None:
    old: dict[str, object] = {
        "name": "api",
        "command": ["x"],
        "cwd": str(tmp_path),
        "env": {},
        "health": None,
        "logs": [],
    }

    assert spec_from_json(old) == ServiceSpec(name="api", command=("x",), cwd=tmp_path)


def test_every_key_of_a_service_either_replaces_its_instances_or_is_known_not_to(tmp_path: Path) -> None:
    without = {
        "name", "instances", "autostart", "autorestart", "stop_exit_codes", "min_uptime_s", "max_restarts",
        "restart_delay_s", "restart_backoff_s", "cron_restart", "cron_zone", "watch", "ignore_watch", "watch_delay_s",
        "health", "depends_on", "independent", "logs", "max_memory", "max_memory_restart", "stop_signal", "stop_timeout_s", "treekill",
        "shutdown_with_message", "node_channel", "ready_timeout_s", "surge", "config_files", "mode", "protected",
        "reopen_signal", "log_level_signal", "aliases",
    }  # fmt: skip

    assert without | set(STARTED_WITH) | {"command", "cwd"} == {each.name for each in fields(ServiceSpec)}
    assert not without & set(STARTED_WITH)
    bare = ServiceSpec(name="api", cwd=tmp_path)
    assert process_keys(replace(bare, node_channel=True)) != process_keys(bare)
    assert process_keys(replace(bare, stop_timeout_s=1.0)) == process_keys(bare)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "base": 3, "services": []}'])
def test_a_broken_state_is_an_error_that_names_the_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "state.json").write_text(content)

    with pytest.raises(EngineError, match=r"state\.json: cannot be used"):
        StateFile(tmp_path).load()


def test_the_record_of_processes_means_nothing_after_a_reboot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = marks.Started(pid=1, birth=2.0, unit="api", instance="x")
    StateFile(tmp_path).save_processes([record])

    assert StateFile(tmp_path).load_processes() == (record,)
    monkeypatch.setattr(procfs, "boot_id", lambda: "another")
    assert StateFile(tmp_path).load_processes() == ()


def test_the_delay_before_a_restart_grows_to_a_limit() -> None:
    delays = [restart_delay(failures) for failures in range(1, 12)]

    assert delays[:4] == [0.0, 0.1, 0.2, 0.4]
    assert delays == sorted(delays)
    assert delays[-1] == MAX_DELAY_S


def test_services_get_a_base_of_the_callers_environment() -> None:
    environ = {"PATH": "/bin", "LC_ALL": "C", "LANG": "C", "AWS_SECRET_ACCESS_KEY": "x", "PYTHONPATH": "/evil"}

    assert base_env(environ) == {"PATH": "/bin", "LC_ALL": "C", "LANG": "C"}


def test_the_services_own_variables_win_over_the_base_but_not_over_the_mark(tmp_path: Path) -> None:
    spec = ServiceSpec(
        name="api", command=("x",), cwd=tmp_path, env={"PATH": "/own", "OPSAGENT_ENGINE": "forged"}, port=1
    )

    found = service_env(Base(env={"PATH": "/bin", "LISTEN_FD": "9"}), spec, "engine", None)

    assert (found["PATH"], found["OPSAGENT_ENGINE"], found["PORT"]) == ("/own", "engine", "1")
    assert "LISTEN_FD" not in found
    assert service_env(Base(), spec, "engine", 7)["LISTEN_FD"] == "7"


def test_start_times_are_those_of_psutil() -> None:
    stat_ = procfs.read_stat(psutil.Process().pid)

    assert stat_ is not None
    assert procfs.epoch(stat_.birth, procfs.boot_time()) == psutil.Process().create_time()


def test_a_process_that_is_gone_or_a_zombie_has_no_stat() -> None:
    with subprocess.Popen(["true"]) as child:
        deadline = time.monotonic() + 10
        while procfs.read_stat(child.pid) is not None:
            assert time.monotonic() < deadline
        assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert procfs.read_stat(child.pid) is None


def test_ending_takes_the_process_that_was_meant_or_none() -> None:
    with subprocess.Popen(["sleep", "600"]) as child:
        birth = procfs.read_birth(child.pid)

        assert ending.end_processes([(child.pid, birth + 1)], timeout_s=0.1) == ()
        assert child.poll() is None

        assert ending.end_processes([(child.pid, birth)]) == ()
        assert child.wait(10) == -15


def test_the_callers_own_processes_never_count_as_survivors(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {marks.ENGINE: "me", marks.UNIT: "circus:api@host"}
    with subprocess.Popen(["sleep", "600"], env=environment) as child:
        try:
            everyone = [(procfs.Stat(pid, "S", 1, 1, 0.0), environment) for pid in procfs.ancestors(child.pid)]
            monkeypatch.setattr(procfs, "own_processes", lambda users: iter(everyone))

            assert [(one.pid, one.unit) for one in marks.find_marked("me")] == [(child.pid, "api")]
        finally:
            child.kill()
