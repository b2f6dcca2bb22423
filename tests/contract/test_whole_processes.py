"""A process with all that it started, as the kernel tells of them: real ones, psutil is the second opinion."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from opsagent_tools.processes import rarely
from opsagent_tools.processes.busiest import Busiest
from opsagent_tools.processes.proc import HAS_PROC, key_of
from opsagent_tools.processes.sample import Sampler
from opsagent_tools.processes.tree import Trees
from opsagent_tools.processes.whole import Group, memory_now
from opsagent_tools.processes.writers import open_for_writing
from opsagent_tools.units import ProcessKey
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(not HAS_PROC, reason="there is no /proc")
Start = Callable[..., "subprocess.Popen[bytes]"]
SPIN = "import threading, sys\nthreading.Thread(target=sys.stdin.read, daemon=True).start()\nwhile True: pass"


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python that says when it has begun; all are ended afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def run(code: str) -> subprocess.Popen[bytes]:
        command = (sys.executable, "-SEc", f"print(flush=True)\n{code}")
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def sampler() -> Iterator[Sampler]:
    found = Sampler()
    yield found
    found.close()


def key(process: subprocess.Popen[bytes]) -> ProcessKey:
    found = key_of(process.pid)
    assert found is not None
    return found


def looked(trees: Trees, process: subprocess.Popen[bytes]) -> tuple[ProcessKey, ...]:
    """Look anew, and return what the process has started."""
    trees.look()
    return trees.below(process.pid, ())


PARENT = "import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-SEc', {child!r}], stdin=subprocess.PIPE)\nsys.stdin.read()\nchild.kill(); child.wait()"


def test_what_a_process_started_is_found_again_and_again_and_gone_when_it_is(start: Start) -> None:
    process, trees = start(PARENT.format(child="import sys; sys.stdin.read()")), Trees()
    (child,) = eventually(lambda: psutil.Process(process.pid).children())
    eventually(lambda: looked(trees, process))
    assert trees.below(process.pid, ()) == (key_of(child.pid),)
    assert trees.below(process.pid, {child.pid}) == ()
    child.kill()
    eventually(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    process.kill()
    process.wait()
    trees.look()
    assert trees.below(process.pid, ()) == ()


def test_the_processor_that_a_child_uses_counts(start: Start, sampler: Sampler) -> None:
    process, trees = start(PARENT.format(child=SPIN)), Trees()
    eventually(lambda: looked(trees, process))
    group = Group(key(process), sampler)
    group.has(trees.below(process.pid, ()))
    group.look()
    assert group.cpu(time.monotonic()) == 0.0

    def busy() -> bool:
        whole = group.look()
        assert whole is not None
        assert whole.processes == 2
        return group.cpu(time.monotonic(), keep=False) > 0.05

    eventually(busy)
    assert group.waiting(time.monotonic()) is None
    time.sleep(0.05)
    waited = group.waiting(time.monotonic())
    assert waited is not None
    assert 0 <= waited <= 1


def test_memory_of_its_own_sockets_and_traffic(start: Start, sampler: Sampler, tmp_path: Path) -> None:
    process = start(
        "import os, socket, sys\nheld = bytearray(b'x') * 30_000_000\na, b = socket.socketpair()\n"
        f"out = open({str(tmp_path / 'out')!r}, 'wb', buffering=0)\n"
        "while sys.stdin.readline(): out.write(b'x' * 1_000_000); os.fsync(out.fileno()); print(flush=True)"
    )
    group = Group(key(process), sampler)
    eventually(lambda: group.look() and group.closer().get("sockets") == 2)
    assert group.closer()["uss"] > 30_000_000
    full = psutil.Process(process.pid).memory_full_info()
    assert group.closer()["uss"] == pytest.approx(full.uss, rel=0.2)
    assert memory_now(key(process), ()) == pytest.approx(full.rss, rel=0.2)
    assert group.rates(time.monotonic()) == {}
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    process.stdout.readline()
    reached_a_disk = psutil.Process(process.pid).io_counters().write_bytes > 0  # not where the folder is in memory
    assert (group.rates(time.monotonic())["write_s"] > 0) is reached_a_disk
    assert open_for_writing([process.pid], str(tmp_path)) == {(process.pid, str(tmp_path / "out")): pytest.approx(1e6, rel=0.1)}  # fmt: skip
    assert open_for_writing([process.pid], str(tmp_path / "other")) == {}


def test_limits_and_what_is_gone(start: Start) -> None:
    process = start("import resource, sys\nresource.setrlimit(resource.RLIMIT_NOFILE, (99, 99))\nprint(flush=True)\nsys.stdin.read()")  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    assert rarely.fd_limit(process.pid) == 99
    process.kill()
    process.wait()
    for ask in (rarely.fd_limit, rarely.own_memory, rarely.traffic, rarely.waited_s, rarely.sockets):
        assert ask(process.pid) is None
    assert memory_now(ProcessKey(process.pid, 1.0), ()) is None


def test_a_stranger_that_takes_the_processor_is_named_and_services_are_not(start: Start) -> None:
    process, busiest = start(SPIN), Busiest()
    assert busiest.take(()) is None

    def found() -> bool:
        return (one := busiest.take(())) is not None and one.cpu > 0.02

    eventually(found)
    apart = set(psutil.pids()) - {process.pid, *(one.pid for one in psutil.Process(process.pid).parents())}
    assert busiest.take(apart) is not None
    assert busiest.take({1, *psutil.pids()}) is None
