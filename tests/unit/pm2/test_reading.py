"""What PM2 says of an app, read with suspicion: its log, its record, its saved list, what starts it at boot."""

from __future__ import annotations

import os
import pwd
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent_tools.supervisors.pm2.changes import environment, is_bound_to_port
from opsagent_tools.supervisors.pm2.daemon_log import EndedBy, Exits, last_daemon, parse
from opsagent_tools.supervisors.pm2.dump import DumpUnreadable, drift, read
from opsagent_tools.supervisors.pm2.findings_boot import startup_of
from opsagent_tools.supervisors.pm2.setup import actions_of, metrics_of, setup_of
from opsagent_tools.supervisors.pm2.units import App, Claims, read_apps, text, unit_name
from opsagent_tools.units import UnitId

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["pm_id", "name", "namespace", "status", "exec_mode", "exit_code", "env", "axm_monitor", "uid",
                        "axm_actions", "args", "pm_exec_path", "pm_out_log_path", "kill_timeout", "watch", "versioning",
                        "stop_exit_codes", "max_memory_restart", "pm_uptime", "restart_time"])  # fmt: skip


def app(**env: Any) -> App:
    """One process as PM2 lists it."""
    (found,) = read_apps([{"pid": 0, "pm2_env": {"pm_id": 0, "name": "api", "status": "online", **env}}])
    return found


@given(st.dictionaries(KEYS, JSON, max_size=12), JSON)
def test_whatever_a_daemon_says_is_read_or_left_out(env: dict[str, Any], pid: Any) -> None:
    found = read_apps([{"pid": pid, "pm_id": 0, "name": "api", "pm2_env": env, "monit": pid}, pid, {"pm2_env": pid}])
    for one in found:
        Claims(os.geteuid()).process(one)
        setup = setup_of(UnitId.local("pm2", one.unit), [one])
        assert one.name
        assert text(one.name) == one.name
        assert setup.shape in {"fork", "cluster"}


def test_metrics_of_several_processes_are_put_together_as_the_app_says() -> None:
    def probe(value: object, kind: str) -> dict[str, object]:
        return {"value": value, "agg_type": kind}

    one = app(axm_monitor={"queue": probe(3, "sum"), "delay": probe("4.0", "avg"), "peak": probe(7, "max"), "x": "no"})
    two = app(axm_monitor={"queue": probe(2, "sum"), "delay": probe("2.0", "avg"), "peak": probe(5, "max")})
    assert metrics_of([one, two]) == {"queue": 5, "delay": 3.0, "peak": 7}
    assert metrics_of([app(axm_monitor=None)]) == {}
    named = [{"action_name": "drain"}, {"action_name": 3}, "x"]
    assert actions_of([app(axm_actions=named), app(axm_actions=named)]) == ("drain",)


def test_secrets_of_an_app_do_not_leave_in_its_setup() -> None:
    env = {"DB_PASSWORD": "hunter2", "LEVEL": "info", "URL": "postgres://u:hunter3@db/x", "N": 3}
    args = ["--token=ghp_" + "a" * 36]
    setup = setup_of(UnitId.local("pm2", "api"), [app(env=env, args=args, pm_exec_path="/srv/api.js")])
    shown = f"{setup} {setup.env} {setup.more}"
    assert setup.env["LEVEL"] == "info"
    assert not any(secret in shown for secret in ("hunter2", "hunter3", "ghp_"))


def test_a_variable_is_set_kept_or_taken_away() -> None:
    one = app(env={"A": "1", "B": "2", "name": "x"})
    assert environment(None, one) == {}
    assert environment({"A": "9"}, one) == {"A": "9"}
    assert environment({"A": "9", "B": None}, one) == {
        "A": "9", "current_conf": {"env": {"A": "9", "name": "x"}, "B": "null"},
    }  # fmt: skip
    # a variable that is called like a setting of PM2's own must not take that away
    assert environment({"name": None}, one) == {"current_conf": {"env": {"A": "1", "B": "2"}}}


def test_instances_that_would_take_the_same_port_are_known_by_its_number() -> None:
    assert is_bound_to_port([app(env={"PORT": "8000"})])
    assert not is_bound_to_port([app(env={"PORT": "8000"}, increment_var="PORT")])
    assert not is_bound_to_port([app(env={"PORT": "8000"}), app(env={"PORT": "8000"})])  # they do it already
    assert not is_bound_to_port([app(env={"PORT": "many"})])


_OVER_LIMIT = (
    "[PM2][WORKER] Process 0 restarted because it exceeds --max-memory-restart value (current_memory=314572800 "
    "max_memory_limit=104857600 [octets])"
)


@pytest.mark.parametrize(
    ("lines", "code", "reason"),
    [
        (["App [api:0] exited with code [0] via signal [SIGSEGV]"], -signal.SIGSEGV, ""),
        (["App [api:0] exited with code [1] via signal [SIGINT]"], 1, ""),
        (["App [api:0] exited with code [0] via signal [SIGINT]"], None, ""),
        (["App [other:1] exited with code [3] via signal [SIGINT]"], None, ""),
        (
            [_OVER_LIMIT, "App [api:0] exited with code [0] via signal [SIGINT]"],
            None, "over its memory limit (300 MB of 100 MB)",
        ),
        (
            ["2026-01-02T03:04:05: PM2 log: Process with pid 71 still alive after 1600ms, sending SIGKILL"], None,
            "did not end within 1600 ms, so PM2 killed it",
        ),
    ],
)  # fmt: skip
def test_the_log_of_the_daemon_names_signal_and_reason(lines: list[str], code: int | None, reason: str) -> None:
    exits = Exits()
    exits.hear("\n".join(lines), 10.0)
    found = exits.of(name="api", pm_id=0, pid=71, at=11.0)
    assert (found.code, found.reason) == (code, reason)
    assert exits.of(name="api", pm_id=0, pid=71, at=11.0).reason == ""  # told once


@given(st.text(max_size=300))
def test_no_line_of_a_log_is_too_strange(line: str) -> None:
    parse(line)
    Exits().hear(f"App [{line}:0] exited with code [0] via signal [{line}]", 0.0)


@pytest.mark.parametrize(
    ("log", "by"),
    [
        ("", EndedBy.NEVER),
        ("PM2 log: --- New PM2 Daemon started ------\n", EndedBy.NOBODY),
        ("PM2 log: --- New PM2 Daemon started ------\nPM2 log: PM2 successfully stopped\n", EndedBy.A_PERSON),
        ("PM2 log: PM2 successfully stopped\nPM2 log: --- New PM2 Daemon started ---\n", EndedBy.NOBODY),
        ("PM2 log: pm2 has been killed by signal, dumping process list before exit...\n", EndedBy.A_SIGNAL),
        ("PM2 error: [PM2] Resurrecting PM2\n", EndedBy.ITSELF),
    ],
)
def test_who_ended_the_last_daemon_stands_in_its_log(tmp_path: Path, log: str, by: EndedBy) -> None:
    (tmp_path / "pm2.log").write_text(log)
    assert last_daemon(tmp_path, os.geteuid()).ended_by is by
    assert last_daemon(tmp_path, os.geteuid() + 1).ended_by is EndedBy.NEVER


def test_a_daemon_that_was_killed_before_its_first_line_did_run(tmp_path: Path) -> None:
    (tmp_path / "pm2.log").touch()
    (tmp_path / "pm2.pid").write_text("71")
    assert last_daemon(tmp_path, os.geteuid()).ended_by is EndedBy.NOBODY


def test_a_saved_list_that_is_broken_is_read_from_its_backup(tmp_path: Path) -> None:
    uid = os.geteuid()
    assert read(tmp_path, uid) is None
    (tmp_path / "dump.pm2").write_text("[{")
    with pytest.raises(DumpUnreadable):
        read(tmp_path, uid)
    (tmp_path / "dump.pm2.bak").write_text('[{"name": "api"}]')
    saved = read(tmp_path, uid)
    assert saved is not None
    assert saved.file == "dump.pm2.bak"
    (tmp_path / "dump.pm2").unlink()
    (tmp_path / "dump.pm2").symlink_to("dump.pm2.bak")
    again = read(tmp_path, uid)
    assert again is not None
    assert again.file == "dump.pm2.bak"  # a link is not followed


def test_drift_names_what_a_reboot_would_change_and_no_value() -> None:
    saved: list[dict[str, Any]] = [
        {"name": "api", "env": {"KEY": "hunter2", "PATH": "/bin"}},
        {"name": "gone"},
        {"name": "down"},
    ]
    runs: list[dict[str, Any]] = [{"name": "api", "env": {"KEY": "hunter3", "PATH": "/bin"}, "pm_id": 0}, {"name": "api", "pm_id": 1},
            {"name": "new", "pm_id": 2}, {"name": "down", "status": "stopped", "pm_id": 3},
            {"name": "pm2-logrotate", "pmx_module": True, "pm_id": 4}]  # fmt: skip
    found = drift(saved, runs)
    assert (found.lost, found.returning, found.counts, found.started) == (
        ("new",), ("gone",), (("api", 2, 1),), ("down",),
    )  # fmt: skip
    assert found.changed == (("api", ("env.KEY",)),)
    assert "hunter" not in found.words()
    assert not drift(saved, [{**one, "pm_id": number} for number, one in enumerate(saved)])


def test_what_starts_pm2_at_boot_is_found_where_it_may_be(tmp_path: Path) -> None:
    uid, home = os.geteuid(), Path("/srv/pm2")
    units = tmp_path / "etc/systemd/system"
    (units / "multi-user.target.wants").mkdir(parents=True)
    assert startup_of(home, uid, root=tmp_path) is None

    unit = units / "pm2-deploy.service"
    unit.write_text(f"[Service]\nEnvironment=PM2_HOME={home}\nExecStart=/usr/bin/pm2 resurrect\n")
    found = startup_of(home, uid, root=tmp_path)
    assert found is not None
    assert (found.name, found.enabled) == ("pm2-deploy.service", False)
    (units / "multi-user.target.wants" / unit.name).symlink_to(unit)
    enabled = startup_of(home, uid, root=tmp_path)
    assert enabled is not None
    assert enabled.enabled
    assert startup_of(Path("/srv/other"), uid, root=tmp_path) is None

    user = pwd.getpwuid(uid).pw_name
    table = tmp_path / "var/spool/cron/crontabs" / user
    table.parent.mkdir(parents=True)
    table.write_text("@reboot PM2_HOME=/srv/other pm2 resurrect\n")
    cron = startup_of(Path("/srv/other"), uid, root=tmp_path)
    assert cron is not None
    assert cron.name == f"crontab of {user}"


def test_no_two_apps_become_one_unit() -> None:
    apps = [("api", ""), ("api", "default"), ("api", "blue"), ("blue/api", "default"), ("b/c", "a"), ("c", "a/b")]
    assert [unit_name(*app) for app in apps] == [
        "api", "api", "blue/api", "default/blue/api", "a/b/c", "a%2Fb/c",
    ]  # fmt: skip
