"""Conversations in the journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent.chat.keeping import JournalKeeper
from opsagent.chat.state import State
from opsagent.commands.reading import CommandStep
from opsagent.home import Home
from opsagent.store.journal import Journal


def test_what_is_said_is_kept_masked_and_forgotten_for_good(home: Path) -> None:
    with Journal.open(Home.open(home)) as journal:
        one = journal.begin_conversation(by="ann", title="hello password=hunter2abc", language="en")
        journal.add_turn(one, who="person", text="hello password=hunter2abc", data={})
        journal.add_turn(one, who="agent", text="there", data={"kind": "note"})
        other = journal.begin_conversation(by="bob", title="안녕", language="ko")
        (mine,) = journal.conversations("ann")
        assert (mine.id, mine.turns, mine.ended_at) == (one, 2, None)
        assert "hunter2abc" not in mine.title + journal.turns(one)[0].text
        assert [turn.ordinal for turn in journal.turns(one)] == [0, 1]
        assert journal.conversation(one[:6]).id == one
        journal.end_conversation(one)
        assert journal.conversation(one).ended_at is not None
        assert journal.forget_conversation(one) == 2
        assert [row.id for row in journal.conversations()] == [other]
        with pytest.raises(LookupError):
            journal.add_turn(one, who="person", text="still there?")
        with pytest.raises(LookupError):
            journal.conversation(one)
        assert journal.verify().ok


async def test_a_conversation_is_taken_up_with_what_it_was_about(home: Path) -> None:
    place = Home.open(home)
    keeper, state = JournalKeeper(place, "ann"), State(language="ko")
    await keeper.keep("agent", "a question that was open", {}, "ko")
    assert keeper.id == "", "what is shown before anybody spoke begins no conversation"
    state.spoke((CommandStep(tool="tail_logs", target="pm2:api@box.example", args={"lines": 5}),))
    await keeper.keep("person", "api 로그", {}, "ko")
    await keeper.keep("agent", "the last lines", {"kind": "answer", **state.to_json()}, "ko")  # and then kill -9

    later, taken_up = JournalKeeper(place, "ann"), State()
    row, said = later.resume("", taken_up)
    assert (row.title, [turn.text for turn in said]) == ("api 로그", ["api 로그", "the last lines"])
    assert (taken_up.language, taken_up.spoken_of, taken_up.last) == ("ko", state.spoken_of, state.last)
    assert taken_up.open is None
    later.close()
    with pytest.raises(LookupError, match="one of ann"):
        JournalKeeper(place, "bob").resume(row.id, State())
    with pytest.raises(LookupError):
        JournalKeeper(place, "bob").resume("", State())
    keeper.close()
