"""Archives beside a log: packed whole or not at all, bounded in number and size, and nothing else is ever touched."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent_tools.logs import rotate_archives
from opsagent_tools.logs.rotate_archives import archives, new_name, pack, prune
from opsagent_tools.logs.rotate_place import Place

OWN = frozenset({os.geteuid()})
AT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "api.log"
    path.write_text("now\n")
    return path


def put(log: Path, *stamps: str, size: int = 1000) -> None:
    for stamp in stamps:
        log.with_name(f"{log.name}.{stamp}").write_bytes(stamp.encode() * (size // len(stamp)))


def names(log: Path) -> list[str]:
    return sorted(path.name.removeprefix("api.log") for path in log.parent.iterdir())


def test_names_are_in_the_order_of_time_whatever_the_clock_does(log: Path) -> None:
    with Place.open(log, OWN) as place:
        made = []
        for at in (AT, AT, AT.replace(hour=11), AT.replace(hour=13)):
            made.append(new_name(place, at))
            log.with_name(made[-1]).write_text("x")
        assert made[:2] == ["api.log.20260301T120000Z", "api.log.20260301T120000Z-1"]
        assert [one.name for one in archives(place)] == made


def test_the_newest_stays_plain_for_who_still_reads_it(log: Path) -> None:
    put(log, "20260301T110000Z", "20260301T120000Z")
    plain = log.with_name("api.log.20260301T110000Z")
    content = plain.read_bytes()
    plain.chmod(0o640)
    with Place.open(log, OWN) as place:
        assert pack(place, now=AT.timestamp() + 5) == ["api.log.20260301T110000Z.gz"]
        assert names(log) == ["", ".20260301T110000Z.gz", ".20260301T120000Z"]
        packed = log.with_name("api.log.20260301T110000Z.gz")
        assert (gzip.decompress(packed.read_bytes()), packed.stat().st_mode & 0o777) == (content, 0o640)
        assert pack(place, now=AT.timestamp() + 61) == ["api.log.20260301T120000Z.gz"]


def test_an_archive_that_is_written_to_is_not_packed(log: Path) -> None:
    import subprocess
    import sys

    put(log, "20260301T110000Z")
    with log.with_name("api.log.20260301T110000Z").open("ab") as file:
        late = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[file.fileno()])
    with Place.open(log, OWN) as place:
        assert pack(place) == []
        late.communicate(b"\n", timeout=10)
        assert pack(place) == ["api.log.20260301T110000Z.gz"]


def test_a_full_disk_leaves_the_plain_one(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    put(log, "20260301T110000Z")
    monkeypatch.setattr(rotate_archives, "write_all", full)
    with Place.open(log, OWN) as place, pytest.raises(OSError, match="No space"):
        pack(place)
    assert names(log) == ["", ".20260301T110000Z"]


def test_the_oldest_go_first_and_the_newest_stays(log: Path) -> None:
    stamps = [f"2026030{day}T000000Z.gz" for day in range(1, 7)]
    put(log, *stamps)
    with Place.open(log, OWN) as place:
        assert prune(place, keep=4, total=10**9) == [f"api.log.{stamp}" for stamp in stamps[1::-1]]
        assert [one.name for one in archives(place)] == [f"api.log.{stamp}" for stamp in stamps[2:]]
        prune(place, keep=4, total=2500)
        assert len(archives(place)) == 2
        prune(place, keep=1, total=1)
        assert len(archives(place)) == 1


def test_what_is_no_archive_of_this_log_is_never_touched(log: Path) -> None:
    others = [
        "api.log.1",
        "api.log.old",
        "api.log.20260301T000000Z.bak",
        "api.log2.20260301T000000Z",
        "api.log.20269999T000000Z",
    ]
    for name in others:
        log.with_name(name).write_text("x")
    log.with_name("api.log.20260201T000000Z").symlink_to(log)
    log.with_name("api.log.20260202T000000Z").hardlink_to(log.with_name("api.log.1"))
    before = names(log)
    with Place.open(log, OWN) as place:
        assert archives(place) == []
        assert (pack(place), prune(place, keep=1, total=1)) == ([], [])
    assert names(log) == before
