"""Whose toolkit has no accessibility is not waited for; who may have one is."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent_tools.gui.accessible.mute import is_mute

ATHENA = "/usr/lib/x86_64-linux-gnu/libXaw.so.7 /usr/lib/x86_64-linux-gnu/libXt.so.6.0.0"
TK = "/usr/lib/python3/lib-dynload/_tkinter.so /usr/lib/x86_64-linux-gnu/libtk8.6.so"
GTK = "/usr/lib/x86_64-linux-gnu/libgtk-3.so.0 /usr/lib/x86_64-linux-gnu/libatk-bridge-2.0.so.0"


@pytest.mark.parametrize(
    ("loaded", "mute"),
    [(ATHENA, True), (TK, True), (GTK, False), (f"{ATHENA} {GTK}", False), ("/usr/lib/libX11.so.6", False)],
)
def test_by_the_libraries_that_it_has_loaded(tmp_path: Path, loaded: str, mute: bool) -> None:
    (tmp_path / "7").mkdir()
    lines = ["7ffd1000-7ffd2000 r-xp 00000000 00:00 0                          [stack]"]
    lines += [f"7f00-7f10 r-xp 00000000 fe:01 1234                       {path}" for path in loaded.split()]
    (tmp_path / "7" / "maps").write_text("\n".join(lines))
    assert is_mute(7, tmp_path) is mute


def test_of_whom_nothing_is_known_is_waited_for(tmp_path: Path) -> None:
    assert not is_mute(7, tmp_path)
