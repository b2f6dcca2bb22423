"""`init`: a configuration from what is found, asked for step by step on a terminal; nothing is written unread."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsagent.config import Config
from opsagent.home import Home
from tests.acceptance.conftest import Cli, home_of_its_own, write_services
from tests.support.waiting import eventually

MODE, PROTECTED = "How far may", "nothing ever be done to?"


class Terminal:
    """A person at a terminal who answers questions."""

    def __init__(self, cli: Cli, *arguments: str) -> None:
        primary, secondary = pty.openpty()
        self._screen = primary
        self._process = subprocess.Popen(
            cli.argv(*arguments), stdin=secondary, stdout=secondary, stderr=secondary, env=cli.env({"TERM": "xterm"})
        )
        os.close(secondary)
        self.shown = ""

    def answer(self, question: str, answer: str) -> None:
        """Wait for a question, then type the answer."""
        self._until(question)
        self._until(" ")
        os.write(self._screen, answer.encode())

    def interrupt(self) -> None:
        """Do what Ctrl-C does where the terminal is the program's own.

        Like a person who sees nothing happen, once more: Python misses one that comes right before it begins to read.
        """

        def over() -> bool:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)
            return self._process.poll() is not None

        eventually(over, timeout=20, why="an interrupt ends it")

    def end(self) -> int:
        """Wait until the command is over; return its exit code."""
        while self._read():
            pass
        os.close(self._screen)
        return self._process.wait(20)

    def _until(self, words: str) -> None:
        while words not in self.shown:
            assert self._read(), f"no {words!r} in {self.shown!r}"
        self.shown = self.shown.partition(words)[2]

    def _read(self) -> bool:
        if not select.select([self._screen], [], [], 20.0)[0]:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"nothing comes after {self.shown!r}")
        try:
            new = os.read(self._screen, 65536)
        except OSError:  # Linux says EIO at the end of a pty
            return False
        self.shown += new.decode(errors="replace")
        return bool(new)


@pytest.fixture(scope="module")
def running() -> Iterator[Cli]:
    """A home where `web` (its probe is described) and `tick` run."""
    with home_of_its_own() as found:
        assert found("up", str(write_services(found.home.parent))).code == 0
        yield found


@pytest.fixture
def bare(running: Cli) -> Iterator[Cli]:
    """The same, without a configuration."""
    yield running
    for path in running.home.glob("config.toml*"):
        path.unlink()


def config_of(cli: Cli) -> Config:
    return Config.load(Home.open(cli.home))


def test_a_person_is_asked_step_by_step_and_a_slip_is_asked_again(bare: Cli) -> None:
    terminal = Terminal(bare, "init")
    terminal.answer(MODE, "autp\n")
    terminal.answer(MODE, "approve\n")
    terminal.answer(PROTECTED, "wbe\n")
    terminal.answer(PROTECTED, "web\n")
    assert terminal.end() == 0, terminal.shown
    assert "wrote" in terminal.shown
    config = config_of(bare)
    assert config.policy.mode == "approve"
    assert {spec.name: spec.protected for spec in config.services} == {"tick": False, "web": True}
    assert bare.home.joinpath("config.toml").stat().st_mode & 0o777 == 0o600
    assert bare("doctor").code == 0


@pytest.mark.parametrize("how", ["ctrl-c", "ctrl-d"])
def test_whoever_leaves_in_the_middle_has_nothing_written(bare: Cli, how: str) -> None:
    terminal = Terminal(bare, "init")
    terminal.answer(MODE, "auto\n")
    terminal.answer(PROTECTED, "\x04" if how == "ctrl-d" else "")
    if how == "ctrl-c":
        terminal.interrupt()
    # An interrupt within exec() of a text (a dataclass being made by an import) ends CPython by the signal itself.
    assert terminal.end() in (130, -2)
    assert "Traceback" not in terminal.shown
    assert "unexpected" not in terminal.shown
    assert not bare.home.joinpath("config.toml").exists()


def test_print_shows_it_and_writes_nothing(bare: Cli) -> None:
    result = bare("init", "--print")
    assert result.code == 0
    assert 'mode = "suggest"' in result.out
    assert "[services.web]" in result.out
    assert "[services.tick]" in result.out
    assert not bare.home.joinpath("config.toml").exists()


def test_yes_is_careful_and_an_existing_one_is_kept(bare: Cli) -> None:
    first = bare("init", "--yes", "--json").json
    assert (first["path"], first["kept"]) == (str(bare.home / "config.toml"), None)
    assert {one["name"] for one in first["services"]} == {"tick", "web"}
    assert config_of(bare).policy.mode == "suggest"
    refused = bare("init", "--yes")
    assert refused.code == 1
    assert "--force" in refused.error
    bare.home.joinpath("config.toml").write_text('mode = "auto"\n\n[supervisors]\noff = ["pm2"]\ndiscover = false\n')
    again = bare("init", "--yes", "--force", "--json").json
    assert 'mode = "auto"' in Path(again["kept"]).read_text()
    config = config_of(bare)
    assert (config.policy.mode, config.supervisors.off, config.supervisors.discover) == (
        "suggest",
        frozenset({"pm2"}),
        False,
    )


def test_without_a_terminal_nothing_is_asked(bare: Cli) -> None:
    result = bare("init", stdin="auto\n")
    assert result.code == 0
    assert config_of(bare).policy.mode == "suggest"


def test_the_first_configuration_is_kept_however_often_it_is_replaced(bare: Cli) -> None:
    config = Home.open(bare.home).config_file
    config.write_text("# by hand\n")
    config.chmod(0o600)
    kept = [Path(bare("init", "--force", "--json").json["kept"]) for _ in range(3)]
    assert len(set(kept)) == 3
    assert kept[0].read_text() == "# by hand\n"
