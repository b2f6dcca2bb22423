"""Following a log through what writers and rotation do to it: nothing lost, nothing twice, memory bounded."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_tools.logs.tail import FileTail, TailLimits, text_of


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(b"old\n")
    return path


@pytest.fixture
def tail(log: Path) -> Iterator[FileTail]:
    following = FileTail(log)
    yield following
    following.close()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_what_stood_there_before_is_not_told(tail: FileTail, log: Path) -> None:
    assert tail.look() == []
    append(log, b"new\n")
    assert tail.look() == [b"new"]
    assert tail.look() == []


def test_from_the_start_when_asked(log: Path) -> None:
    tail = FileTail(log, from_start=True)
    assert tail.look() == [b"old"]
    tail.close()


def test_a_half_line_waits_for_its_end(tail: FileTail, log: Path) -> None:
    append(log, b"one\ntw")
    assert tail.look() == [b"one"]
    append(log, b"o\n")
    assert tail.look() == [b"two"]


def test_the_rest_of_a_line_that_was_half_written_before_is_no_line(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"password: ")
    tail = FileTail(path)
    append(path, b"secret\nnext\n")
    assert tail.look() == [b"next"]
    tail.close()


def test_renamed_and_recreated(tail: FileTail, log: Path) -> None:
    append(log, b"1\n")
    log.rename(log.with_suffix(".log.1"))
    append(log, b"3\n")
    append(log.with_suffix(".log.1"), b"2\n")
    assert tail.look() == [b"1", b"2", b"3"]


def test_a_writer_that_reopens_late_is_read_on(tail: FileTail, log: Path) -> None:
    with log.open("ab", buffering=0) as writer:
        log.rename(log.with_suffix(".log.1"))
        append(log, b"new file\n")
        assert tail.look() == [b"new file"]
        writer.write(b"still to the old one\n")
        assert tail.look() == [b"still to the old one"]


def test_a_renamed_file_is_let_go_of_after_a_while(log: Path) -> None:
    now = [0.0]
    tail = FileTail(log, limits=TailLimits(linger_s=5.0), clock=lambda: now[0])
    fds = Path("/proc/self/fd")
    open_before = len(list(fds.iterdir())) if fds.exists() else 0
    for generation in range(5):
        log.rename(log.with_suffix(f".log.{generation}"))
        append(log, b"x\n")
        assert tail.look() == [b"x"]
    now[0] = 6.0
    tail.look()
    if open_before:
        assert len(list(fds.iterdir())) == open_before
    tail.close()


def test_truncated(tail: FileTail, log: Path) -> None:
    append(log, b"1\n")
    assert tail.look() == [b"1"]
    log.write_bytes(b"2\n")
    assert tail.look() == [b"2"]


def test_truncated_and_grown_beyond_where_we_were(tail: FileTail, log: Path) -> None:
    append(log, b"1\n")
    assert tail.look() == [b"1"]
    log.write_bytes(b"a much longer line than all that stood there before\n")
    assert tail.look() == [b"a much longer line than all that stood there before"]


def test_copied_then_truncated_loses_nothing(tail: FileTail, log: Path) -> None:
    append(log, b"1\n")
    assert tail.look() == [b"1"]
    append(log, b"2 came between our looking and the copy\n")
    shutil.copyfile(log, log.with_suffix(".log.1"))
    os.truncate(log, 0)
    append(log, b"3\n")
    assert tail.look() == [b"2 came between our looking and the copy", b"3"]


def test_a_symbolic_link_beside_it_is_no_copy(tail: FileTail, log: Path, tmp_path: Path) -> None:
    append(log, b"1\n")
    assert tail.look() == [b"1"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(log.read_bytes() + b"not ours to read\n")
    log.with_suffix(".log.1").symlink_to(elsewhere)
    os.truncate(log, 0)
    append(log, b"2\n")
    assert tail.look() == [b"2"]


def test_deleted_and_made_again(tail: FileTail, log: Path) -> None:
    append(log, b"last words\n")
    log.unlink()
    assert tail.look() == [b"last words"]
    assert tail.look() == []
    append(log, b"again\n")
    assert tail.look() == [b"again"]


def test_a_file_that_comes_later_is_read_from_its_start(tmp_path: Path) -> None:
    tail = FileTail(tmp_path / "later.log")
    assert tail.look() == []
    append(tmp_path / "later.log", b"first\n")
    assert tail.look() == [b"first"]
    tail.close()


def test_what_is_no_text_becomes_text(tail: FileTail, log: Path) -> None:
    append(log, b"\xff\xfe bad \xc3\r\n\0\0\0after a truncating writer\n")
    assert [text_of(line) for line in tail.look()] == ["\ufffd\ufffd bad \ufffd", "after a truncating writer"]


def test_a_line_without_end_is_cut_and_the_next_one_is_whole(log: Path) -> None:
    tail = FileTail(log, limits=TailLimits(line_bytes=100))
    for _ in range(50):
        append(log, b"x" * 1000)
        tail.look()
    append(log, b"\nnext\n")
    assert tail.look() == [b"next"]
    tail.close()


def test_a_flood_is_skipped_and_counted(log: Path) -> None:
    tail = FileTail(log, limits=TailLimits(look_bytes=1000, backlog_bytes=5000))
    append(log, b"".join(b"%09d\n" % number for number in range(2000)))
    lines = []
    while more := tail.look():
        assert sum(len(line) + 1 for line in more) <= 1000
        lines += more
    assert lines[-1] == b"%09d" % 1999
    assert tail.skipped > 10_000
    assert all(len(line) == 9 for line in lines)
    tail.close()


def test_a_fifo_in_the_place_of_a_log_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "app.log")
    tail = FileTail(tmp_path / "app.log")
    assert tail.look() == []
    tail.close()


def test_unreadable_is_an_error_for_the_caller(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    (tmp_path / "app.log").touch(mode=0o000)
    with pytest.raises(PermissionError):
        FileTail(tmp_path / "app.log")


class RotatingWriter:
    """Writes numbered lines, half ones too, and rotates as logrotate does, by either of its ways."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rotations = 0
        self.written: list[bytes] = []
        self._half = b""

    def write(self) -> None:
        line = b"line %06d of this test, unlike all the others" % len(self.written)
        append(self.path, line.removeprefix(self._half) + b"\n")
        self._half = b""
        self.written.append(line)

    def half(self) -> None:
        if not self._half:
            self._half = b"line %06d of" % len(self.written)
            append(self.path, self._half)

    def rename(self) -> None:
        self.rotations += 1
        self.path.rename(self.path.with_name(f"app.log.{self.rotations}"))
        append(self.path, b"")
        self._half = b""  # the writer starts its line anew in the new file

    def copytruncate(self) -> None:
        self.rotations += 1
        shutil.copyfile(self.path, self.path.with_name(f"app.log.{self.rotations}"))
        os.truncate(self.path, 0)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["write", "write", "half", "look", "rename", "copytruncate"]), max_size=40))
def test_whatever_a_rotating_writer_does_each_line_comes_once_and_in_order(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "app.log"
        path.touch()
        writer, tail, seen = RotatingWriter(path), FileTail(path), []
        for step in steps:
            if step == "look":
                seen += tail.look()
            elif step in {"rename", "copytruncate"}:
                writer.write()  # ends a half line: a writer does not rotate in the middle of one
                seen += tail.look()  # what is rotated twice between two looks is lost, and nothing can be done
                writer.write()
                getattr(writer, step)()
                seen += tail.look()
            else:
                getattr(writer, step)()
        writer.write()
        seen += tail.look()
        tail.close()
        assert seen == writer.written


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=30), st.integers(1, 200))
def test_lines_do_not_depend_on_how_the_writes_were_cut(chunks: list[bytes], bound: int) -> None:
    whole = b"".join(chunks)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "app.log"
        path.touch()
        tail = FileTail(path, limits=TailLimits(line_bytes=bound))
        seen: list[bytes] = []
        for chunk in chunks:
            append(path, chunk)
            seen += tail.look()
        append(path, b"\n")
        seen += tail.look()
        tail.close()
    expected = [line.lstrip(b"\0")[:bound].rstrip(b"\r").strip(b"\0") for line in (whole + b"\n").split(b"\n")[:-1]]
    assert seen == expected
