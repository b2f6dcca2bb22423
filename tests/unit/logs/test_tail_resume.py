"""A tail that goes on where its last life stood: nothing lost, nothing twice, whatever became of the file meanwhile."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_tools.logs.tail import FileTail, TailLimits


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(b"of before\n")
    return path


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def position_after(log: Path, written: bytes = b"1 read before\n") -> dict[str, Any]:
    """Follow the log for a moment, and be gone; what is kept has been through JSON."""
    tail = FileTail(log)
    append(log, written)
    tail.look()
    position = json.loads(json.dumps(tail.position()))
    tail.close()
    return dict(position)


@contextmanager
def resumed(log: Path, position: dict[str, Any], limits: TailLimits | None = None) -> Iterator[FileTail]:
    tail = FileTail(log, resume=position, limits=limits)
    try:
        yield tail
    finally:
        tail.close()


def all_of(tail: FileTail) -> list[bytes]:
    lines = tail.look()
    while more := tail.look():
        lines += more
    return lines


PLACE = {"id": [1, 2], "offset": 0, "half": 0, "mark": [0, ""], "head": [0, ""], "touched_ns": 0}


def test_goes_on_in_the_same_file(log: Path) -> None:
    position = position_after(log)
    append(log, b"2 while away\n")
    with resumed(log, position) as tail:
        assert (tail.look(), tail.past) == ([b"2 while away"], True)
        append(log, b"3 live\n")
        assert (tail.look(), tail.past) == ([b"3 live"], False)
        assert tail.missed == ""


def test_nothing_is_read_twice_where_nothing_came(log: Path) -> None:
    with resumed(log, position_after(log)) as tail:
        assert all_of(tail) == []


def test_a_half_line_is_whole_afterwards(log: Path) -> None:
    position = position_after(log, b"1\n2 ha")
    append(log, b"lf\n3\n")
    with resumed(log, position) as tail:
        assert all_of(tail) == [b"2 half", b"3"]


def test_the_rest_of_a_line_that_was_too_long_is_dropped(log: Path) -> None:
    position = position_after(log, b"x" * 100_000)
    append(log, b"xxx\nnext\n")
    with resumed(log, position) as tail:
        assert all_of(tail) == [b"next"]


def test_no_text_of_the_log_is_kept(log: Path) -> None:
    position = position_after(log, b"whole line with hunter2\nhalf line with hunter2")
    assert "hunter2" not in json.dumps(position)
    assert "of before" not in json.dumps(position)


def renamed(log: Path, number: int) -> None:
    log.rename(log.with_name(f"app.log.{number}"))
    append(log, b"")


def copied(log: Path, number: int) -> None:
    shutil.copyfile(log, log.with_name(f"app.log.{number}"))
    os.truncate(log, 0)


def dated(log: Path, number: int) -> None:
    log.rename(log.with_name(f"app-2026-11-{number:02}.log"))
    append(log, b"")


def packed(log: Path, number: int) -> None:
    content = log.read_bytes()
    log.with_name(f"app.log.{number}.gz").write_bytes(gzip.compress(content))
    log.unlink()
    append(log, b"")


@pytest.mark.parametrize("rotate", [renamed, copied, dated, packed])
@pytest.mark.parametrize("times", [1, 3])
def test_rotated_while_away(log: Path, rotate: Callable[[Path, int], None], times: int) -> None:
    position = position_after(log)
    expected = []
    for number in range(times):
        append(log, b"before rotation %d\n" % number)
        _later(log)
        rotate(log, number + 1)
        expected.append(b"before rotation %d" % number)
    append(log, b"after\n")
    with resumed(log, position) as tail:
        assert all_of(tail) == [*expected, b"after"]
        append(log, b"live\n")
        assert all_of(tail) == [b"live"]


def _later(log: Path) -> None:
    """File systems tell times in steps of some milliseconds, and the order of archives is that of their times."""
    stands = log.stat().st_mtime_ns
    probe = log.with_name("clock")
    while True:
        probe.write_bytes(b"")
        if probe.stat().st_mtime_ns > stands:
            return


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_with_the_inode_of_one_that_was_read_and_deleted_is_read(log: Path, packed: bool) -> None:
    kept = position_after(log)
    for number in (2, 1):
        append(log, b"before rotation %d\n" % number)
        _later(log)
        if packed:
            log.with_name(f"{log.name}.{number}.gz").write_bytes(gzip.compress(log.read_bytes()))
        else:
            shutil.copyfile(log, log.with_name(f"{log.name}.{number}"))
        _later(log)
        os.truncate(log, 0)
    append(log, b"now\n")
    reused = log.with_name(f"{log.name}.1.gz" if packed else f"{log.name}.1").stat()
    kept["read"] = [PLACE | {"id": [reused.st_dev, reused.st_ino], "offset": 4, "mark": [4, "of another file"]}]
    with resumed(log, kept) as tail:
        assert all_of(tail) == [b"before rotation 2", b"before rotation 1", b"now"]


def test_older_archives_are_not_read(log: Path) -> None:
    log.with_name("app.log.1").write_bytes(b"of last week\n")
    log.with_name("app.log.2.gz").write_bytes(gzip.compress(b"of the week before\n"))
    _later(log.with_name("app.log.2.gz"))
    position = position_after(log)
    log.with_name("app.log.1").rename(log.with_name("app.log.3"))
    _later(log)
    renamed(log, 1)
    append(log, b"2\n")
    with resumed(log, position) as tail:
        assert all_of(tail) == [b"2"]


def test_an_archive_that_was_packed_after_it_was_read_is_not_read_again(log: Path) -> None:
    tail = FileTail(log, limits=TailLimits(linger_s=0.0))
    append(log, b"1\n")
    renamed(log, 1)
    assert all_of(tail) == [b"1"]
    append(log, b"2\n")
    assert all_of(tail) == [b"2"]
    _later(log)
    archive = log.with_name("app.log.1")
    log.with_name("app.log.1.gz").write_bytes(gzip.compress(archive.read_bytes()))
    archive.unlink()
    position = json.loads(json.dumps(tail.position()))
    renamed(log, 2)
    append(log, b"3\n")
    assert all_of(tail) == [b"3"]
    tail.close()
    with resumed(log, position) as tail:
        assert all_of(tail) == [b"3"]


def test_a_line_of_many_megabytes_takes_no_more_memory_than_a_short_one(log: Path) -> None:
    tail, chunk = FileTail(log), b"x" * 1_000_000
    tracemalloc.start()
    for _ in range(30):
        append(log, chunk)
        assert sum(len(line) for line in tail.look()) <= 16 * 1024
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    append(log, b"\nnext\n")
    assert tail.look() == [b"next"]
    assert peak < 4_000_000
    tail.close()


def test_logs_of_other_instances_are_no_archives(log: Path) -> None:
    position = position_after(log)
    _later(log)
    append(log.with_name("app-1.log"), b"of another instance\n")
    append(log.with_name("app.log-error"), b"of another log\n")
    renamed(log, 1)
    append(log, b"2\n")
    with resumed(log, position) as tail:
        assert all_of(tail) == [b"2"]


def test_truncated_while_away_and_no_copy_made(log: Path) -> None:
    position = position_after(log)
    log.write_bytes(b"2 and much longer than all that stood here before\n")
    with resumed(log, position) as tail:
        assert all_of(tail) == [b"2 and much longer than all that stood here before"]


def test_deleted_and_made_again_while_away(log: Path) -> None:
    position = position_after(log)
    log.unlink()
    append(log, b"2 in a new file, perhaps of the same inode\n")
    with resumed(log, position) as tail:
        assert all_of(tail) == [b"2 in a new file, perhaps of the same inode"]


def test_what_is_gone_is_told(log: Path) -> None:
    position = position_after(log)
    append(log, b"2 lost\n")
    renamed(log, 1)
    log.with_name("app.log.1").unlink()
    append(log, b"3\n")
    with resumed(log, position) as tail:
        assert "not there any more" in tail.missed
        assert all_of(tail) == [b"3"]


def test_of_very_many_archives_the_newest_are_read_and_that_is_told(log: Path) -> None:
    position = position_after(log)
    for number in range(12):
        append(log, b"%d\n" % number)
        _later(log)
        renamed(log, number + 1)
    with resumed(log, position) as tail:
        lines = all_of(tail)
    assert "older archives" in tail.missed
    assert lines == [b"0", *(b"%d" % number for number in range(4, 12))]


def test_gone_altogether_and_back_later(log: Path) -> None:
    position = position_after(log)
    append(log, b"2\n")
    log.rename(log.with_name("app.log.1"))
    with resumed(log, position) as tail:
        assert all_of(tail) == [b"2"]
        append(log, b"3\n")
        assert all_of(tail) == [b"3"]


def test_a_log_that_was_not_there_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    tail = FileTail(log)
    position = tail.position()
    tail.close()
    append(log, b"1\n")
    with resumed(log, position) as tail:
        assert all_of(tail) == [b"1"]


def test_a_link_that_points_to_the_file_of_another_day(tmp_path: Path) -> None:
    link, days = tmp_path / "current.log", [tmp_path / f"app-2026-11-{day}.log" for day in (26, 27, 28)]
    days[0].touch()
    link.symlink_to(days[0])
    position = position_after(link)
    append(days[0], b"end of 26\n")
    for day in days[1:]:
        _later(day.with_name(f"app-2026-11-{int(day.stem[-2:]) - 1}.log"))
        append(day, day.stem[-2:].encode() + b"\n")
        link.unlink()
        link.symlink_to(day)
    with resumed(link, position) as tail:
        assert all_of(tail) == [b"end of 26", b"27", b"28"]


def test_a_link_that_is_set_to_another_file_and_back(tmp_path: Path) -> None:
    link, one, two = tmp_path / "current.log", tmp_path / "blue.log", tmp_path / "green.log"
    one.write_bytes(b"blue before\n")
    two.touch()
    link.symlink_to(one)
    now = [0.0]
    tail = FileTail(link, clock=lambda: now[0])
    told = []
    for target, line in [(one, b"blue 1"), (two, b"green 1"), (one, b"blue 2"), (two, b"green 2")]:
        link.unlink()
        link.symlink_to(target)
        append(target, line + b"\n")
        told += tail.look()
        now[0] += 10
        told += tail.look()
    tail.close()
    assert told == [b"blue 1", b"green 1", b"blue 2", b"green 2"]


def test_rotated_twice_between_two_looks(log: Path) -> None:
    tail = FileTail(log)
    append(log, b"1\n")
    tail.look()
    for number in (2, 3):
        append(log, b"%d\n" % number)
        _later(log)
        renamed(log, number)
    append(log, b"4\n")
    assert all_of(tail) == [b"2", b"3", b"4"]
    for number in (5, 6):
        append(log, b"%d\n" % number)
        _later(log)
        copied(log, number)
    append(log, b"7\n")
    assert all_of(tail) == [b"5", b"6", b"7"]
    tail.close()


def test_a_long_absence_is_caught_up_in_bounded_looks(log: Path) -> None:
    position = position_after(log)
    append(log, b"".join(b"%09d\n" % number for number in range(1000)))
    renamed(log, 1)
    append(log, b"now\n")
    with resumed(log, position, TailLimits(look_bytes=1000)) as tail:
        looks = 0
        lines: list[bytes] = []
        while more := tail.look():
            assert tail.past
            assert sum(len(line) + 1 for line in more) <= 1000
            lines += more
            looks += 1
        assert looks >= 10
        assert lines == [*(b"%09d" % number for number in range(1000)), b"now"]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"files": 1},
        {"files": [{"id": [1, 2]}], "read": []},
        {"files": [], "read": 5},
        {"files": [PLACE | {"offset": 2**70}], "read": []},
        {"files": [PLACE | {"touched_ns": float("inf")}], "read": []},
    ],
)
def test_a_position_that_is_none_is_no_position(log: Path, broken: dict[str, Any]) -> None:
    with resumed(log, broken) as tail:
        append(log, b"new\n")
        assert all_of(tail) == [b"new"]


class Kept:
    """A follower that is killed now and then; what it told after it last kept its position is told again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: list[bytes] = []
        self._tail = FileTail(path)
        self.keep()

    def look(self) -> None:
        self.seen += self._tail.look()

    def keep(self) -> None:
        self._kept = self._tail.position(), len(self.seen)

    def kill(self) -> None:
        position, count = self._kept
        self._tail.close()
        del self.seen[count:]
        self._tail = FileTail(self.path, resume=json.loads(json.dumps(position)))

    def close(self) -> None:
        self._tail.close()


STEPS = ["write", "write", "half", "look", "keep", "kill", "rename", "copytruncate"]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=40))
def test_killed_anywhere_each_line_comes_once_and_in_order(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "app.log"
        path.touch()
        written: list[bytes] = []
        half, rotations, unkept, kept = b"", 0, 0, Kept(path)

        def write() -> None:
            nonlocal half
            line = b"line %06d of this test, unlike all the others" % len(written)
            append(path, line.removeprefix(half) + b"\n")
            half = b""
            written.append(line)

        for step in steps:
            if step == "write":
                write()
            elif step == "half" and not half:
                half = b"line %06d of" % len(written)
                append(path, half)
            elif step in {"rename", "copytruncate"} and unkept < 7:  # of more, the oldest are left out
                unkept += 1
                write()
                _later(path)
                rotations += 1
                (renamed if step == "rename" else copied)(path, rotations)
                half = b""
                write()
            elif step in {"look", "keep", "kill"}:
                getattr(kept, step)()
                unkept = 0 if step == "keep" else unkept
        write()
        kept.look()
        kept.look()
        kept.close()
        assert kept.seen == written
