"""Procfiles and their .env: foreman's words without a shell."""

from __future__ import annotations

import os
import shlex
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsagent_tools.services.dotenv import read_dotenv
from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.services.load import load
from opsagent_tools.services.words import NeedsShell, split_assignments, split_words

SLOWLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture
def procfile(tmp_path: Path) -> Path:
    return tmp_path / "Procfile"


def test_processes_have_ports_and_the_variables_of_the_env_file(procfile: Path, tmp_path: Path) -> None:
    procfile.write_text(
        "# the shop\n"
        "web: bundle exec puma -p $PORT -e ${RACK_ENV}\n"
        "\n"
        "worker: LEVEL=debug QUEUE='a b' node worker.js \"$NAME\" 'it''s'\n"
        "clock-1: sleep 9\n"
    )
    (tmp_path / ".env").write_text("RACK_ENV=production\nexport NAME=\"the shop\"  \n# no\nLEVEL=info # so\nA='#1'\n")
    (tmp_path / ".env").chmod(0o600)

    found = load(procfile)
    web, worker, clock = found.specs

    assert (web.command, web.port) == (("bundle", "exec", "puma", "-p", "5000", "-e", "production"), 5000)
    assert worker.command == ("node", "worker.js", "the shop", "its")
    assert (worker.env["LEVEL"], worker.env["QUEUE"], worker.env["PORT"], worker.port) == ("debug", "a b", "5100", None)
    assert dict(clock.env) == {"RACK_ENV": "production", "NAME": "the shop", "LEVEL": "info", "A": "#1", "PORT": "5200"}
    assert all(spec.cwd == tmp_path for spec in found.specs)
    assert any(".env" in str(note) for note in found.notes)


def test_the_first_port_is_that_of_the_env_file(procfile: Path, tmp_path: Path) -> None:
    procfile.write_text("web: sleep 9\nweb2: sleep 9\n")
    (tmp_path / ".env").write_text("PORT=8000")
    (tmp_path / ".env").chmod(0o600)

    assert [spec.env["PORT"] for spec in load(procfile).specs] == ["8000", "8100"]
    (tmp_path / ".env").write_text("PORT=65500")
    with pytest.raises(ServicesFileError, match=r"line 2.*set PORT in \.env to a lower number"):
        load(procfile)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", None, "describes no process"),
        ("web sleep", 1, "is no process"),
        ("web: sleep 1\nweb: sleep 2", 2, "is described twice"),
        ("web: sleep 1\nWEB: sleep 2", 2, "is described twice"),
        ("engine: sleep 1", 1, "what runs the services"),
        ("web: a | b", 1, "has a pipe"),
        ("web: a && b", 1, "has && or &"),
        ("web: a > log", 1, "has a redirection"),
        ("web: a; b", 1, "several commands"),
        ("web: ls *.js", 1, "has a pattern"),
        ("web: $(date)", 1, "has an expansion"),
        ("web: echo `date`", 1, "has an expansion"),
        ("web: echo ${X:-1}", 1, "has an expansion"),
        ("web: echo $MISSING", 1, "has the variable $MISSING"),
        ("web: echo ~", 1, "a home folder"),
        ("web: echo {a,b}", 1, "a row of alternatives"),
        ("web: 'a", 1, "not closed"),
        ('web: "a', 1, "not closed"),
        ("web: a\\", 1, "ends with a backslash"),
        ("web: LEVEL=info", 1, "is empty"),
        ("web: OPSAGENT_UNIT=x sleep 1", 1, "is set by the engine"),
    ],
)
def test_what_only_a_shell_could_do_is_refused_with_its_line(
    procfile: Path, text: str, line: int | None, problem: str
) -> None:
    procfile.write_text(text)

    with pytest.raises(ServicesFileError) as caught:
        load(procfile)

    assert (caught.value.line, problem in caught.value.problem) == (line, True), caught.value
    assert caught.value.mend


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("A=", ""),
        ("  export A = b c ", "b c"),
        ("A='b # c'", "b # c"),
        ("A=b # c", "b"),
        ("A=b#c", "b#c"),
        ('A="b\\nc\\"d"', 'b\nc"d'),
        ("A='b\\nc'", "b\\nc"),
        ("A=$B", "$B"),
        ("A=x=y", "x=y"),
    ],
)
def test_a_line_of_the_env_file(tmp_path: Path, line: str, value: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"{line}\n")
    file.chmod(0o600)

    assert read_dotenv(file) == {"A": value}


@pytest.mark.parametrize("line", ["A", "1A=2", "=x", "A B=1", "export"])
def test_a_line_that_is_none_is_an_error(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"B=1\n{line}\n")
    file.chmod(0o600)

    with pytest.raises(ServicesFileError, match=r"line 2: is no NAME=value"):
        read_dotenv(file)


def test_an_env_file_that_others_may_write_or_own_is_refused(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert read_dotenv(file) == {}
    file.write_text("A=1")
    file.chmod(0o622)
    with pytest.raises(ServicesFileError, match="others may write to it"):
        read_dotenv(file)
    if os.geteuid() == 0:
        file.chmod(0o600)
        os.chown(file, 65534, 65534)
        with pytest.raises(ServicesFileError, match="belongs to another user"):
            read_dotenv(file)


@SLOWLY
@given(st.lists(st.text(max_size=12).filter(lambda word: "\0" not in word), min_size=1, max_size=6))
def test_words_that_a_shell_would_be_given_come_out_as_they_were(words: list[str]) -> None:
    assert split_words(shlex.join(words), {}) == tuple(words)


@SLOWLY
@given(st.text(alphabet=string.printable, max_size=40))
def test_any_line_is_split_as_shlex_does_or_refused(line: str) -> None:
    try:
        found = split_words(line, {})
    except NeedsShell:
        return
    assert list(found) == shlex.split(line.replace("\r", "'\r'").replace("\x0b", "'\x0b'").replace("\x0c", "'\x0c'"))


def test_assignments_before_a_command() -> None:
    assert split_assignments(("A=1", "B=x=y", "run", "C=2")) == ({"A": "1", "B": "x=y"}, ("run", "C=2"))
    assert split_assignments(("A=1",)) == ({"A": "1"}, ())
