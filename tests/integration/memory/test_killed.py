"""kill -9 while it writes: nothing that was acknowledged is lost, and the index mends itself."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from opsagent_memory import Memory
from opsagent_memory.testing import HashEmbedder

ROUNDS = 6
WRITER = """
import pathlib, sys
from opsagent_memory import Memory
from opsagent_memory.testing import HashEmbedder
folder, first = pathlib.Path(sys.argv[1]), int(sys.argv[2])
with Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder()) as memory:
    memory.warm()
    number = first
    while True:
        number += 1
        print(number, memory.add_fact(f"fact number{number}", scope="s"), flush=True)
"""


def written_until_killed(folder: Path, first: int, lines: int) -> dict[int, str]:
    """Run a writer, kill it after it acknowledged `lines` records, return all that it acknowledged."""
    command = [sys.executable, "-c", WRITER, str(folder), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        try:
            said = [writer.stdout.readline() for _ in range(lines)]
        finally:
            writer.kill()
        said += writer.stdout.readlines()
    whole = [line.split() for line in said if line.endswith("\n")]
    return {int(number): record for number, record in whole}


def test_nothing_acknowledged_is_lost_and_the_index_mends_itself(tmp_path: Path) -> None:
    acknowledged: dict[int, str] = {}
    chance = random.Random(7)
    for _ in range(ROUNDS):
        first = max(acknowledged, default=0) + 1_000
        acknowledged |= written_until_killed(tmp_path, first, chance.randrange(3, 40))
        with Memory.open(tmp_path / "m.db", tmp_path / "index", embedder=HashEmbedder()) as memory:
            for number, record in acknowledged.items():
                assert memory.show(record).text == f"fact number{number}"
            for number in chance.sample(sorted(acknowledged), 3):
                assert memory.recall(f"fact number{number}", scope="s")[0].record.id == acknowledged[number]
            assert memory.stats().records >= len(acknowledged)
    assert len(acknowledged) >= ROUNDS * 3
