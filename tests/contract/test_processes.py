"""The kernel as the senses use it, on real processes; psutil is the second opinion."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from opsagent_tools.processes import deaths, proc
from opsagent_tools.processes.deaths import Death, DeathWatch
from opsagent_tools.processes.marks import mark_of
from opsagent_tools.processes.ports import listeners
from opsagent_tools.processes.sample import Sampler
from opsagent_tools.units import ProcessKey
from tests.support.waiting import eventually, until

Start = Callable[..., subprocess.Popen[bytes]]

linux = pytest.mark.skipif(not proc.HAS_PROC, reason="there is no /proc")


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process; all of them are ended afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*command: str, **options: object) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command or ("sleep", "60"), **options)  # type: ignore[call-overload]
        started.append(process)
        return process  # type: ignore[no-any-return]

    yield run
    for process in started:
        process.kill()
        process.wait()


def key(process: subprocess.Popen[bytes]) -> ProcessKey:
    found = proc.key_of(process.pid)
    assert found is not None
    return found


@pytest.fixture(params=["pidfd", "polling"])
def watch(request: pytest.FixtureRequest) -> Callable[[], DeathWatch]:
    if request.param == "pidfd" and not hasattr(os, "pidfd_open"):
        pytest.skip("there is no pidfd_open")
    return lambda: DeathWatch(use_pidfd=request.param == "pidfd", poll_s=0.02)


def test_keys_are_those_of_psutil(start: Start) -> None:
    process = start()
    assert key(process) == ProcessKey(process.pid, psutil.Process(process.pid).create_time())


def test_there_is_no_key_of_what_is_not_there(start: Start) -> None:
    process = start("true")
    process.wait()
    assert proc.key_of(process.pid) is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [("import sys; sys.exit(7)", 7), ("pass", 0), ("import os; os.kill(os.getpid(), 15)", -15)],
)
async def test_a_death_is_told_with_how_it_ended(
    start: Start, watch: Callable[[], DeathWatch], code: str, expected: int
) -> None:
    told: list[Death] = []
    watching = watch()
    process = start(
        sys.executable, "-c", f"import sys; sys.stdin.read()\n{code}", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    known = key(process)
    assert watching.watch(known, told.append)
    assert watching.watch(known, told.append)
    assert process.stdin is not None
    process.stdin.close()  # now it goes on
    await until(lambda: told)
    assert told == [Death(key=known, exit_code=expected)]
    assert watching.watched == frozenset()
    watching.close()


async def test_a_reused_pid_is_another_process(start: Start, watch: Callable[[], DeathWatch]) -> None:
    told: list[Death] = []
    process = start()
    earlier = ProcessKey(process.pid, key(process).started - 60)
    watching = watch()
    assert not watching.watch(earlier, told.append)
    assert not proc.is_alive(earlier)
    assert proc.is_alive(key(process))
    process.kill()
    process.wait()
    assert not watching.watch(earlier, told.append)
    watching.close()
    assert told == []


async def test_a_process_of_which_nobody_takes_note_is_dead_as_a_zombie(
    start: Start, watch: Callable[[], DeathWatch]
) -> None:
    told: list[Death] = []
    process = start("true")
    eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    watching = watch()
    assert watching.watch(key(process), told.append)
    await until(lambda: told)
    watching.close()


async def test_what_is_forgotten_is_not_told(start: Start, watch: Callable[[], DeathWatch]) -> None:
    told: list[Death] = []
    process, other = start(), start()
    watching = watch()
    watching.watch(key(process), told.append)
    watching.watch(key(other), told.append)
    watching.forget(key(process))
    process.kill()
    process.wait()
    other.kill()
    await until(lambda: told)
    assert [death.key.pid for death in told] == [other.pid]
    watching.close()


async def test_where_pidfd_open_fails_it_polls(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(pid: int, flags: int = 0) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", fails, raising=False)
    told: list[Death] = []
    process = start()
    watching = DeathWatch(use_pidfd=True, poll_s=0.02)
    assert watching.watch(key(process), told.append)
    process.kill()
    await until(lambda: told)
    watching.close()


@linux
def test_how_it_ended_is_known_also_after_its_parent_took_note(start: Start) -> None:
    process = start(sys.executable, "-c", "import sys; sys.exit(9)")
    known = key(process)
    pidfd = os.pidfd_open(process.pid)
    try:
        process.wait()
        # Linux 6.15 tells through the pidfd; before that only the parent knows.
        assert deaths.exit_code(known, pidfd) in {9, None}
    finally:
        os.close(pidfd)


def test_samples(start: Start) -> None:
    process = start(sys.executable, "-c", "import threading, time; x = bytearray(50_000_000); print(flush=True)\n"
                    "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nwhile True: pass",
                    stdout=subprocess.PIPE)  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    sampler = Sampler()
    first = sampler.take(key(process))
    assert first is not None
    assert first.cpu == 0.0

    def busy() -> bool:
        sample = sampler.take(key(process))
        assert sample is not None
        assert sample.rss == pytest.approx(psutil.Process(process.pid).memory_info().rss, rel=0.2)
        return sample.cpu > 0.05 and sample.threads == 2 and sample.state == "R"

    eventually(busy)
    assert first.fds == psutil.Process(process.pid).num_fds()
    process.stdout.close()
    process.kill()
    process.wait()
    assert sampler.take(first.key) is None
    assert sampler.take(first.key) is None
    sampler.close()


@pytest.mark.parametrize(("signum", "state"), [(signal.SIGSTOP, "T"), (signal.SIGKILL, "Z")])
def test_samples_tell_what_is_stopped_and_what_is_a_zombie(start: Start, signum: int, state: str) -> None:
    process = start()
    sampler, known = Sampler(), key(process)
    os.kill(process.pid, signum)

    def letter() -> bool:
        sample = sampler.take(known)
        return sample is not None and sample.state == state

    eventually(letter)
    sampler.close()


@linux
def test_the_portable_ways_agree(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    process = start()
    known = key(process)
    assert eventually(lambda: (stat := proc.read_stat(process.pid)) and stat.state == "S"), (
        "it has opened what it opens"
    )
    mine = Sampler().take(known)
    for module in ("proc", "sample", "ports", "deaths"):
        monkeypatch.setattr(f"opsagent_tools.processes.{module}.HAS_PROC", False)
    assert proc.key_of(process.pid) == known
    assert proc.is_alive(known)
    assert proc.exists(known)
    sample = Sampler().take(known)
    assert sample is not None
    assert mine is not None
    assert (sample.threads, sample.fds) == (mine.threads, mine.fds)
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = listeners(server.getsockname()[1])
        assert [each.process.pid for each in found if each.process] == [os.getpid()]
    process.kill()
    assert eventually(lambda: not proc.is_alive(known))
    process.wait()
    assert not proc.exists(known)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_who_listens_on_a_port(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        server = socket.create_server((address, 0), family=family)
    except OSError:
        pytest.skip("there is no IPv6 here")
    with server:
        port = server.getsockname()[1]
        (found,) = listeners(port)
        assert found.uid == os.geteuid()
        assert found.process == proc.key_of(os.getpid())
    assert listeners(port) == ()


def test_a_connection_is_no_listener() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert listeners(client.getsockname()[1]) == ()


@linux
def test_marks(start: Start, tmp_path: Path) -> None:
    marked = start("sleep", "60", env={**os.environ, "OPSAGENT_UNIT": "circus:api@here", "X": "y"})
    assert eventually(lambda: mark_of(marked.pid)) == "circus:api@here"
    unmarked = start("sleep", "60", env={"PATH": os.environ["PATH"], "XOPSAGENT_UNIT": "no"})
    eventually(lambda: mark_of(unmarked.pid, "XOPSAGENT_UNIT"))
    assert mark_of(unmarked.pid) is None
    assert mark_of(2**22 + 1) is None


def test_any_command_name_is_read() -> None:
    raw = (
        b"12 (a) R (b) 7) S 1 12 12 0 -1 4194304 1 0 0 0 5 6 0 0 20 0 3 0 777 1000 10 18446744073709551615" + b" 0" * 28
    )
    stat = proc.parse_stat(raw)
    assert (stat.state, stat.threads, stat.start_ticks, stat.wait_status) == ("S", 3, 777, 0)
