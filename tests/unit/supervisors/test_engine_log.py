"""A service's log: a pipe that never kills its writers, and a file of bounded size behind it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsagent_tools.supervisors.circus.logfile import LogFile
from opsagent_tools.supervisors.circus.logpipe import LogPipe
from tests.support.waiting import eventually


class Log:
    """A file and the pipe before it, as a service has them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = LogFile(path, max_bytes=1000, backups=2)
        self.pipe = LogPipe(self.file.append)

    def close(self) -> None:
        self.pipe.close()
        self.file.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    found = Log(tmp_path / "api.log")
    yield found
    found.close()


def write(log: Log, text: str) -> None:
    fd = log.pipe.open_for_child()
    os.write(fd, text.encode())
    os.close(fd)
    log.pipe.drain()


def test_what_is_written_is_in_the_file_for_the_owner_alone(log: Log) -> None:
    write(log, "one\ntwo\n")

    assert log.path.read_text() == "one\ntwo\n"
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_it_is_rotated_at_a_size_between_lines_and_the_oldest_is_dropped(log: Log, tmp_path: Path) -> None:
    lines = [f"line {number} {'x' * 40}\n" for number in range(200)]
    for first, second in zip(lines[::2], lines[1::2], strict=True):
        write(log, first + second[:10])
        write(log, second[10:])

    files = [tmp_path / "api.log.2", tmp_path / "api.log.1", tmp_path / "api.log"]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(path.stat().st_size < 1100 for path in files)
    kept = "".join(path.read_text() for path in files)
    assert "".join(lines).endswith(kept)
    assert all(path.read_text().startswith("line ") for path in files)


def test_a_file_that_was_removed_or_emptied_goes_on(log: Log) -> None:
    write(log, "one\n")
    log.path.unlink()
    write(log, "two\n")
    assert log.path.read_text() == "two\n"

    os.truncate(log.path, 0)
    write(log, "three\n")
    assert log.path.read_text() == "three\n"


def test_a_full_disk_drops_output_and_goes_on_afterwards(
    log: Log, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    real = os.write
    fd = log.pipe.open_for_child()
    monkeypatch.setattr(os, "write", full)
    for _ in range(3):
        real(fd, b"lost\n")
        log.pipe.drain()
    monkeypatch.undo()
    os.close(fd)
    write(log, "kept\n")

    assert log.path.read_text() == "kept\n"
    assert caplog.text.count("No space left") == 1


def test_a_link_in_the_place_of_the_log_is_not_followed(log: Log, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    log.path.symlink_to(tmp_path / "target")

    write(log, "x\n")

    assert (tmp_path / "target").read_text() == "precious"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no pipes that are open both ways")
def test_writers_live_on_when_nobody_reads_any_more(tmp_path: Path) -> None:
    log = Log(tmp_path / "api.log")
    output = log.pipe.open_for_child()
    program = "import time\nwhile True:\n    print('word', flush=True)\n    time.sleep(0.01)"
    with subprocess.Popen([sys.executable, "-S", "-c", program], stdout=output, stderr=output) as writer:
        os.close(output)
        eventually(lambda: log.pipe.drain() and "word" in log.path.read_text())

        log.close()

        status = Path(f"/proc/{writer.pid}/io")
        before = status.read_text()
        eventually(lambda: status.read_text() != before)
        assert writer.poll() is None
        writer.kill()


def test_closing_takes_what_is_still_in_the_pipe(tmp_path: Path) -> None:
    log = Log(tmp_path / "api.log")
    fd = log.pipe.open_for_child()
    os.write(fd, b"last words\n")
    os.close(fd)

    log.close()

    assert (tmp_path / "api.log").read_text() == "last words\n"
