"""The demo's stage: everything on it is real, and nothing of it stays."""

from __future__ import annotations

from opsagent.demo.stage import stage


async def test_nothing_is_left_of_it() -> None:
    async with stage(lambda _: None, lambda _: None) as found:
        home = found.home
        assert home.runtime_dir.exists()

    assert not home.path.parent.exists()
    assert not home.runtime_dir.exists()
