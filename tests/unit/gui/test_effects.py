"""Effects outside the screen, on real files, logs and ports."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from opsagent_tools.gui.effects import awaited, before, still_seen
from opsagent_tools.gui.procedure import EffectCheck


async def runs() -> int | None:
    return None


async def seen(one: EffectCheck, began: dict[str, object]) -> bool:
    told, missed = await awaited((one,), began, runs)
    assert bool(told) is not bool(missed)
    assert await still_seen((one,), began) is bool(told)
    return bool(told)


async def test_a_file_counts_once_it_was_written_since(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    new = EffectCheck(file=str(path), contains="total", within_s=0)
    began = await before((new,))
    assert not await seen(new, began)
    path.write_text("half")
    assert not await seen(new, began)
    path.write_text("half\ntotal: 3\n")
    assert await seen(new, began)
    again = await before((new,))
    assert not await seen(new, again)
    os.utime(path, ns=(1, 1))
    assert await seen(new, again)


async def test_a_line_of_a_log_counts_only_if_it_was_appended_since(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("export done\n")
    line = EffectCheck(log=str(path), contains="export done", within_s=0)
    began = await before((line,))
    assert not await seen(line, began)
    with path.open("a") as log:
        log.write("export done\n")
    assert await seen(line, began)
    path.rename(tmp_path / "app.log.1")
    path.write_text("started\nexport done\n")  # rotated meanwhile
    assert await seen(line, began)


async def test_a_port_is_told_by_the_kernel() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = EffectCheck(port=server.getsockname()[1], within_s=0)
        assert not await seen(port, {})
        server.listen()
        assert await seen(port, {})


async def test_what_must_be_gone_and_what_must_have_ended(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.symlink_to(tmp_path / "nowhere")
    gone = EffectCheck(absent=str(path), within_s=0)
    assert not await seen(gone, {})
    path.unlink()
    assert await seen(gone, {})

    async def code() -> int | None:
        return 3

    assert await awaited((EffectCheck(exit_code=3),), {}, code) == (("it ended with 3",), "")
    assert (await awaited((EffectCheck(exit_code=0, within_s=0.2),), {}, code))[1]


async def test_what_was_so_before_proves_nothing_of_a_run_that_was_cut_short(tmp_path: Path) -> None:
    gone = EffectCheck(absent=str(tmp_path / "lock"), within_s=0)
    assert not await still_seen((gone,), await before((gone,)))
    (tmp_path / "lock").touch()
    began = await before((gone,))
    (tmp_path / "lock").unlink()
    assert await still_seen((gone,), began)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = EffectCheck(port=server.getsockname()[1], within_s=0)
        closed = await before((port,))
        server.listen()
        assert await still_seen((port,), closed)
        assert not await still_seen((port,), await before((port,)))


async def test_what_is_no_file_holds_nothing_and_nobody_waits_for_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert not await seen(EffectCheck(file=str(pipe), contains="x", within_s=0), {})
    assert not await seen(EffectCheck(log=str(tmp_path), contains="x", within_s=0), {})
    assert not await still_seen((), {})


@pytest.mark.parametrize("where", ["file", "log", "absent"])
async def test_a_path_may_begin_at_home(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    check = EffectCheck(**{where: "~/x.txt", "contains": "y", "within_s": 0})  # type: ignore[arg-type]
    began = await before((check,))
    (tmp_path / "x.txt").write_text("y")
    assert await seen(check, began) is (where != "absent")
