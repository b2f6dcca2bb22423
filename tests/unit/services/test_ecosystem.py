"""Ecosystem files in JSON and YAML: what PM2 means by them becomes a service, what it cannot mean is one line."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsagent_tools.services.described import Described
from opsagent_tools.services.ecosystem import documents, values
from opsagent_tools.services.ecosystem.keys import ALIASES, KEYS, Fate
from opsagent_tools.services.ecosystem.reader import describe
from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.services.fields import Wrong
from opsagent_tools.services.load import load
from opsagent_tools.services.spec import ServiceSpec
from tests.support.pm2 import PACKAGE

DOCS = Path(__file__).parents[3] / "docs" / "ecosystem.md"
Write = Callable[[str], Path]


@pytest.fixture
def app(tmp_path: Path) -> Callable[..., ServiceSpec]:
    """The service that an app becomes; it is a program unless the test names a script."""

    def read(env_name: str = "", **keys: object) -> ServiceSpec:
        return one(tmp_path, {"script": "sleep", "args": "9", **keys}, env_name)

    return read


def one(folder: Path, raw: Mapping[str, object], env_name: str = "") -> ServiceSpec:
    (spec,) = described(folder, raw, env_name).specs
    return spec


def described(folder: Path, raw: object, env_name: str = "") -> Described:
    file = folder / "ecosystem.json"
    file.write_text(json.dumps(raw, indent=1))
    return load(file, env_name=env_name)


def complaint(folder: Path, raw: object, env_name: str = "") -> ServicesFileError:
    with pytest.raises(ServicesFileError) as caught:
        described(folder, raw, env_name)
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_table_in_the_docs_is_that_of_the_code() -> None:
    rows = []
    for name, key in KEYS.items():
        also = f" ({', '.join(key.aliases)})" if key.aliases else ""
        says = f"{key.says}; {key.mend}" if key.mend else key.says
        rows.append(f"| `{name}`{also} | {key.fate} | {says} |")
    shown = [line for line in DOCS.read_text().splitlines() if re.match(r"\| `\w+`.* \| (?!\|)", line)]

    assert [line for line in shown if not line.startswith("| `env_NAME`")] == rows


def test_every_key_that_pm2_knows_has_a_fate_and_the_same_other_names() -> None:
    schema = PACKAGE / "lib" / "API" / "schema.json"
    if not schema.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("needs PM2 in tests/node: .ci/setup tests", pytrace=False)
        pytest.skip("needs PM2 in tests/node: .ci/setup tests")
    known = json.loads(schema.read_text())

    assert set(known) - {r"^env_\S*$"} == set(KEYS) - {"opsagent", "kill_signal"}
    for name, about in known.items():
        alias = about.get("alias", [])
        for other in [alias] if isinstance(alias, str) else alias:
            assert ALIASES[other] == name


@pytest.mark.parametrize("name", [name for name, key in KEYS.items() if not key.counts])
def test_a_key_without_effect_is_noted_and_a_refused_one_is_an_error(tmp_path: Path, name: str) -> None:
    raw = {"name": "api", "script": "sleep", "args": "9", name: "some"}

    if KEYS[name].fate is Fate.REFUSED:
        error = complaint(tmp_path, {"apps": [raw]})
        assert error.place == f"apps[0].{name}"
        assert KEYS[name].says in error.problem
        assert error.mend
        assert error.line == 7
    else:
        (note,) = described(tmp_path, {"apps": [raw]}).notes
        assert (note.service, note.key) == ("api", name)
        assert KEYS[name].says in note.says


def test_what_pm2_takes_for_granted_is_so_here(app: Callable[..., ServiceSpec], tmp_path: Path) -> None:
    assert app() == ServiceSpec(
        name="sleep",
        command=("sleep", "9"),
        cwd=tmp_path,
        max_restarts=16,
        stop_signal="SIGINT",
        stop_timeout_s=1.6,
        treekill=True,
        instance_var="NODE_APP_INSTANCE",
        surge=False,
    )


@pytest.mark.parametrize(
    ("keys", "field", "expected"),
    [
        ({"min_uptime": "2m"}, "min_uptime_s", 120.0),
        ({"min_uptime": 1500}, "min_uptime_s", 1.5),
        ({"minUptime": "5s"}, "min_uptime_s", 5.0),
        ({"max_restarts": "3"}, "max_restarts", 3),
        ({"restart_delay": 250}, "restart_delay_s", 0.25),
        ({"exp_backoff_restart_delay": 100}, "restart_backoff_s", 0.1),
        ({"exp_backoff_restart_delay": 0}, "restart_backoff_s", None),
        ({"max_memory_restart": "300M"}, "max_memory_restart", 300 * 2**20),
        ({"max_memory_restart": "1G"}, "max_memory", 2**30),
        ({"max_memory_restart": 1024}, "max_memory_restart", 1024),
        ({"kill_timeout": 3000}, "stop_timeout_s", 3.0),
        ({"kill_timeout": 0}, "stop_timeout_s", 1.6),
        ({"listen_timeout": 8000}, "ready_timeout_s", 8.0),
        ({"stop_exit_codes": 0}, "stop_exit_codes", (0,)),
        ({"stop_exit_codes": ["1", 2]}, "stop_exit_codes", (1, 2)),
        ({"autorestart": False}, "autorestart", False),
        ({"autostart": False}, "autostart", False),
        ({"cron_restart": 0}, "cron_restart", ""),
        ({"watch": "false_folder"}, "watch", "false_folder"),
        ({"watch": False}, "watch", ()),
        ({"ignore_watch": "logs"}, "ignore_watch", ("logs",)),
        ({"watch_delay": 1000}, "watch_delay_s", 1.0),
        ({"filter_env": True}, "filter_env", ("*",)),
        ({"filter_env": "REACT_"}, "filter_env", ("=REACT_",)),
        ({"filter_env": ["REACT_"]}, "filter_env", ("REACT_",)),
        ({"instances": 3}, "instances", 3),
        ({"instances": "max"}, "instances", os.cpu_count()),
        ({"instances": 0}, "instances", os.cpu_count()),
        ({"instances": -1000}, "instances", 1),
        ({"instances": 3}, "merge_logs", False),
        ({}, "merge_logs", True),
        ({"instances": 3, "combine_logs": True}, "merge_logs", True),
        ({"time": True}, "log_date_format", "YYYY-MM-DDTHH:mm:ss"),
        ({"out_file": "NULL", "error_file": "/dev/null"}, "disable_logs", True),
        ({"output": "a.log"}, "out_file", "a.log"),
        ({"err": "b.log"}, "error_file", "b.log"),
        ({"log": "c.log"}, "log_file", "c.log"),
        ({"pid": "d.pid"}, "pid_file", "d.pid"),
        ({"name": "api", "namespace": "shop"}, "name", "shop/api"),
        ({"name": "api", "namespace": "default"}, "name", "api"),
        ({"name": "api", "name_prefix": "blue"}, "name", "blue:api"),
        ({"script": "env -u A sleep 9", "args": None}, "command", ("env", "-u", "A", "sleep", "9")),
        ({"args": "a 'b c'"}, "command", ("sleep", "a", "b c")),
        ({"args": ["a", 7]}, "command", ("sleep", "a", "7")),
        ({"wait_ready": True}, "has_channel", True),
        ({"opsagent": {"share_socket": True}, "port": 8000}, "surge", True),
        ({"opsagent": {"protected": True}}, "protected", True),
    ],
)
def test_values_are_read_as_pm2_reads_them(
    app: Callable[..., ServiceSpec], tmp_path: Path, keys: dict[str, object], field: str, expected: object
) -> None:
    found = getattr(app(**keys), field)

    if field == "watch" and expected:
        assert found == (tmp_path / str(expected),)
    else:
        assert found == (tmp_path / str(expected) if isinstance(found, Path) else expected)


def test_profiles_go_over_the_environment(tmp_path: Path) -> None:
    apps = [
        {"name": "a", "script": "sleep", "env": {"X": 1, "Y": True}, "env_production": {"X": "2"}},
        {"name": "b", "script": "sleep", "env_staging": {"X": "3"}, "append_env_to_name": True, "port": 8000},
    ]
    document = {"apps": apps, "deploy": {"production": {"env": {"X": "0", "Z": "9"}}}}

    a, b = described(tmp_path, document, "production").specs
    assert dict(a.env) == {"X": "2", "Y": "true", "Z": "9"}
    assert (b.name, dict(b.env), b.port) == ("b-production", {"X": "0", "Z": "9"}, 8000)
    assert ("b-production", "env") in {
        (note.service, note.key) for note in described(tmp_path, document, "production").notes
    }
    assert dict(described(tmp_path, document).specs[0].env) == {"X": "1", "Y": "true"}
    error = complaint(tmp_path, document, "prodution")
    assert (error.problem, error.mend) == ("no app has env_prodution", "did you mean production?")


@pytest.mark.parametrize(
    ("apps", "place", "problem", "mend"),
    [
        ([], "apps", "describes no app", "add apps"),
        (["x"], "apps[0]", "is no object", "write {"),
        ([{}], "apps[0].script", "has no script", "add script"),
        ([{"script": "no-such-program-here"}], "apps[0].script", "is no file in", "correct script"),
        ([{"script": "sleep", "exec_interpretr": "x"}], "apps[0].exec_interpretr", "unknown key", "exec_interpreter?"),
        ([{"script": "sleep", "cron": "x"}], "apps[0].cron", "is no schedule", "write minute"),
        ([{"script": "sleep", "interpreter": "node@18"}], "apps[0].interpreter", "by nvm", "path of that node"),
        ([{"script": "sleep", "max_memory_restart": "3X"}], "apps[0].max_memory_restart", "is no size", "300M"),
        ([{"script": "sleep", "exec_mode": "clustr"}], "apps[0].exec_mode", "is no way to run", "fork or cluster"),
        ([{"script": "sleep", "exec_mode": "cluster"}], "apps[0].exec_mode", "for Node alone", "fork"),
        ([{"script": "sleep", "env": "A=1"}], "apps[0].env", "must be an object", "write env"),
        ([{"script": "sleep", "env": {"A=": "1"}}], "apps[0].env", "cannot be the name", "use letters"),
        ([{"script": "sleep", "watch": ["src/**"]}], "apps[0].watch", "is a pattern", "ignore_watch"),
        ([{"script": "sleep 1 | cat", "name": "a"}], "apps[0].script", "a pipe", "script"),
        ([{"script": "serve"}], "apps[0].script", "file server", "web server"),
        ([{"script": "sleep", "node_args": "-x"}], "apps[0].node_args", "there is none", "args"),
        ([{"script": "sleep", "out": "a", "out_file": "b"}], "apps[0].out", "says something else", "keep one"),
        ([{"script": "sleep"}, {"script": "sleep"}], "apps[1].name", "described twice", "name of its own"),
        ([{"script": "sleep", "name": "engine"}], "apps[0].name", "what runs the services", "another name"),
        ([{"script": "sleep", "out_file": "/dev/stdout"}], "apps[0].out_file", "is a device", "name a file"),
        ([{"script": "sleep", "opsagent": {"command": "x"}}], "apps[0].opsagent.command", "unknown key", "known keys"),
        ([{"script": "sleep", "opsagent": {"share_socket": True}}], "apps[0].share_socket", "needs a port", "add port"),
        ([{"script": "sleep", "opsagent": {"depends_on": ["x"]}}], "", "no app here", "describe it"),
    ],
)
def test_what_is_wrong_is_one_line_with_place_line_and_mend(
    tmp_path: Path, apps: object, place: str, problem: str, mend: str
) -> None:
    error = complaint(tmp_path, {"apps": apps})

    assert place in error.place
    assert problem in error.problem
    assert mend in error.mend
    assert error.line is not None or not place


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ('{"apps": [\n{"script": "x",\n!}]}', 3, "broken JSON"),
        ('{"apps": [{"script": "x", "script": "y"}]}', None, "has 'script' twice"),
        ('{"apps": NaN}', None, "NaN"),
        ("[" * 100_000, None, "nested too deeply"),
        ("", 1, "broken JSON"),
        ("3", None, "describes no app"),
        ('{"app": []}', None, "has no apps"),
        ('{"apps": [], "bananas": 1}', 1, "unknown key"),
    ],
)
def test_broken_json_names_its_line(tmp_path: Path, text: str, line: int | None, problem: str) -> None:
    file = tmp_path / "ecosystem.json"
    file.write_text(text)

    with pytest.raises(ServicesFileError, match=re.escape(problem)) as caught:
        load(file)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("apps:\n  - script: sleep\n   name: x", 3, "broken YAML"),
        ("apps:\n  - script: x\n    script: y", 3, "has 'script' twice"),
        ("apps:\n  - !!python/object/apply:os.system [id]", 2, "broken YAML"),
        ("a: &a [x]\nb: &b [*a, *a, *a, *a, *a, *a]\n" + "".join(
            f"{chr(c + 1)}: &{chr(c + 1)} [{', '.join([f'*{chr(c)}'] * 6)}]\n" for c in range(98, 110)
        ), None, "more than 20000 values"),
        ("apps: [{script: sleep, name: 2026-01-01}]", None, "has a date"),
        ("? [a]\n: b", 1, "key that is no text"),
        ("", None, "describes no app"),
    ],
)  # fmt: skip
def test_broken_yaml_names_its_line(tmp_path: Path, text: str, line: int | None, problem: str) -> None:
    file = tmp_path / "ecosystem.yaml"
    file.write_text(text)

    with pytest.raises(ServicesFileError, match=re.escape(problem)) as caught:
        load(file)
    assert caught.value.line == line


@pytest.mark.parametrize(
    "text", ['{"a": 1,' + "/* */" * 100_000 + "x}", ",/*" * 300_000, '"' + '\\"' * 400_000, "," + " " * 900_000]
)
def test_what_is_no_json_is_told_soon_however_it_is_made(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(documents.Broken):
        documents.parse_json(text)
    assert time.monotonic() - began < 10, "it grows with the length, and not with its square"


def test_yaml_and_loose_json_are_taken_as_pm2_takes_them(tmp_path: Path) -> None:
    yaml, loose = tmp_path / "a.yml", tmp_path / "b.json"
    yaml.write_text("apps:\n  - name: api\n    script: sleep\n    args: ['9']\n    env: {A: 'x'}\n")
    loose.write_text('{ // the apps\n "apps": [{"name": "api", "script": "sleep", /* so */ "args": ["9"],'
                     ' "env": {"A": "x",},},], }')  # fmt: skip

    assert load(yaml).specs == load(loose).specs


@pytest.mark.parametrize("name", ["ecosystem.json", "ecosystem.yaml", "Procfile", "ecosystem.config.js"])
def test_what_is_no_text_no_file_or_too_large_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / name

    def problem() -> str:
        with pytest.raises(ServicesFileError) as caught:
            load(file)
        return caught.value.problem

    assert problem() == "no such file"
    if not name.endswith(".js"):
        file.write_bytes(b"\n\n\xff\xfe")
        with pytest.raises(ServicesFileError, match=r"line 3.*UTF-8"):
            load(file)
        file.write_bytes(b" " * (2**20 + 1))
        assert "is larger than" in problem()
        file.unlink()
        os.mkfifo(file)
        assert problem() == "is a named pipe"


@pytest.mark.parametrize("name", ["ecosystem.json", "ecosystem.yaml", "Procfile", "ecosystem.config.js"])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_file_of_another_user_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text({"Procfile": "web: sleep 9"}.get(name, '{"script": "sleep"}'))
    os.chown(file, 65534, 65534)

    with pytest.raises(ServicesFileError, match="belongs to user 65534"):
        load(file)
    mine = tmp_path / "mine" / name
    mine.parent.mkdir()
    mine.symlink_to(file)
    with pytest.raises(ServicesFileError, match="belongs to user 65534"):
        load(mine)


@pytest.mark.parametrize("name", ["ecosystem.json", "Procfile", "ecosystem.config.js"])
def test_a_file_that_everybody_may_write_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text('{"script": "sleep"}')
    file.chmod(0o666)

    with pytest.raises(ServicesFileError, match=r"written by everybody|others may write"):
        load(file)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's count of cores")
def test_the_interpreter_is_that_of_the_ending(tmp_path: Path) -> None:
    for name in ("a.py", "b.sh", "c.rb"):
        (tmp_path / name).write_text("")
    (tmp_path / "d").write_bytes(b"\x7fELF\0")
    (tmp_path / "d").chmod(0o755)

    assert one(tmp_path, {"script": "a.py"}).command[0] in ("python", "python3")
    assert one(tmp_path, {"script": "b.sh"}).command == ("bash", str(tmp_path / "b.sh"))
    assert one(tmp_path, {"script": "d"}).command == (str(tmp_path / "d"),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
APP = st.dictionaries(st.sampled_from([*KEYS, *list(ALIASES)[:40], "env_production"]), JSON, max_size=6)


SLOWLY = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def outcome(apps: object) -> Described | ServicesFileError:
    try:
        return describe({"apps": apps}, Path("/tmp/e.json"), json.dumps({"apps": apps}), "")
    except ServicesFileError as error:
        return error


@SLOWLY
@given(st.lists(APP.map(lambda app: {"script": "sleep", **app}), max_size=3) | JSON)
def test_whatever_a_file_says_becomes_services_or_one_line(apps: object) -> None:
    found = outcome(apps)

    if isinstance(found, ServicesFileError):
        assert found.problem
        assert "\n" not in str(found)
    else:
        assert found.specs
        assert all(spec.command and spec.instances > 0 for spec in found.specs)


@SLOWLY
@given(JSON)
def test_json_is_read_as_it_was_written(value: object) -> None:
    text = json.dumps(value)

    assert documents.parse_json(text) == value


@given(st.integers(min_value=1, max_value=2**40), st.sampled_from(["", "K", "M", "G"]))
def test_memory_is_a_number_of_powers_of_1024(count: int, unit: str) -> None:
    factor = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}[unit]
    if count * factor <= 2**60:
        assert values.memory(f"{count}{unit}") == count * factor
    else:
        with pytest.raises(Wrong):
            values.memory(f"{count}{unit}")
