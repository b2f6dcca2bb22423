"""The home that a conversation is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent.carrying.phrases import all_of
from opsagent.chat.desk import HomeDesk
from opsagent.commands.reading import CommandStep
from opsagent.home import Home
from opsagent.store.journal import Journal


@pytest.mark.parametrize("typed", [True, False])
async def test_only_what_was_taken_by_a_persons_own_key_is_learnt(home: Path, typed: bool) -> None:
    place = Home.open(home)
    Journal.open(place).close()
    desk = HomeDesk(place, str, own_keys=typed)
    step = CommandStep(tool="restart", target="web")
    assert await desk.learn("give web some air", "en", (step,)) is typed
    assert len(all_of(place, desk.person)) == typed
