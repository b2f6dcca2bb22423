"""When the disk or the file is bad: one line that says what, where and how to mend it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest
from sqlalchemy import text

from opsagent.home import Home
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from tests.unit.store.values import incident

_HOG = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def _one_line(error: pytest.ExceptionInfo[StoreError], place: Home, *parts: str) -> None:
    said = str(error.value)
    assert "\n" not in said
    assert str(place.path) in said
    for part in parts:
        assert part in said


def test_a_file_that_is_no_database(place: Home) -> None:
    place.database.write_bytes(b"not a database at all, and longer than a header of a hundred bytes" * 4)
    for opening in (Journal.open, Journal.read):
        with pytest.raises(StoreError) as error:
            opening(place)
        _one_line(error, place, "is no database", "restore a backup")


def test_a_full_disk(journal: Journal, place: Home) -> None:
    """SQLite's own limit on pages gives the very error that a full disk gives."""
    journal.open_incident(incident())
    with journal._engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StoreError) as error:
        deque(journal.add_event("i1", "note", str(number) * 2000) for number in range(100))
    _one_line(error, place, "the disk is full", "free some space")
    assert journal.verify().ok


def test_a_database_that_cannot_be_written(place: Home) -> None:
    Journal.open(place).close()
    if os.geteuid() != 0:
        place.database.chmod(0o400)
    else:
        place.database.unlink()
        place.database.mkdir()
    with pytest.raises(StoreError) as error:
        Journal.open(place)
    _one_line(error, place, "cannot be written", "make the home writable")


def test_a_link_in_the_place_of_the_database_is_not_followed(place: Home, tmp_path: Path) -> None:
    place.database.symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(StoreError, match="cannot be written"):
        Journal.open(place)
    assert not (tmp_path / "elsewhere.db").exists()


def test_a_writer_that_does_not_end_is_named_as_such(place: Home, journal: Journal) -> None:
    hog = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _HOG,
            str(place.database),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert hog.stdout is not None
    assert hog.stdin is not None
    try:
        assert hog.stdout.readline() == "held\n"
        with Journal.read(place) as reader:
            assert reader.paused() is None  # readers never wait
        with pytest.raises(StoreError) as error:
            journal.pause("bob")
        _one_line(error, place, "another process writes", "try again")
    finally:
        hog.stdin.close()
        hog.stdout.close()
        hog.wait()
