"""What the log sense keeps: added to in whole lines, written anew when it has grown, and read back as it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from opsagent.senses import log_store
from opsagent.senses.log_keeping import LogKeeper
from opsagent.senses.log_store import LogStore
from opsagent.senses.log_table import FRESH_AT_ONCE, ROWS_KEPT, Allowance, UnitLog
from opsagent_tools.logs.event import LogEvent, Signature
from opsagent_tools.redact import configure
from opsagent_tools.redact_custom import Redaction

UNIT = "circus:api@here"


def event(number: int, level: str = "info") -> LogEvent:
    return LogEvent(None, level, f"message {number}", Signature(f"key{number}", f"message {number}"))


def change(log: UnitLog, *, everything: bool = False) -> dict[str, dict[str, Any]]:
    return {log.unit: {"since": log.since, **log.changes(everything=everything)}}


def test_what_is_kept_in_parts_is_read_back_as_a_whole(tmp_path: Path) -> None:
    log, store = UnitLog(UNIT, since=100.0), LogStore(tmp_path)
    log.count(event(1), 101.0)
    whole = change(log, everything=True)
    store.keep(whole, whole)
    log.count(event(1, "error"), 102.0, times=4)
    log.count(event(2), 103.0)
    store.keep({UNIT: {**change(log)[UNIT], "sources": {"/a.log": {"at": 7}}}})
    log.count(event(2), 104.0)
    store.keep(change(log))

    kept = LogStore(tmp_path).load()[UNIT]

    assert kept.since == 100.0
    assert kept.sources == {"/a.log": {"at": 7}}
    again = UnitLog(UNIT, since=kept.since)
    again.restore(kept.rows.values())
    assert {key: (row.count, row.level, row.first, row.last) for key, row in again.rows.items()} == {
        "key1": (5, "error", 101.0, 102.0),
        "key2": (2, "info", 103.0, 104.0),
    }


def test_a_row_that_was_forgotten_is_not_read_back(tmp_path: Path) -> None:
    log, store = UnitLog(UNIT, since=0.0), LogStore(tmp_path)
    whole = change(log, everything=True)
    store.keep(whole, whole)
    for number in range(ROWS_KEPT + 5):
        log.count(event(number), 100.0 + number)
    store.keep(change(log))
    assert len(log.rows) == ROWS_KEPT
    assert LogStore(tmp_path).load()[UNIT].rows.keys() == log.rows.keys()


def test_what_was_kept_is_masked_as_is_wanted_now(tmp_path: Path) -> None:
    """`[redact]` got a line more while the agent was stopped."""
    log = UnitLog(UNIT, since=0.0)
    log.count(LogEvent(None, "error", "iban=DE89370400 of bob", Signature("key", "iban=DE89370400 of <str>")), 1.0)
    assert "DE89370400" in str(log.changes(everything=True))
    log.count(event(1), 2.0)
    rows = [row.as_list() for row in log.rows.values()]
    configure(Redaction(fields=("iban",)))
    try:
        again = UnitLog(UNIT, since=0.0)
        again.restore(rows)
    finally:
        configure(Redaction())
    assert again.rows["key"].sample == "iban=«redacted: iban» of bob"
    assert "DE89370400" not in str(again.changes(everything=True))
    assert again.rows["key1"].as_list() == log.rows["key1"].as_list()


def test_rows_of_one_template_become_one(tmp_path: Path) -> None:
    log, store = UnitLog(UNIT, since=0.0), LogStore(tmp_path)
    for number in (1, 2, 3):
        log.count(event(number), float(number), times=number)
    whole = change(log, everything=True)
    store.keep(whole, whole)

    assert log.merge("key3", ["key1", "key2", "key3", "key9"])
    log.count(event(3), 4.0)
    store.keep(change(log))

    kept = LogStore(tmp_path).load()[UNIT].rows
    assert {key: (row[3], row[4]) for key, row in kept.items()} == {"key3": (7, 1.0)}


def test_the_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_store, "_LEAST", 10_000)
    log, store = UnitLog(UNIT, since=0.0), LogStore(tmp_path)
    for number in range(1000):
        log.count(event(number % 20), float(number))
        everything = store.wants_all
        batch = change(log, everything=everything)
        store.keep(batch, batch if everything else None)
    assert (tmp_path / "logs.jsonl").stat().st_size < 20_000
    assert sum(row[3] for row in LogStore(tmp_path).load()[UNIT].rows.values()) == 1000


def test_a_unit_of_long_ago_is_forgotten(tmp_path: Path) -> None:
    old = b'{"v":1,"at":1000.0,"units":{"circus:api@here":{"since":1.0,"rows":[]}}}\n'
    (tmp_path / "logs.jsonl").write_bytes(old)
    assert LogStore(tmp_path).load() == {}


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, store = UnitLog(UNIT, since=0.0), LogStore(tmp_path)
    log.count(event(1), 1.0)
    whole = change(log, everything=True)
    store.keep(whole, whole)
    before = (tmp_path / "logs.jsonl").read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:10]))
    store.keep(change(log) | {"x:y@z": {"since": 1.0}})
    monkeypatch.undo()
    assert (tmp_path / "logs.jsonl").read_bytes() == before
    assert store.wants_all  # what was lost is kept with everything, the next time
    store.keep({"x:y@z": {"since": 2.0}})
    assert LogStore(tmp_path).load().keys() == {UNIT, "x:y@z"}


@pytest.mark.parametrize("name", ["logs.jsonl", "miner.json"])
@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000 + b"\n",
        b"\xff\n",
        b"[]\n",
        b'"text"\n',
        b'{"v":99,"at":1,"units":{}}\n',
        b'{"v":1,"at":1,"units":{"a":{"since":1,"rows":[[]]}}}\n',
        b'{"v":1,"at":1,"units":{"a":{"since":1,"rows":[["k"]],"counts":[["k",1,1,"x"]]}}}\n',
        b'{"v":1,"at":1,"units":{"a":{"since":1' + b"0" * 400 + b"}}}\n",
        b'{"v":1,"at":1,"units":{"a":{"since":1,"sources":{"x":7}}}}\n',
    ],
)
def test_whatever_stands_in_its_files_it_begins(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    keeper = LogKeeper(tmp_path)
    keeper.keep_now({}, [])
    assert LogStore(tmp_path).load() == {}
    assert keeper.miner.add("it begins").template == "it begins"
    assert name == "miner.json" or (tmp_path / f"{name}.broken").read_bytes() == content


def test_a_link_in_the_place_of_its_file_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("somebody's")
    for name in ("logs.jsonl", "miner.json", ".logs.jsonl.part"):
        (tmp_path / name).symlink_to(tmp_path / "other")
    keeper = LogKeeper(tmp_path)
    keeper.keep_now({}, [])
    assert (tmp_path / "other").read_text() == "somebody's"


def test_a_unit_whose_every_line_is_another_one_is_counted_together() -> None:
    log = UnitLog(UNIT, since=0.0)
    for number in range(5000):
        log.count(event(number), 100.0)
    assert len(log.rows) <= FRESH_AT_ONCE + 1
    assert sum(row.count for row in log.rows.values()) == 5000
    log.count(event(9999), 101.0)
    assert "key9999" in log.rows


def test_an_allowance_is_saved_up_to_its_bound_and_a_clock_that_goes_back_gives_nothing() -> None:
    allowance = Allowance(per_s=10.0, at_once=20.0)
    assert allowance.take(50, 100.0) == 20.0
    assert allowance.take(50, 101.0) == 10.0
    assert allowance.take(50, 50.0) == 0.0
    assert allowance.take(50, 101.0) == 0.0
    assert allowance.take(50, 1000.0) == 20.0
