"""Rotation of a log that is written to: every line is there exactly once; what is not what it seems is left alone."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent_tools.files import UnsafeFile
from opsagent_tools.logs import rotate
from opsagent_tools.logs.cuts import blank, whole_blocks
from opsagent_tools.logs.rotate import Method, NothingToRotate, NotRotated, cut_off, size_of
from opsagent_tools.logs.rotate_archives import PART, archives
from opsagent_tools.logs.rotate_place import Place
from opsagent_tools.logs.tail import FileTail
from tests.support.waiting import eventually
from tests.unit.logs.rotating import Writer, everything, numbers, writing

OWN = frozenset({os.geteuid()})
LINES = b"".join(b"%06d a line of a log\n" % number for number in range(2000))


COLLAPSED: tuple[Method, ...] = ("collapsed",)


def now() -> datetime:
    return datetime.now(UTC)


def grown(log: Path, by: int = 300_000) -> None:
    before = log.stat().st_blocks * 512
    eventually(lambda: log.stat().st_blocks * 512 >= before + by, why="the log grows")


def cut(log: Path, writer: Writer, **how: object) -> rotate.Rotated:
    with Place.open(log, OWN) as place:
        return cut_off(place, writer.pids, now(), **how)  # type: ignore[arg-type]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "api.log"


@pytest.mark.parametrize("method", ["collapsed", "punched"])
def test_every_line_is_there_once_however_fast_they_come(method: Method, log: Path) -> None:
    with writing(log) as writer:
        done = []
        for _ in range(6):
            grown(log)
            done.append(cut(log, writer, methods=(method,)))
        count = writer.end()
    assert {one.method for one in done} == {method}
    assert count > 20_000
    assert numbers(everything(log, OWN)) == list(range(count))
    for one in done:
        assert log.with_name(one.archive).read_bytes().endswith(b"\n"), "no line is divided"


def test_where_nothing_can_be_collapsed_it_is_punched() -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or os.statvfs(shared).f_bsize != 4096 or "tmpfs" not in Path("/proc/mounts").read_text():
        pytest.skip("needs a tmpfs at /dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared))
    try:
        with writing(folder / "api.log") as writer:
            done = []
            for _ in range(3):
                grown(folder / "api.log")
                done.append(cut(folder / "api.log", writer))
            with Place.open(folder / "api.log", OWN) as place:
                assert size_of(place) < (folder / "api.log").stat().st_size, "what was punched out does not count"
            count = writer.end()
        assert {one.method for one in done} == {"punched"}
        assert numbers(everything(folder / "api.log", OWN)) == list(range(count))
    finally:
        shutil.rmtree(folder)


def test_a_log_that_may_lose_a_line_is_emptied_only_for_who_asks(log: Path) -> None:
    log.write_bytes(LINES)
    with writing(log) as writer:
        with pytest.raises(NotRotated, match="could lose a line"):
            cut(log, writer, methods=())
        assert [path.name for path in log.parent.iterdir()] == [log.name], "nothing is left of the attempt"
        writer.end()
        with log.open("ab") as still, Place.open(log, OWN) as place:
            before, holder = log.read_bytes(), _as_another(still.fileno())
            done = cut_off(place, {holder.pid}, now(), methods=(), gap=True)
            holder.end()
    assert (done.method, done.gap_s > 0) == ("emptied", True)
    assert (log.read_bytes(), log.with_name(done.archive).read_bytes()) == (b"", before)


class _Holder:
    """A child of ours that holds a descriptor open and does nothing."""

    def __init__(self, pid: int, release: int) -> None:
        self.pid = pid
        self._release = release

    def end(self) -> None:
        os.close(self._release)
        os.waitpid(self.pid, 0)


def _as_another(descriptor: int) -> _Holder:
    import subprocess
    import sys

    reader, release = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=reader, pass_fds=[descriptor])
    os.close(reader)
    process.returncode = 0  # it is waited for by its pid
    return _Holder(process.pid, release)


@pytest.fixture
def held(log: Path) -> Iterator[set[int]]:
    """A log that somebody holds, and who."""
    log.write_bytes(LINES)
    with log.open("ab") as file:
        holder = _as_another(file.fileno())
    yield {holder.pid}
    holder.end()


def refused(log: Path, pids: set[int]) -> str:
    """Why it is not rotated; nothing has changed then."""
    before = sorted(path.name for path in log.parent.iterdir())
    with pytest.raises((UnsafeFile, NotRotated)) as told, Place.open(log, OWN) as place:
        cut_off(place, pids, now(), gap=True)
    assert sorted(path.name for path in log.parent.iterdir()) == before
    return str(told.value)


def test_a_log_that_is_a_link_to_etc_shadow_is_refused(log: Path, held: set[int]) -> None:
    log.unlink()
    log.symlink_to("/etc/shadow")
    assert "is a link" in refused(log, held)


def test_a_log_with_two_links_is_refused(log: Path, held: set[int]) -> None:
    log.with_name("other").hardlink_to(log)
    assert "has 2 links" in refused(log, held)


def test_a_fifo_is_refused_and_not_waited_for(log: Path, held: set[int]) -> None:
    log.unlink()
    os.mkfifo(log)
    assert "no regular file" in refused(log, held)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_log_of_another_user_is_refused(log: Path, held: set[int]) -> None:
    os.chown(log, 12345, -1)
    assert "belongs to uid 12345" in refused(log, held)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_log_in_the_folder_of_another_user_is_refused(log: Path, held: set[int]) -> None:
    os.chown(log.parent, 12345, -1)
    try:
        assert "belongs to uid 12345" in refused(log, held)
    finally:
        os.chown(log.parent, os.geteuid(), -1)


def test_a_log_in_a_folder_that_everybody_may_write_to_is_refused(log: Path, held: set[int]) -> None:
    log.parent.chmod(0o777)
    assert "everybody may write" in refused(log, held)


def test_a_folder_that_is_a_link_is_refused(log: Path, held: set[int], tmp_path: Path) -> None:
    link = tmp_path / "elsewhere"
    link.symlink_to(log.parent)
    with pytest.raises(UnsafeFile, match="or a link"), Place.open(link / log.name, OWN):
        pass


def test_a_file_that_the_service_does_not_hold_is_left_alone(log: Path, held: set[int]) -> None:
    assert "no process of the service holds" in refused(log, {1})
    log.rename(log.with_name("held"))
    log.write_bytes(LINES)
    assert "no process of the service holds" in refused(log, held), "the name of the log is not the log"


def test_who_does_not_append_is_not_cut_under(log: Path) -> None:
    with writing(log, "over") as writer:
        with pytest.raises(NotRotated, match="no O_APPEND"):
            cut(log, writer)
        count = writer.end()
    assert numbers(log.read_bytes()) == list(range(count))


def test_without_room_for_an_archive_the_log_stays(log: Path, held: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Place, "room", lambda _: rotate.RESERVE + 1000)
    with Place.open(log, OWN) as place, pytest.raises(NotRotated, match="no room"):
        cut_off(place, held, now())
    assert log.read_bytes() == LINES


def test_with_little_room_a_piece_is_rotated(log: Path, held: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    log.write_bytes(LINES * 100)
    monkeypatch.setattr(Place, "room", lambda _: rotate.RESERVE + 2_000_000)
    with Place.open(log, OWN) as place:
        done = cut_off(place, held, now())
    assert done.moved <= 2_000_000
    assert done.left == len(LINES) * 100 - 2_000_000
    assert numbers(everything(log, OWN)) == numbers(LINES * 100)


def test_a_log_of_a_few_lines_is_nothing_to_rotate(log: Path, held: set[int]) -> None:
    log.write_bytes(b"one line\nhalf a li")
    with Place.open(log, OWN) as place, pytest.raises(NothingToRotate):
        cut_off(place, held, now())


def test_killed_before_the_cut_nothing_is_doubled(log: Path, held: set[int]) -> None:
    begun = log.with_name(f"{log.name}.20260101T000000Z{PART}")
    begun.write_bytes(LINES[:5000])
    with Place.open(log, OWN) as place:
        cut_off(place, held, now())
    assert not begun.exists()
    assert numbers(everything(log, OWN)) == numbers(LINES)


@pytest.mark.parametrize("blanked", [True, False])
def test_killed_after_the_cut_nothing_is_lost(blanked: bool, log: Path, held: set[int]) -> None:
    end = LINES.rindex(b"\n", 0, 30_000) + 1
    at = whole_blocks(end, os.statvfs(log).f_bsize)
    rest = blank(end - at) if blanked else LINES[at:end]
    log.write_bytes(rest + LINES[end:])
    log.with_name(f"{log.name}.20260101T000000Z{PART}").write_bytes(LINES[:end])
    with Place.open(log, OWN) as place:
        cut_off(place, held, now())
        assert archives(place)[0].name == f"{log.name}.20260101T000000Z"
    assert numbers(everything(log, OWN)) == numbers(LINES)


@pytest.mark.parametrize("method", ["collapsed", "punched"])
def test_who_follows_the_log_sees_every_line_once(method: Method, log: Path) -> None:
    """Looks come at any moment: behind the cut, and further on than the cut."""
    with writing(log) as writer:
        tail = FileTail(log, from_start=True)
        seen = tail.look()
        try:
            for turn in range(12):
                grown(log, 100_000)
                for _ in range(turn % 3):
                    seen += tail.look()
                cut(log, writer, methods=(method,))
                while lines := tail.look():
                    seen += lines
                    if len(lines) < 5000:
                        break
            count = writer.end()
            while lines := tail.look():
                seen += lines
        finally:
            tail.close()
    assert tail.skipped == 0
    assert numbers(b"\n".join(seen)) == list(range(count))
    assert b"" not in [line.strip() for line in seen], "what was blanked is no line"


def test_who_had_read_further_than_was_cut_goes_on_there(log: Path, held: set[int]) -> None:
    log.write_bytes(LINES + b"half a li")
    tail = FileTail(log, from_start=True)
    try:
        before = tail.look()
        with Place.open(log, OWN) as place:
            cut_off(place, held, now(), methods=COLLAPSED)
        with log.open("ab") as file:
            file.write(b"ne\nand one more\n")
        after = tail.look()
    finally:
        tail.close()
    assert b"\n".join(before) + b"\n" == LINES
    assert after == [b"half a line", b"and one more"]


@pytest.mark.parametrize("method", ["collapsed", "punched"])
def test_the_last_lines_of_a_log_that_was_cut_are_lines(method: Method, log: Path, held: set[int]) -> None:
    from opsagent.answering.log_lines import last_lines

    log.write_bytes(LINES + b"half a li")
    with Place.open(log, OWN) as place:
        cut_off(place, held, now(), methods=(method,))
    with log.open("ab") as file:
        file.write(b"ne\nand one more\n")
    assert [line.text for line in last_lines([log], 100)] == ["half a line", "and one more"]
