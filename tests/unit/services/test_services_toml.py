"""services.toml is read strictly: what is right becomes a spec, what is wrong is one line that says how to mend it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from opsagent.naming import ENGINE
from opsagent_tools.services.spec import Health, ServiceSpec
from opsagent_tools.services.toml import RESERVED, SERVICE_KEYS, ServicesFileError, load_services, parse_services

Write = Callable[[str], Path]
DOCS = Path(__file__).parents[3] / "docs" / "services-toml.md"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str, name: str = "services.toml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return to_file


def error_of(path: Path) -> ServicesFileError:
    with pytest.raises(ServicesFileError) as caught:
        load_services(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.mend
    return caught.value


def test_every_key(write: Write, tmp_path: Path) -> None:
    path = write(
        """
        [services.api]
        command = ["bin/api", "--port", "8000"]
        cwd = "app"
        env = { LEVEL = "info", WORKERS = 4 }
        port = 8000
        share_socket = true
        instances = 2
        autorestart = false
        health = { http = "http://127.0.0.1:8000/health", interval_s = 1, timeout_s = 0.5, grace_s = 0 }
        depends_on = ["store"]
        logs = ["log/api.log", "/var/log/api.log"]
        max_memory = "1.5G"
        stop_signal = "int"
        stop_timeout_s = 3
        config_files = ["api.ini"]
        mode = { safe = "auto", disruptive = "approve" }
        protected = true

        [services.store]
        command = "store --name 'the store'"
        """
    )

    api, store = load_services(path)

    assert api == ServiceSpec(
        name="api",
        command=("bin/api", "--port", "8000"),
        cwd=tmp_path / "app",
        env={"LEVEL": "info", "WORKERS": "4"},
        port=8000,
        share_socket=True,
        instances=2,
        autorestart=False,
        health=Health(http="http://127.0.0.1:8000/health", interval_s=1.0, timeout_s=0.5, grace_s=0.0),
        depends_on=("store",),
        logs=(tmp_path / "app/log/api.log", Path("/var/log/api.log")),
        max_memory=int(1.5 * 2**30),
        stop_signal="SIGINT",
        stop_timeout_s=3.0,
        config_files=(tmp_path / "app/api.ini",),
        mode={"safe": "auto", "disruptive": "approve"},
        protected=True,
    )
    assert store == ServiceSpec(name="store", command=("store", "--name", "the store"), cwd=tmp_path)


def test_what_the_engine_does_by_itself(write: Write, tmp_path: Path) -> None:
    path = write(
        """
        [services.api]
        command = "api"
        autostart = false
        stop_exit_codes = [0, 3]
        min_uptime_s = 2
        max_restarts = 5
        restart_delay_s = 0.5
        restart_backoff_s = 0.1
        cron_restart = "0 3 * * 1-5"
        cron_zone = "Europe/Berlin"
        watch = ["src"]
        ignore_watch = ["*.tmp"]
        watch_delay_s = 1
        max_memory_restart = "300M"
        treekill = true
        shutdown_with_message = true
        node_channel = true
        wait_ready = true
        ready_timeout_s = 5
        surge = false
        instance_var = "NUMBER"
        increment_var = "PORT"
        filter_env = ["SECRET", "SECRET"]
        out_file = "out.log"
        error_file = "/var/log/err.log"
        log_file = "both.log"
        merge_logs = false
        log_date_format = "YYYY-MM-DD"
        log_type = "json"
        pid_file = "run/api.pid"
        """
    )

    assert load_services(path) == (
        ServiceSpec(
            name="api",
            command=("api",),
            cwd=tmp_path,
            autostart=False,
            stop_exit_codes=(0, 3),
            min_uptime_s=2.0,
            max_restarts=5,
            restart_delay_s=0.5,
            restart_backoff_s=0.1,
            cron_restart="0 3 * * 1-5",
            cron_zone="Europe/Berlin",
            watch=(tmp_path / "src",),
            ignore_watch=("*.tmp",),
            watch_delay_s=1.0,
            max_memory_restart=300 * 2**20,
            treekill=True,
            shutdown_with_message=True,
            node_channel=True,
            wait_ready=True,
            ready_timeout_s=5.0,
            surge=False,
            instance_var="NUMBER",
            increment_var="PORT",
            filter_env=("SECRET",),
            out_file=tmp_path / "out.log",
            error_file=Path("/var/log/err.log"),
            log_file=tmp_path / "both.log",
            merge_logs=False,
            log_date_format="YYYY-MM-DD",
            log_type="json",
            pid_file=tmp_path / "run/api.pid",
        ),
    )


@pytest.mark.parametrize(
    ("keys", "place", "problem"),
    [
        ("stop_exit_codes = 256", "stop_exit_codes", "must be from 0 to 255"),
        ("max_restarts = -1", "max_restarts", "must be from 0"),
        ("restart_backoff_s = 0", "restart_backoff_s", "must be above 0 seconds"),
        ('cron_restart = "0 25 * * *"', "cron_restart", "is no schedule"),
        ('cron_restart = "0 0 31 2 *"', "cron_restart", "no schedule|never due"),
        ('cron_restart = "0 3 * * *"\ncron_zone = "Mars/Olympus"', "cron_zone", "is no time zone"),
        ('cron_zone = "UTC"', "cron_zone", "is the zone of no schedule"),
        ("watch = 3", "watch", "must be true, false or a list of paths"),
        ('ignore_watch = ["{***********"]', "ignore_watch", "more than 8 stars"),
        ('instance_var = "A=B"', "instance_var", "cannot be the name of a variable"),
        ('instance_var = "OPSAGENT_UNIT"', "instance_var", "is set by the engine"),
        ('increment_var = "N"\nenv = { N = "x" }', "increment_var", "counts up N, which is 'x'"),
        ('uid = "no-such-user-here"', "uid", "is no user here"),
        ("gid = -1", "gid", "is no group"),
        ('log_date_format = "QQQ"', "log_date_format", "is no part of a date"),
        ('log_type = "xml"', "log_type", "is no type of log"),
        ('disable_logs = true\nout_file = "x"', "disable_logs", "goes with none of out_file"),
        ('out_file = "/dev/stdout"', "out_file", "is a device"),
        ("surge = 1", "surge", "must be a boolean"),
    ],
)
def test_what_does_not_fit_names_its_place(write: Write, keys: str, place: str, problem: str) -> None:
    error = error_of(write(f'[services.api]\ncommand = "x"\n{keys}'))

    assert error.place == f"services.api.{place}"
    assert error.line is not None
    assert re.search(problem, error.problem)


def test_a_path_from_the_current_directory_resolves_against_the_files_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write('[services.api]\ncommand = "./run"\ncwd = "../elsewhere"')
    monkeypatch.chdir(tmp_path)

    (api,) = load_services(Path("services.toml"))

    assert api.cwd == tmp_path.parent / "elsewhere"
    assert api.command == ("./run",)


@pytest.mark.parametrize(
    ("size", "count"), [("300M", 300 * 2**20), ("1 GiB", 2**30), ("10kb", 10240), ("512", 512), (1024, 1024)]
)
def test_sizes(write: Write, size: str | int, count: int) -> None:
    (api,) = load_services(write(f'[services.api]\ncommand = "x"\nmax_memory = {size!r}'))

    assert api.max_memory == count


@pytest.mark.parametrize(
    ("keys", "place", "problem", "mend"),
    [
        ('comand = "x"', "api.comand", "unknown key", "did you mean command?"),
        ("zzz = 1", "api.zzz", "unknown key", "known keys are command, cwd"),
        ("command = 3", "api.command", "is an integer, must be a list of strings or a string", "write for example"),
        ("command = []", "api.command", "is empty", "write for example"),
        ('command = ""', "api.command", "is empty", "write for example"),
        ('command = ["x", 3]', "api.command", "must be a list of strings", "write for example"),
        ('command = "x \'y"', "api.command", "cannot be split into words", "close the quotation"),
        ('command = "x\\u0000"', "api.command", "NUL", "remove it"),
        ("cwd = 3", "api.cwd", "must be a string", "write for example"),
        ("env = { A = true }", "api.env.A", "is a boolean", 'A = "True"'),
        ('env = { "A=B" = "c" }', "api.env.A=B", "cannot be the name", "use letters"),
        ('env = { LISTEN_FD = "3" }', "api.env.LISTEN_FD", "is set by the engine", "remove it"),
        ("port = 0", "api.port", "is 0, must be from 1 to 65535", "8000"),
        ('port = "8000"', "api.port", "is a string, must be an integer", "8000"),
        ("port = true", "api.port", "is a boolean, must be an integer", "8000"),
        ("share_socket = true", "api.share_socket", "needs a port", "add port = 8000"),
        ('share_socket = "yes"', "api.share_socket", "must be a boolean", "true or false"),
        ("instances = 0", "api.instances", "must be from 1", "2"),
        ("instances = 1.5", "api.instances", "is a number, must be an integer", "2"),
        ("health = 3", "api.health", "must be a table", "tcp"),
        ("health = {}", "api.health", "has neither http nor tcp", "add tcp"),
        ('health = { tcp = "a:1", http = "http://a" }', "api.health", "has both http and tcp", "exactly one"),
        ('health = { tpc = "a:1" }', "api.health.tpc", "unknown key", "did you mean tcp?"),
        ('health = { tcp = "8000" }', "api.health.tcp", "is not host:port", "127.0.0.1:8000"),
        ('health = { http = "ftp://a" }', "api.health.http", "is no http address", "http://"),
        ('health = { http = "http://a:b" }', "api.health.http", "is no http address", "http://"),
        ('health = { tcp = "a:1", timeout_s = 0 }', "api.health.timeout_s", "must be above 0", "write for example"),
        ('health = { tcp = "a:1", interval_s = inf }', "api.health.interval_s", "must be above 0", "write for example"),
        ('depends_on = "store"', "api.depends_on", "is a string, must be a list", '["store"]'),
        ('depends_on = ["stoer"]', "api.depends_on", "'stoer', which is no service", "did you mean store?"),
        ('depends_on = ["mysql"]', "api.depends_on", "'mysql', which is no service", "describe it too"),
        ('depends_on = ["api"]', "api.depends_on", "goes in a circle: api -> api", "remove one"),
        ('logs = "x"', "api.logs", "is a string, must be a list", "write for example"),
        ('max_memory = "300X"', "api.max_memory", "'300X' is no size", '"300M"'),
        ('max_memory = "0M"', "api.max_memory", "is no size", '"300M"'),
        ("max_memory = 1.5", "api.max_memory", "must be a size", '"300M"'),
        ('stop_signal = "SIGFOO"', "api.stop_signal", "'SIGFOO' is no signal", '"SIGTERM"'),
        ('stop_signal = "STOP"', "api.stop_signal", "does not end a process", '"SIGTERM"'),
        ("stop_timeout_s = -1", "api.stop_timeout_s", "must be above 0", "10"),
        ('mode = "automatic"', "api.mode", "'automatic' is no mode", "observe, suggest, approve, auto"),
        ('mode = { safe = "x" }', "api.mode.safe", "'x' is no mode", "observe, suggest"),
        ('mode = { read = "auto" }', "api.mode.read", "is no risk that has a mode", "safe, disruptive, destructive"),
        ("protected = 1", "api.protected", "must be a boolean", "true or false"),
    ],
)
def test_a_wrong_key_names_its_place_its_line_and_its_mend(
    write: Write, keys: str, place: str, problem: str, mend: str
) -> None:
    command = "" if keys.startswith("command") else 'command = "x"\n'
    text = f'[services.store]\ncommand = "y"\nport = 1\n\n[services.api]\n{command}{keys}\n'

    error = error_of(write(text))

    assert error.place == f"services.{place}"
    assert problem in error.problem
    assert mend in error.mend
    assert error.line == text.splitlines().index(keys) + 1
    assert f"(line {error.line})" in str(error)


def test_a_service_without_a_command(write: Write) -> None:
    error = error_of(write("[services.api]\nport = 8000\n"))

    assert (error.place, error.line, error.problem) == ("services.api", 1, "has no command")


def test_two_services_with_one_port(write: Write) -> None:
    error = error_of(write('[services.a]\ncommand="x"\nport = 80\n[services.b]\ncommand="x"\nport = 80\n'))

    assert (error.place, error.line) == ("services.b.port", 6)
    assert error.problem == "port 80 is already the port of a"


def test_a_circle_of_dependencies_is_named(write: Write) -> None:
    parts = [f'[services.{a}]\ncommand = "x"\ndepends_on = ["{b}"]\n' for a, b in ("ab", "bc", "ca")]

    assert error_of(write("".join(parts))).problem == "goes in a circle: a -> b -> c -> a"


def test_a_diamond_is_no_circle(write: Write) -> None:
    needs = {"a": '["b", "c"]', "b": '["d"]', "c": '["d"]', "d": "[]"}
    text = "".join(f'[services.{name}]\ncommand = "x"\ndepends_on = {other}\n' for name, other in needs.items())

    assert len(load_services(write(text))) == 4


@pytest.mark.parametrize("name", ["a b", "a/b", "a@b", "..", ".a", "", "a" * 65])
def test_names_that_no_service_can_have(write: Write, name: str) -> None:
    assert "is no name" in error_of(write(f'[services."{name}"]\ncommand = "x"')).problem


def test_a_service_cannot_be_taken_for_what_runs_it(write: Write) -> None:
    """Rules and modes of a supervisor's own daemon are others: it is brought back unasked."""
    assert ENGINE in RESERVED
    assert error_of(write('[services.engine]\ncommand = "x"')).problem == "is the name of what runs the services"


def test_nesting_without_end(write: Write) -> None:
    assert error_of(write("a = " + "[" * 20_000)).problem == "broken TOML: nested too deeply"


def test_names_may_be_of_any_script(write: Write) -> None:
    assert load_services(write('[services."주문-api"]\ncommand = "x"'))[0].name == "주문-api"


def test_names_that_differ_in_case_only(write: Write) -> None:
    error = error_of(write('[services.api]\ncommand="x"\n[services.API]\ncommand="x"\n'))

    assert error.problem == "differs from api only in upper and lower case"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ('[services.api]\ncommand = "x\n', 2, "broken TOML"),
        ("[services.api\n", 1, "broken TOML"),
        ("[services.api]\ncommand = 'x'\ncommand = 'y'\n", 3, "broken TOML"),
    ],
)
def test_broken_toml_names_the_line(write: Write, text: str, line: int, problem: str) -> None:
    error = error_of(write(text))

    assert error.line == line
    assert problem in error.problem


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("", "add a table such as [services.api]"),
        ("[services]\n", "add a table such as [services.api]"),
        ('[api]\ncommand = "x"\n', "did you mean [services.api]?"),
        ('name = "x"\n[services.api]\ncommand = "x"\n', "only [services.NAME] tables"),
        ("[services]\napi = 3\n", "write [services.api]"),
    ],
)
def test_files_that_describe_no_service(write: Write, text: str, mend: str) -> None:
    assert mend in error_of(write(text)).mend


def test_every_key_of_this_table_is_read_and_documented() -> None:
    keys = DOCS.read_text().partition("## Modes")[0]
    documented = re.findall(r"^\| `(\w+)` \|", keys, re.MULTILINE)

    assert sorted(SERVICE_KEYS) == sorted(documented)
    assert set(SERVICE_KEYS) == {each.name for each in fields(ServiceSpec)} - {"name", "independent"}


@pytest.mark.parametrize(
    ("line", "independent"), [("depends_on = []", True), ('depends_on = ["b"]', False), ("", False)]
)
def test_a_service_that_depends_on_nothing_is_told_from_one_of_which_nothing_is_said(
    write: Write, line: str, independent: bool
) -> None:
    api, _ = load_services(write(f'[services.a]\ncommand = "x"\n{line}\n[services.b]\ncommand = "x"\n'))
    assert api.independent is independent


def test_a_missing_file(tmp_path: Path) -> None:
    assert error_of(tmp_path / "services.toml").problem == "no such file"


def test_a_folder(tmp_path: Path) -> None:
    assert error_of(tmp_path).problem == "is a folder"


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(write: Write) -> None:
    path = write("")
    path.chmod(0)

    assert "cannot be read: Permission denied" in error_of(path).problem


def test_a_file_that_cannot_be_read_at_all(tmp_path: Path) -> None:
    path = tmp_path / "services.toml"
    path.symlink_to(path)

    assert "cannot be read" in error_of(path).problem


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "services.toml"
    path.write_bytes(b"[services.api]\ncommand = '\xff'\n")

    error = error_of(path)
    assert (error.problem, error.line) == ("is not UTF-8 text", 2)


def test_control_characters_in_the_file_do_not_reach_the_terminal(write: Write) -> None:
    error = error_of(write('[services.api]\ncommand = "x"\n"\\u001b[2J" = 1\n'))

    assert "\x1b" not in str(error)


def test_loaded_tables_are_read_as_strictly_and_may_lack_a_command(tmp_path: Path) -> None:
    file, source = tmp_path / "config.toml", '[services.api]\nprotected = true\ndepends_on = ["db"]\n'
    tables = tomllib.loads(source)["services"]

    (api,) = parse_services(tables, file=file, source=source, need_command=False, known=None)

    assert (api.command, api.protected, api.depends_on, api.cwd) == ((), True, ("db",), tmp_path)
    with pytest.raises(ServicesFileError, match="'db', which is no service here"):
        parse_services(tables, file=file, source=source, need_command=False)
    assert parse_services(tables, file=file, need_command=False, known=["db"]) == (api,)
    with pytest.raises(ServicesFileError, match="has no command"):
        parse_services(tables, file=file, known=None)
