"""Versions of a procedure in the memory: what is kept comes back, and what cannot be read is told, not lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent.home import Home
from opsagent.procedures import ACCEPTED
from opsagent.screens.errors import NoProcedure, ProcedureError
from opsagent.screens.kept import Kept, as_record, check_name, from_record, unreadable
from opsagent.screens.shelf import Shelf
from opsagent.screens.writing import read
from opsagent_memory import Memory, Procedure, Source
from opsagent_memory.testing import HashEmbedder
from tests.unit.screens.conftest import WIPE

NOW = datetime.now(UTC)


def kept(text: str = WIPE, **changes: object) -> Kept:
    return replace(Kept(procedure=read(text, "test"), text=text, status=ACCEPTED, by="kim"), **changes)  # type: ignore[arg-type]


def test_what_is_kept_comes_back() -> None:
    one = kept(crops={"a.png": "0" * 64}, healed=({"step": 1, "rung": "text"},))
    again = from_record(as_record(one, NOW))
    assert again is not None
    assert (again.procedure, again.status, again.crops, again.healed) == (
        one.procedure,
        ACCEPTED,
        one.crops,
        one.healed,
    )
    assert again.digest == one.digest


def test_what_is_done_is_in_the_hash() -> None:
    one = kept()
    others = [
        kept(WIPE.replace("Delete archive", "Delete all")),
        kept(crops={"a.png": "0" * 64}),
        kept(crops={"a.png": "1" * 64}),
        kept(procedure=replace(one.procedure, version=2)),
        kept(procedure=replace(one.procedure, name="other")),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 6


def test_what_came_from_another_memory_is_proposed_at_most() -> None:
    record = as_record(kept(), NOW)
    imported = Procedure(
        scope=record.scope, text=record.text, fields=record.fields, source=Source.IMPORT, created_at=NOW
    )
    found = from_record(imported)
    assert found is not None
    assert not found.accepted


def test_what_was_changed_behind_its_back_is_none() -> None:
    record = as_record(kept(), NOW)
    fields = {**record.fields, "written": WIPE.replace("Delete archive", "Delete everything")}
    forged = Procedure(scope=record.scope, text=record.text, fields=fields, source=Source.PERSON, created_at=NOW)
    assert from_record(forged) is None


def test_what_another_version_wrote_down_is_told_and_not_lost(home: Path) -> None:
    place, one = Home.open(home), kept()
    strange = as_record(replace(one, text=WIPE + "from_the_future: true\n"), NOW)
    assert unreadable(strange) == "wipe archive"
    with Memory.open(place.database, place.chroma_dir, embedder=HashEmbedder()) as memory:
        memory.add(strange)
    shelf = Shelf(place.database)
    assert (shelf.all(), shelf.unreadable) == ((), ("wipe archive",))
    with pytest.raises(NoProcedure, match="another version of the agent"):
        shelf.row("wipe archive")


@pytest.mark.parametrize("name", ["", "../up", "a/b", " a", "a ", "-a", "x" * 65, "a\nb", "a\u202eb"])
def test_a_name_is_one_that_can_be_said_and_be_a_folder(name: str) -> None:
    with pytest.raises(ProcedureError):
        check_name(name)
