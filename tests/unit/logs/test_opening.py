"""Logs of another user's supervisor: read as that user's, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from opsagent.answering.log_lines import last_lines
from opsagent_tools.files import UnsafeFile
from opsagent_tools.logs.opening import open_log
from opsagent_tools.logs.tail import FileTail

ME = os.geteuid()
SOMEBODY = ME + 12345


def _link(log: Path, secret: Path) -> None:
    log.unlink(missing_ok=True)
    log.symlink_to(secret)


def _hard_link(log: Path, secret: Path) -> None:
    log.unlink(missing_ok=True)
    os.link(secret, log)


def _fifo(log: Path, _secret: Path) -> None:
    log.unlink(missing_ok=True)
    os.mkfifo(log)


TRICKS = pytest.mark.parametrize("trick", [_link, _hard_link, _fifo])


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "shadow"
    path.write_text("root:hash\n")
    return path


@TRICKS
def test_what_is_put_in_the_place_of_a_log_is_not_opened(
    tmp_path: Path, secret: Path, trick: Callable[[Path, Path], None]
) -> None:
    log = tmp_path / "app.log"
    trick(log, secret)
    with pytest.raises(UnsafeFile, match=r"app\.log"):
        open_log(log, ME)
    complaints: list[str] = []
    assert last_lines([log], 10, ME, complaints.append) == []
    assert len(complaints) == 1
    assert "app.log" in complaints[0]


@TRICKS
def test_who_follows_a_log_does_not_follow_it_into_another_file(
    tmp_path: Path, secret: Path, trick: Callable[[Path, Path], None]
) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    tail = FileTail(log, uid=ME)
    log.write_text("a line\n")
    assert tail.look() == [b"a line"]
    trick(log, secret)
    seen: list[bytes] = []
    for _ in range(3):
        with contextlib.suppress(OSError):
            seen += tail.look()
    tail.close()
    assert seen == []


def test_another_users_file_is_not_opened_either(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("a line\n")
    with pytest.raises(UnsafeFile, match=f"belongs to uid {ME}"):
        open_log(log, SOMEBODY)
    with pytest.raises(PermissionError):
        FileTail(log, uid=SOMEBODY)


def test_ones_own_log_may_be_a_link(tmp_path: Path) -> None:
    real, log = tmp_path / "real.log", tmp_path / "app.log"
    real.write_text("one\ntwo\n")
    log.symlink_to(real)
    assert [line.text for line in last_lines([log], 1)] == ["two"]
