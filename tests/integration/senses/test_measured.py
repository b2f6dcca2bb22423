"""Samples of real processes and of the machine: what is below a wrapper, what leaks, what fills a disk."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from opsagent.detect import Detection, Detector, Opened
from opsagent.measured import measured
from opsagent.model import Fault, Scalar, Signal, SignalKind
from opsagent.naming import host_unit
from opsagent.notice import Noticed, NoticeKind
from opsagent.senses.desk import Desk, SenseSettings
from opsagent.senses.fillers import Fillers
from opsagent.senses.host import HostSense
from opsagent.senses.samples import SampleSense
from opsagent.world import World
from opsagent_tools.host.mounts import Mount, MountUse, MountWatch, mounts
from opsagent_tools.metrics.forecast import FillingSettings
from opsagent_tools.processes.proc import HAS_PROC, key_of
from opsagent_tools.units import Process, Unit, UnitId, UnitState
from tests.support.mounted import scratch_disk
from tests.support.waiting import eventually, until

pytestmark = pytest.mark.skipif(not HAS_PROC, reason="there is no /proc")
QUICK = SenseSettings(sample_s=0.05, host_s=0.05)
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process that ends when its input does; all of them are ended afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        started.append(process)
        return process

    yield run
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


class Watch:
    """Senses of these processes, and what the detector made of it."""

    def __init__(self, **units: subprocess.Popen[bytes]) -> None:
        self.world = World()
        self.told: list[Signal] = []
        self.detector = Detector()
        self.found: list[Detection] = []
        self.desk = Desk(self.world, self._hear, QUICK)
        listed = [unit_of(name, process) for name, process in units.items()]
        self.world.replace_units("test", listed)

    def _hear(self, told: Signal) -> None:
        self.told.append(told)
        self.found += self.detector.observe(told, self.world, datetime.now(UTC))

    def samples(self, name: str) -> list[Signal]:
        return [one for one in self.told if one.kind is SignalKind.SAMPLE and one.unit == uid(name)]


def uid(name: str) -> UnitId:
    return UnitId.local("test", name)


def unit_of(name: str, process: subprocess.Popen[bytes]) -> Unit:
    key = key_of(process.pid)
    assert key is not None
    return Unit(id=uid(name), state=UnitState.RUNNING, processes=(Process(key=key),))


@asynccontextmanager
async def sampling(watch: Watch) -> AsyncIterator[None]:
    sense = SampleSense(watch.desk, lambda: None)
    task = asyncio.create_task(sense.watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        sense.close()


@asynccontextmanager
async def looking_at_the_machine(watch: Watch) -> AsyncIterator[None]:
    task = asyncio.create_task(HostSense(watch.desk).watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-SEc", code)


HOLDS_50_MB = "import sys; held = bytearray(b'x') * 50_000_000; sys.stdin.read()"


async def test_what_runs_below_a_wrapper_is_the_services(start: Start) -> None:
    wrapper = start("sh", "-c", f'"{sys.executable}" -SEc "{HOLDS_50_MB}"; true')
    watch = Watch(api=wrapper)
    async with sampling(watch):
        await until(lambda: any(float(one.data["rss"]) > 50e6 for one in watch.samples("api")))
    last = watch.samples("api")[-1]
    assert last.data["processes"] == 2
    assert psutil.Process(wrapper.pid).memory_info().rss < 10e6


async def test_forked_workers_are_not_counted_again_and_again(start: Start) -> None:
    code = "import os, sys\nheld = bytearray(b'x') * 60_000_000\nfor _ in range(3):\n    os.fork() or (sys.stdin.read(), os._exit(0))\nsys.stdin.read()"
    watch = Watch(api=start(*python(code)))
    async with sampling(watch):
        (first,) = await until(lambda: [one for one in watch.samples("api") if one.data.get("processes") == 4][:1])
        assert 60e6 < float(first.data["rss"]) < 100e6


async def test_who_is_another_unit_is_no_descendant(start: Start) -> None:
    above = start("sh", "-c", f'"{sys.executable}" -SEc "{HOLDS_50_MB}"; true')
    (below,) = eventually(lambda: psutil.Process(above.pid).children())
    key = key_of(below.pid)
    assert key is not None
    watch = Watch(above=above)
    unit = Unit(id=uid("below"), state=UnitState.RUNNING, processes=(Process(key=key),))
    watch.world.replace_unit(unit)
    async with sampling(watch):
        await until(lambda: any(float(one.data["rss"]) > 50e6 for one in watch.samples("below")))
        await until(lambda: len(watch.samples("above")) >= 5)
    assert max(float(one.data["rss"]) for one in watch.samples("above")) < 20e6


async def test_what_does_not_move_is_told_of_seldom_and_what_is_stopped_at_once(start: Start) -> None:
    idle = start("sleep", "600")
    watch = Watch(api=idle)
    async with sampling(watch):
        await until(lambda: len(watch.samples("api")) >= 6)
        began, count = time.monotonic(), len(watch.samples("api"))
        await until(lambda: len(watch.samples("api")) >= count + 3)
        assert (time.monotonic() - began) / QUICK.sample_s > 15, "three samples in three times ten looks"
        idle.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        await until(lambda: watch.samples("api")[-1].data["state"] == "T")
        assert time.monotonic() - stopped < 5 * QUICK.sample_s + 0.5
        idle.send_signal(signal.SIGCONT)


async def test_a_zombie_has_no_figures(start: Start) -> None:
    process = start("sleep", "600")
    watch = Watch(api=process)
    async with sampling(watch):
        await until(lambda: watch.samples("api"))
        process.kill()
        eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
        count = len(watch.samples("api"))
        await asyncio.sleep(12 * QUICK.sample_s)
    assert len(watch.samples("api")) <= count + 1
    assert all(one.data["rss"] for one in watch.samples("api"))


async def test_descriptors_that_leak_are_an_incident_before_the_last_one(start: Start) -> None:
    code = (
        "import resource, select, sys\nresource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))\nheld = []\n"
        "print(flush=True)\n"
        "while not select.select([sys.stdin], [], [], 0.02)[0]:\n    held.append(open('/dev/null'))\n"
        "    if len(held) > 240: sys.stdin.read(); break\n"
    )
    process = start(*python(code))
    assert process.stdout is not None
    process.stdout.readline()
    watch = Watch(api=process)
    watch.detector.metrics._saturation.of_processes = FillingSettings(widths=(0.1,))  # the test has no minutes
    async with sampling(watch):
        (opened,) = await until(lambda: [one for one in watch.found if isinstance(one, Opened)], timeout=25)
    assert (opened.incident.fault, opened.incident.unit) == (Fault.SATURATION, uid("api"))
    symptom = opened.incident.symptoms[-1]
    assert symptom.data["fds_limit"] == 256
    assert 0.7 < float(symptom.data["fds_share"]) < 1.0
    assert "runs out of file descriptors" in opened.incident.summary


async def test_who_fills_a_disk_is_named_by_the_file_that_it_writes(start: Start, tmp_path: Path) -> None:
    with scratch_disk(tmp_path / "disk", megabytes=64) as folder:
        code = (
            f"import os, select, sys\nout = open({str(folder / 'api.log')!r}, 'ab', buffering=0)\n"
            "out.write(b'x' * 43_000_000)\n"
            "while not select.select([sys.stdin], [], [], 0.05)[0]: out.write(b'x' * 100_000); os.fsync(out.fileno())\n"
        )
        watch = Watch(api=start(*python(code)), web=start("sleep", "600"))
        watch.detector.metrics._saturation.of_machine = FillingSettings(widths=(0.12,))
        async with sampling(watch), looking_at_the_machine(watch):
            (opened,) = await until(lambda: [one for one in watch.found if isinstance(one, Opened)], timeout=25)
            shown = {mount["path"]: mount for mount in measured(watch.world)["host"]["mounts"]}
        os.killpg(watch.world.units[uid("api")].processes[0].pid, signal.SIGKILL)
        eventually(lambda: not any(str(folder) in str(one) for one in _open_files(watch)))
    assert (opened.incident.fault, opened.incident.unit) == (Fault.SATURATION, uid("api"))
    assert str(folder) in opened.incident.summary
    assert "api writes most" in opened.incident.summary
    assert shown[str(folder)]["used_share"] > 0.5


def test_a_log_that_the_supervisor_writes_is_its_services(tmp_path: Path) -> None:
    log, fillers = tmp_path / "api.log", Fillers()
    log.write_bytes(b"x" * 100_000)
    mount = Mount(path=str(tmp_path), kind="ext4", device="7:9")

    def look(used: int) -> dict[str, Scalar]:
        size = 10_000_000
        use = MountUse(mount=mount, size=size, used=used, free=size - used)
        return fillers.look(use, {}, {str(log): uid("api")})

    assert look(2_000_000) == {}
    log.write_bytes(b"x" * 6_000_000)
    told = look(8_000_000)
    assert (told["writer"], told["writer_path"]) == (str(uid("api")), str(log))
    assert float(told["writer_share"]) > 0.9


def _open_files(watch: Watch) -> list[str]:
    found: list[str] = []
    for unit in watch.world.units.values():
        for process in unit.processes:
            try:
                found += [str(one.path) for one in psutil.Process(process.pid).open_files()]
            except psutil.Error:
                continue
    return found


async def test_the_machine_is_measured(start: Start) -> None:
    watch = Watch(api=start("sleep", "600"))
    async with looking_at_the_machine(watch), sampling(watch):
        await until(lambda: len(watch.world.host.samples) >= 3 and watch.world.host.mounts)
        await until(lambda: watch.samples("api"))
    host = measured(watch.world)["host"]
    assert host["cores"] == os.cpu_count()
    assert 0 <= host["cpu"] <= 1
    assert 0 < host["memory_available"] < host["memory_total"] == psutil.virtual_memory().total
    for mount in host["mounts"]:
        assert mount["used_share"] == pytest.approx(psutil.disk_usage(mount["path"]).percent / 100, abs=0.05)
    unit = measured(watch.world)["units"][str(uid("api"))]
    assert unit["rss"] > 0
    assert unit["history"]["rss"]
    assert not [one for one in watch.found if isinstance(one, Noticed) and one.notice.kind is NoticeKind.SATURATION]
    assert host_unit() not in watch.world.units


def test_a_file_system_that_hangs_keeps_nobody_waiting(tmp_path: Path) -> None:
    released, asked = threading.Event(), []

    def statvfs(path: str) -> os.statvfs_result:
        asked.append(path)
        if path == "/hangs":
            released.wait(30)
        return os.statvfs("/")

    found = mounts(mountinfo=str(_table(tmp_path)))
    assert {mount.path for mount in found} == {"/", "/hangs", "/with space"}
    watch = MountWatch(statvfs, timeout_s=0.2)
    began = time.monotonic()
    uses = {use.mount.path: use for use in watch.take(found)}
    assert {path for path, use in uses.items() if use.hangs} == {"/hangs"}
    assert {path for path, use in ((use.mount.path, use) for use in watch.take(found)) if use.hangs} == {"/hangs"}
    assert time.monotonic() - began < 5
    assert asked.count("/hangs") == 1, "nobody asks again what has not answered"
    released.set()
    eventually(lambda: not any(use.hangs for use in watch.take(found)))


def _table(folder: Path) -> Path:
    file = folder / "mountinfo"
    file.write_text(
        "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
        "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
        "28 27 254:0 /srv /bound rw,relatime - ext4 /dev/vda rw\n"
        "29 27 0:50 / /hangs rw,relatime shared:3 - nfs4 server:/x rw\n"
        "30 27 0:51 / /run rw,nosuid - tmpfs tmpfs rw\n"
        "31 27 0:52 / /var/lib/docker/overlay2/x rw - overlay overlay rw\n"
        "32 27 7:1 / /snap/core ro,relatime - squashfs /dev/loop1 ro\n"
        "33 27 254:9 / /read-only ro,relatime - ext4 /dev/vdb ro\n"
        "34 27 254:3 / /with\\040space rw,relatime - xfs /dev/vdc rw\n"
        "broken line\n"
    )
    return file
