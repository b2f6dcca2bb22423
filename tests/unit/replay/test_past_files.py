"""A log and what was rotated away of it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from pathlib import Path

import pytest

from opsagent_tools.logs import past
from opsagent_tools.logs.past import PastFile, Reading, family, read

NAMES = (
    "app.log", "app.log.1", "app.log.2.gz", "app.log-20261101", "app.log-20261102.gz", "app.log.20261103T150000Z",
    "app.log.20261104T150000Z-1.gz", "app.log.2026-11-05", "app__2026-11-06_00-00-00.log", "app__2026-11-07_00-00-00.log.gz",
    "app-2026-11-08.log",
)  # fmt: skip
STRANGERS = ("app.log.bak", "app.logger", "app-worker.log", "app2.log", "xapp.log", "app.log.20261103T150000Z.part")


def lines(file: PastFile, uid: int | None = None) -> tuple[list[bytes], Reading]:
    reading = Reading()
    return [line for some in read(file, uid, reading) for line in some], reading


def test_every_rotators_names_belong_to_the_log_and_no_others(tmp_path: Path) -> None:
    for name in (*NAMES, *STRANGERS):
        (tmp_path / name).write_bytes(b"x\n")
    assert {file.path.name for file in family(tmp_path / "app.log")} == set(NAMES)


def test_they_come_oldest_first_and_the_log_itself_last(tmp_path: Path) -> None:
    for name in ("app.log", "app.log.1", "app.log.2", "app.log.10"):
        (tmp_path / name).write_bytes(b"x\n")
    assert [file.path.name for file in family(tmp_path / "app.log")] == [
        "app.log.10",
        "app.log.2",
        "app.log.1",
        "app.log",
    ]


def test_what_was_last_written_before_the_wanted_time_is_left_out(tmp_path: Path) -> None:
    for name, at in (("app.log.1", 1000.0), ("app.log", 2000.0)):
        (tmp_path / name).write_bytes(b"x\n")
        os.utime(tmp_path / name, (at, at))
    assert [file.path.name for file in family(tmp_path / "app.log", since=1500.0)] == ["app.log"]


def test_one_that_is_being_packed_counts_once(tmp_path: Path) -> None:
    (tmp_path / "app.log.1").write_bytes(b"x\n")
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress(b"x\n"))
    assert [file.path.name for file in family(tmp_path / "app.log")] == ["app.log.1"]


@pytest.mark.parametrize(
    ("ending", "pack"), [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_packed_or_not_the_lines_are_the_same(tmp_path: Path, ending: str, pack: object) -> None:
    assert callable(pack)
    path = tmp_path / f"app.log.1{ending}"
    path.write_bytes(pack(b"one\r\n\n\0\0two\n" + b"x" * 40_000 + b"\nlast"))
    (file,) = family(tmp_path / "app.log")
    found, reading = lines(file)
    assert [line[:4] for line in found] == [b"one", b"", b"two", b"xxxx", b"last"]
    assert (max(map(len, found)), reading.lines, reading.problem) == (16 * 1024, 5, "")


def test_a_line_without_an_end_costs_little(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(b"y" * 3_000_000 + b"\nnext\n")
    (file,) = family(tmp_path / "app.log")
    assert [line[:4] for line in lines(file)[0]] == [b"yyyy", b"next"]


def test_what_was_punched_out_of_a_log_costs_nothing(tmp_path: Path) -> None:
    with (tmp_path / "app.log").open("wb") as file:
        file.seek(1 << 30)
        file.write(b"first\nsecond\n")
    (log,) = family(tmp_path / "app.log")
    found, reading = lines(log)
    assert (found[-2:], len(found) < 4, reading.bytes < 1 << 20) == ([b"first", b"second"], True, True)


def test_millions_of_empty_lines_are_counted_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress(b"one\n\ntwo" + b"\n" * 3_000_000 + b"three\n"))
    (file,) = family(tmp_path / "app.log")
    found, reading = lines(file)
    assert [line for line in found if line] == [b"one", b"two", b"three"]
    assert (len(found) < 100, reading.lines) == (True, 3_000_003)


def test_of_very_many_files_the_newest_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past, "FILES_MOST", 3)
    for number in range(1, 9):
        (tmp_path / f"app.log.{number}").write_bytes(b"x\n")
        (tmp_path / f"another-{number}").write_bytes(b"x\n")
    (tmp_path / "app.log").write_bytes(b"x\n")
    assert [file.path.name for file in family(tmp_path / "app.log")] == ["app.log.2", "app.log.1", "app.log"]


def test_a_packed_file_that_breaks_off_gives_what_it_has(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(b"line %d of many\n" % number for number in range(50_000)))
    (tmp_path / "app.log.1.gz").write_bytes(packed[: len(packed) // 2])
    (file,) = family(tmp_path / "app.log")
    found, reading = lines(file)
    assert found[:1] == [b"line 0 of many"]
    assert "breaks off" in reading.problem


def test_what_only_calls_itself_packed_is_told(tmp_path: Path) -> None:
    (tmp_path / "app.log.1.gz").write_bytes(b"no gzip at all\n")
    (file,) = family(tmp_path / "app.log")
    assert lines(file)[0] == []
    assert "breaks off" in lines(file)[1].problem


def test_links_and_pipes_beside_a_log_are_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret\n")
    (tmp_path / "app.log.1").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "app.log.2")
    (tmp_path / "app.log").write_bytes(b"x\n")
    assert [file.path.name for file in family(tmp_path / "app.log")] == ["app.log"]


def test_one_with_two_names_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret\n")
    os.link(tmp_path / "secret", tmp_path / "app.log.1")
    (file,) = family(tmp_path / "app.log")
    found, reading = lines(file)
    assert (found, reading.problem) == ([], "has 2 links")


def test_one_that_was_put_in_its_place_meanwhile_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "app.log.1").write_bytes(b"x\n")
    (file,) = family(tmp_path / "app.log")
    (tmp_path / "app.log.1").unlink()
    (tmp_path / "other").write_bytes(b"secret\n")
    (tmp_path / "app.log.1").symlink_to(tmp_path / "other")
    found, reading = lines(file)
    assert found == []
    assert reading.problem


def test_another_users_log_is_read_as_that_users_only(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(b"x\n")
    (file,) = family(tmp_path / "app.log")
    found, reading = lines(file, uid=os.geteuid() + 1)
    assert found == []
    assert "belongs to uid" in reading.problem
