"""What every test stands on: a scrubbed environment, a fresh home, no network, nothing left behind."""

from __future__ import annotations

import compileall
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest

from tests.support import network, processes, waiting
from tests.support.pm2 import pm2  # noqa: F401 (a fixture)
from tests.support.screens import screen, screen_size  # noqa: F401 (fixtures)

_FOREIGN = re.compile(
    r"(OPSAGENT|LANGCHAIN|LANGSMITH|LANGGRAPH|CHROMA|ANTHROPIC|OPENAI|GOOGLE|OLLAMA|PM2|HF|OTEL)_.*"
    r"|.*(_API_KEY|_TOKEN|_SECRET|_PASSWORD|_BASE_URL)|(https?|all|no)_proxy|LISTEN_.*|NOTIFY_SOCKET|WATCHDOG_.*",
    re.IGNORECASE,
)
_MARK = "OPSAGENT_TEST_MODULE"
_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("opsagent", "memory", "tools", "evals")
_LONG_UNTIL = 0.75
"""What part of the run may begin files that start programs."""
_OF_SERVICES = re.compile(r"/(scenarios|versions)/")  # programs of services, which stay as they are
_APT = {"tmux": "tmux", "node": "nodejs", "npm": "npm", "Xvfb": "xvfb", "systemd-run": "systemd"}


def pytest_configure(config: pytest.Config) -> None:
    """Take the user's own settings, keys and folders out of the tests' environment."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background: what we start would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if _FOREIGN.fullmatch(name)]:
        del os.environ[name]
    scratch = Path(tempfile.mkdtemp(prefix="oa-", dir="/tmp"))
    config.add_cleanup(lambda: shutil.rmtree(scratch, ignore_errors=True))
    folders = {
        "HOME": "user",
        "XDG_STATE_HOME": "user/state",
        "XDG_CONFIG_HOME": "user/config",
        "XDG_DATA_HOME": "user/data",
        "XDG_CACHE_HOME": "user/cache",
        "XDG_RUNTIME_DIR": "run",
    }
    for name, folder in folders.items():
        (scratch / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ[name] = str(scratch / folder)
    os.environ.update(COLUMNS="120", LC_ALL="C.UTF-8", NO_COLOR="1")
    os.environ["OPSAGENT_DISCOVER"] = "0"  # nobody's supervisors, and no other test's, unless a test names its own
    os.environ["OPSAGENT_MODELS"] = "loopback"  # no test ever asks a model that costs money
    # What is slow is told by benchmarks, not by tests. The same examples each time: a run fails for what was changed, and
    # whoever looks for more sets EXPLORE=1.
    hypothesis.settings.register_profile("house", deadline=None, derandomize="EXPLORE" not in os.environ)
    hypothesis.settings.load_profile("house")
    _compile_once(config)


def _compile_once(config: pytest.Config) -> None:
    """Thousands of processes are started: under PYTHONDONTWRITEBYTECODE each compiled what it imports, every time."""
    sys.dont_write_bytecode = False  # in here: what pytest made of a test module is kept, too
    if not hasattr(config, "workerinput"):
        for package in _PACKAGES:
            compileall.compile_dir(_ROOT / package, quiet=2, rx=_OF_SERVICES)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files that start programs over the first part of the run, in whatever order they come.

    They wait much and take long, the others are short and only compute: side by side they share a machine well, and
    what is short at the end leaves no process with one long file alone.
    """
    files = list(dict.fromkeys(item.path for item in items))
    short = [path for path in files if path.is_relative_to(_ROOT / "tests" / "unit")]
    long = [path for path in files if path not in set(short)]
    turns = {path: turn / len(short) for turn, path in enumerate(short)}
    turns |= {path: turn / len(long) * _LONG_UNTIL for turn, path in enumerate(long)}
    items.sort(key=lambda item: turns[item.path])


@pytest.fixture(autouse=True)
def _stays_on_this_machine() -> Iterator[None]:
    with network.loopback_only() as tried:
        yield
    if tried:
        pytest.fail(f"reached for the network: {', '.join(tried)}")


@pytest.fixture(scope="module", autouse=True)
def _leaves_no_process_behind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Whatever a test module starts is gone when its last test is done."""
    mark = f"{os.getpid()}:{request.node.nodeid}"
    os.environ[_MARK] = mark
    yield
    os.environ.pop(_MARK, None)
    needles = (mark, str(tmp_path_factory.getbasetemp()) + os.sep)
    _demand_gone(lambda: {*processes.mentioning(needles), *processes.descendants()}, request.node.nodeid)


def _demand_gone(find: Callable[[], set[psutil.Process]], who: str) -> None:
    try:
        waiting.eventually(lambda: not find(), timeout=10.0)
    except AssertionError:
        left = find()
        if left:
            names = processes.describe(left)
            processes.end(left)
            pytest.fail(f"{who} left processes behind (ended now):\n{names}", pytrace=False)


@pytest.fixture
def runtime_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private folder with a short path (unix sockets take 107 bytes), also set as XDG_RUNTIME_DIR."""
    root = Path(tempfile.mkdtemp(prefix="oa-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(root))
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def home(tmp_path: Path, runtime_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh, empty OPSAGENT_HOME (0700). Processes that belong to it must be gone when the test is done."""
    path = tmp_path / "home"
    path.mkdir(mode=0o700)
    monkeypatch.setenv("OPSAGENT_HOME", str(path))
    yield path
    from opsagent_tools.supervisors.circus.marks import engine_id

    needles = (str(path), str(runtime_root), engine_id(path / "engine"))
    _demand_gone(lambda: set(processes.mentioning(needles)), "this test's home")


@pytest.fixture
def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago."""
    return _take_port()


@pytest.fixture
def free_ports() -> Callable[[int], list[int]]:
    """`free_ports(3)`: that many different free TCP ports on 127.0.0.1."""

    def take(count: int) -> list[int]:
        held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        ports = [int(server.getsockname()[1]) for server in held]
        for server in held:
            server.close()
        return ports

    return take


def _take_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def eventually() -> Callable[..., object]:
    """`eventually(condition, timeout=30)`: see `tests.support.waiting`, which also has `until` for asyncio."""
    return waiting.eventually


@pytest.fixture
def require() -> Callable[[str], Path]:
    """`require("tmux")`: the path of a real program that the test needs. Missing: skip; under CI=true: fail."""

    def find(program: str) -> Path:
        found = shutil.which(program)
        if found is not None:
            return Path(found)
        advice = f"needs {program}: apt-get install {_APT.get(program, program)}"
        if os.environ.get("CI") == "true":
            pytest.fail(advice, pytrace=False)
        pytest.skip(advice)

    return find
