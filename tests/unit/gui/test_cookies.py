"""The cookie of a display: written for one, found among others', never taken from a file that is cut off."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from opsagent_tools.gui.x11.cookies import new_cookie, read_cookie, write_cookie


def test_a_cookie_is_of_its_display_only_and_of_no_other_user(tmp_path: Path) -> None:
    mine, cookie = tmp_path / "mine", new_cookie()
    write_cookie(mine, cookie, "7")
    assert (read_cookie(mine, "7"), read_cookie(mine, "8")) == (cookie, None)
    assert stat.S_IMODE(mine.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_cookie(mine, new_cookie(), "7")


def test_a_file_of_many_displays_is_searched(tmp_path: Path) -> None:
    cookies = {number: new_cookie() for number in ("1", "2", "3")}
    for number, cookie in cookies.items():
        write_cookie(tmp_path / number, cookie, number)
    whole = tmp_path / "whole"
    whole.write_bytes(b"".join((tmp_path / number).read_bytes() for number in cookies))
    assert {number: read_cookie(whole, number) for number in cookies} == cookies


def test_half_a_cookie_is_none(tmp_path: Path) -> None:
    file, cut = tmp_path / "file", tmp_path / "cut"
    write_cookie(file, new_cookie(), "7")
    first = len(file.read_bytes()) // 2
    for length in range(first - 10):
        cut.write_bytes(file.read_bytes()[:length])
        assert read_cookie(cut, "7") is None
