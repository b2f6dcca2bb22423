"""One takes what the others need: by what the kernel says of who waits and who takes."""

from __future__ import annotations

from typing import Any

import pytest

from opsagent.model import Scalar
from opsagent.naming import host_unit
from opsagent.notice import NoticeKind
from tests.support.histories import History, service, uid
from tests.support.measured import GB, noticed, tell, tell_host

BUSY: dict[str, Scalar] = {"cores": 4, "cpu": 0.99, "psi_cpu": 0.7, "load1": 9.0}
HOG: dict[str, Scalar] = {"cpu": 3.2}
VICTIM: dict[str, Scalar] = {"cpu": 0.3, "wait": 0.5}
WELL: dict[str, Scalar] = {"cpu": 0.3, "wait": 0.01}
Rows = dict[str, dict[str, Scalar]]


def run(host: dict[str, Scalar], units: Rows, seconds: float = 120) -> History:
    history = History(*(service(name) for name in units))
    for _ in range(int(seconds // 5)):
        tell_host(history, **host)
        for name, figures in units.items():
            tell(history, name, **figures)
        history.wait(5, step=1)
    return history


def test_a_service_that_takes_the_processor_while_another_waits_is_named_once() -> None:
    history = run(BUSY, {"batch": HOG, "api": VICTIM, "web": WELL}, 600)
    (notice,) = noticed(history)
    assert (notice.kind, notice.unit) == (NoticeKind.NOISY_NEIGHBOUR, uid("batch"))
    assert notice.text == "batch takes 3.2 of 4 cores; api wait up to 50% of the time"
    assert history.opened == []


def test_a_stranger_that_takes_it_is_named_too() -> None:
    stranger: dict[str, Scalar] = {"top_pid": 77, "top_name": "stress", "top_cpu": 3.5}
    (notice,) = noticed(run({**BUSY, **stranger}, {"api": VICTIM, "web": WELL}))
    assert notice.unit == host_unit()
    assert "process 77 (stress), which no supervisor runs, takes 3.5 of 4 cores; api wait" in notice.text


def test_without_pressure_files_the_load_says_it() -> None:
    host = {name: value for name, value in BUSY.items() if name != "psi_cpu"}
    assert len(noticed(run(host, {"batch": HOG, "api": VICTIM}))) == 1
    assert noticed(run({**host, "load1": 4.0}, {"batch": HOG, "api": VICTIM})) == []


def test_a_disk_that_one_keeps_busy() -> None:
    host: dict[str, Scalar] = {"cores": 4, "cpu": 0.2, "psi_io": 0.6, "disk_read": 5e6, "disk_write": 95e6}
    (notice,) = noticed(run(host, {"dump": {"write_s": 90e6}, "api": {"write_s": 1e6}}))
    assert notice.unit == uid("dump")
    assert "dump reads and writes 90 MB/s of 100 MB/s" in notice.text


def test_memory_that_one_has() -> None:
    host: dict[str, Scalar] = {"cores": 4, "cpu": 0.2, "psi_memory": 0.5, "memory_total": 8 * GB}
    (notice,) = noticed(run(host, {"cache": {"rss": 6 * GB}, "api": {"rss": GB // 4}}))
    assert notice.unit == uid("cache")


NOBODY_LACKS_ANYTHING: dict[str, tuple[dict[str, Scalar], Rows, Any]] = {
    "the machine is idle": ({**BUSY, "cpu": 0.5}, {"batch": HOG, "api": VICTIM}, 300),
    "nobody waits": ({**BUSY, "psi_cpu": 0.1}, {"batch": HOG, "api": VICTIM}, 300),
    "no other service waits": (BUSY, {"batch": HOG, "api": WELL}, 300),
    "it is alone": (BUSY, {"batch": {**HOG, "wait": 0.6}}, 300),
    "all take a little": (BUSY, dict.fromkeys("abcdefgh", VICTIM), 300),
    "for a moment only": (BUSY, {"batch": HOG, "api": VICTIM}, 40),
    "of disks nothing waits": ({"psi_io": 0.05, "disk_write": 95e6}, {"dump": {"write_s": 90e6}, "api": {}}, 300),
}


@pytest.mark.parametrize("name", NOBODY_LACKS_ANYTHING)
def test_a_busy_machine_is_no_trouble(name: str) -> None:
    host, units, seconds = NOBODY_LACKS_ANYTHING[name]
    assert noticed(run(host, units, seconds)) == []
