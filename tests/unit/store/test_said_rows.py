"""What people said is kept as long as it is of use, and no longer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from opsagent.store.journal import Journal
from tests.unit.store.values import NOW, Clock

LATER = NOW + timedelta(days=100)


def _schedule(journal: Journal) -> str:
    return journal.add_schedule(
        by="kim", text="restart api at 3am", language="en", steps=[], units=[], at_text="03:00", zone="UTC", next_at=NOW
    ).id


def test_what_is_over_goes_with_the_retention_and_what_stands_stays(journal: Journal, clock: Clock) -> None:
    over, stands = _schedule(journal), _schedule(journal)
    journal.cancel_schedule(over, "kim")
    journal.learn_phrase(by="kim", key="kick api", text="kick api", language="en", steps=[])
    clock.now = LATER
    journal.prune(LATER - timedelta(days=90))
    assert [row.id for row in journal.schedules(ended=True)] == [stands]
    assert [row.key for row in journal.phrases()] == ["kick api"]
    assert journal.verify().ok


def test_an_id_may_be_given_by_its_beginning(journal: Journal) -> None:
    schedule = _schedule(journal)
    assert journal.schedule(schedule[:5]).id == schedule
    for unknown in ("", "zzzz"):
        with pytest.raises(LookupError, match="no schedule"):
            journal.schedule(unknown)
