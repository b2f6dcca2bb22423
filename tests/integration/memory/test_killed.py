"""kill -9 while it writes, fifty times: nothing acknowledged is lost, the log holds, the index mends itself."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from opsagent_memory import Memory, MemoryReader, database, schema
from opsagent_memory.testing import HashEmbedder

ROUNDS = 50
ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Truth:
    """What was acknowledged, and what may have happened when the owner was killed."""

    texts: dict[str, str] = field(default_factory=dict)
    became: dict[str, set[str]] = field(default_factory=dict)
    """For each record what was acknowledged: `forget`, `archive`, `end`."""
    in_flight: set[str] = field(default_factory=set)
    """Records to which something was being done: that may have happened or not."""
    deeds: int = 0

    def hear(self, lines: list[dict[str, Any]]) -> tuple[str, list[str]] | None:
        """Take in what an owner told; return the deed that it was killed in."""
        doing: dict[str, Any] | None = None
        for line in lines:
            if "doing" in line:
                doing = line
            elif "done" in line:
                assert doing is not None
                self.deeds += 1
                self.texts |= doing.get("texts", {})
                for record in doing.get("ids", ()):
                    self.became.setdefault(record, set()).add(doing["doing"])
                doing = None
        if doing is None:
            return None
        touched = list(doing.get("texts", doing.get("ids", ())))
        self.in_flight |= set(touched)
        return doing["doing"], touched

    def sure(self) -> dict[str, str]:
        """Return the records that must be there as they were added, with their texts."""
        changed = self.became.keys() | self.in_flight
        return {record: text for record, text in self.texts.items() if record not in changed}


@contextmanager
def nursery() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.support.memory_writer"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def killed_while_writing(
    process: subprocess.Popen[str], order: dict[str, Any], *, deeds: int, later_s: float
) -> tuple[list[list[str]], list[dict[str, Any]]]:
    """Let an owner do some things, kill it a moment later; return what it found at first and all that it told."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{json.dumps(order)}\n")
    process.stdin.flush()
    told: list[dict[str, Any]] = []
    done, owner = 0, 0
    while True:
        line = process.stdout.readline()
        assert line, "the nursery died"
        told.append(json.loads(line))
        assert "failed" not in told[-1], told[-1].get("failed")
        owner = told[-1].get("owner", owner)
        done += "done" in told[-1]
        if done == deeds and owner:
            time.sleep(later_s)  # into the middle of the next deed, wherever that is
            os.kill(owner, signal.SIGKILL)
            done += 1
        if "died" in told[-1]:
            return next((one["found"] for one in told if "found" in one), []), told


def test_nothing_acknowledged_is_lost_in_fifty_kills(tmp_path: Path) -> None:
    truth, chance, interrupted = Truth(), random.Random(7), set[str]()
    with nursery() as process, MemoryReader(tmp_path / "m.db") as reader:
        for number in range(ROUNDS):
            asked = chance.sample(sorted(truth.sure().items()), min(1, len(truth.sure())))
            order = {
                "folder": str(tmp_path),
                "seed": number + 1,
                "chroma": number % 10 == 0,
                "ask": [text for _, text in asked],
            }
            deeds, later_s = chance.randrange(1, 8), chance.random() * 0.02
            found, told = killed_while_writing(process, order, deeds=deeds, later_s=later_s)
            assert found == [[record] for record, _ in asked], "the index mended itself"
            deed = truth.hear(told)
            if number % 5 == 0:
                assert reader.verify().problems == ()
            if deed is not None:
                interrupted.add(deed[0])
                assert_all_or_nothing(tmp_path, *deed)
    assert truth.deeds >= ROUNDS
    assert len(interrupted) >= 2, "kills that came between all deeds prove nothing"
    assert_as_acknowledged(tmp_path, truth)


def rows_of(folder: Path, records: list[str]) -> list[Any]:
    engine = database.open_reading_engine(folder / "m.db")
    with database.reading(engine) as connection:
        rows = connection.execute(sa.select(schema.records).where(schema.records.c.id.in_(records))).all()
    engine.dispose()
    return list(rows)


def assert_all_or_nothing(folder: Path, deed: str, touched: list[str]) -> None:
    rows = rows_of(folder, touched)
    if deed == "add":
        assert len(rows) in {0, len(touched)}
    elif deed == "forget":
        assert len({row.forgotten_at is None for row in rows}) == 1
    elif deed == "archive":
        assert len({row.archived_at is None for row in rows}) == 1


def assert_as_acknowledged(folder: Path, truth: Truth) -> None:
    with Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder()) as memory:
        assert memory.verify().ok
        sure = truth.sure()
        there = {row.id: row.text for row in rows_of(folder, list(sure)) if row.forgotten_at is None}
        assert there == sure
        for record in list(sure)[::31]:
            assert memory.recall(sure[record], scope="s", limit=1)[0].record.id == record
        rows = {row.id: row for row in rows_of(folder, list(truth.became))}
        for record, became in truth.became.items():
            row = rows[record]
            assert (row.forgotten_at is not None) or "forget" not in became
            assert (row.archived_at is not None) or "archive" not in became
            assert (row.ended_at is not None) or "end" not in became
        gone = [truth.texts[record].encode() for record, became in truth.became.items() if "forget" in became]
        assert gone
        content = b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert [text for text in gone if text in content] == []
