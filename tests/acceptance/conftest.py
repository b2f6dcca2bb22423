"""The command line as a person uses it: real processes, the real engine, a home of its own."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from opsagent.api.client import ApiClient, ApiError
from opsagent.cli.listing import list_services
from opsagent.cli.output import Out
from opsagent.home import Home
from tests.support.forked import Forked, run_opsagent, start_opsagent
from tests.support.waiting import eventually

SERVICES = """
[services.web]
command = ["{python}", "-u", "server.py", "{port}"]
port = {port}
health = {{ http = "http://127.0.0.1:{port}/", interval_s = 0.5, timeout_s = 2, grace_s = 15 }}

[services.tick]
command = ["{python}", "-u", "-c", "import time\\nprint('password=hunter2abc\\\\n', end='')\\nwhile True: print('tick\\\\n', end=''); time.sleep(0.2)"]
instances = 2
"""
SERVER = """
import http.server, sys
class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
Server(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@dataclass(frozen=True)
class Result:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """Its one line of error; there must be exactly one."""
        lines = [line for line in self.err.splitlines() if line.startswith("opsagent: ")]
        assert len(lines) == 1, self
        assert "Traceback" not in self.err, self
        return lines[0].removeprefix("opsagent: ")


@dataclass(frozen=True)
class Cli:
    """`opsagent` on one home."""

    home: Path

    def __call__(self, *arguments: str, stdin: str = "", env: dict[str, str] | None = None) -> Result:
        """Run a command to its end, in a process of its own: forked, unless `env` has something for Python itself."""
        if any(name.startswith("PYTHON") for name in env or ()):
            done = subprocess.run(
                self.argv(*arguments), capture_output=True, text=True, input=stdin, env=self.env(env), timeout=100, check=False
            )  # fmt: skip
        else:
            done = run_opsagent(arguments, env=self.env(env), stdin=stdin)
        return Result(done.returncode, done.stdout, done.stderr)

    def argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "opsagent", *arguments]

    def env(self, more: dict[str, str] | None = None) -> dict[str, str]:
        return {**os.environ, "OPSAGENT_HOME": str(self.home), **(more or {})}

    def units(self) -> dict[str, Any]:
        """What `ps --json` shows of each, carried out in here: tests ask it over and over, and a process costs more."""
        shown = io.StringIO()
        with redirect_stdout(shown), redirect_stderr(io.StringIO()), patch.object(Out, "wrote_json", False):
            assert list_services(as_json=True, home=str(self.home)) == 0
        return {unit["name"]: unit for unit in json.loads(shown.getvalue())["units"]}

    def daemon_answers(self) -> bool:
        """Whether a daemon runs and says hello."""
        try:
            asyncio.run(ApiClient.connect(Home.open(self.home).api_socket))
        except ApiError:
            return False
        return True

    @contextmanager
    def watching(self, *arguments: str) -> Iterator[Forked]:
        """The daemon in the background, once it answers and has seen what there is."""
        there = set(self.units())
        with tempfile.TemporaryFile("w+") as err:
            process = start_opsagent(["watch", "--json", *arguments], env=self.env(), out=subprocess.PIPE, err=err)
            try:
                eventually(lambda: self.daemon_answers() and there <= set(self.units()), timeout=60)
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=60)


@contextmanager
def home_of_its_own() -> Iterator[Cli]:
    root = Path(tempfile.mkdtemp(prefix="oa-", dir="/tmp"))
    cli = Cli(root / "home")
    try:
        yield cli
    finally:
        cli("down")
        Home.open(cli.home).discard_runtime_dir()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def cli() -> Iterator[Cli]:
    """`cli("ps", "--json")` on a fresh home; whatever it starts is ended."""
    with home_of_its_own() as found:
        yield found


@pytest.fixture(scope="module")
def busy() -> Iterator[Cli]:
    """A home where `web` (with a health probe) and `tick` (two instances) run. For a module: leave it as it was."""
    with home_of_its_own() as found:
        result = found("up", str(write_services(found.home.parent)))
        assert result.code == 0, result
        yield found


def write_services(folder: Path) -> Path:
    """Write the services of these tests; return the file."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (folder / "server.py").write_text(SERVER)
    file = folder / "services.toml"
    file.write_text(SERVICES.format(python=sys.executable, port=port))
    return file


@pytest.fixture
def services(tmp_path: Path) -> Path:
    """A file with the services `web` and `tick`."""
    return write_services(tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    """`write("text")`: the path of a services.toml with this text."""

    def put(text: str) -> str:
        path = tmp_path / "services.toml"
        path.write_text(text)
        return str(path)

    return put
