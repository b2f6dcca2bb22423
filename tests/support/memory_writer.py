"""Owners of a memory that write until they are killed; run as a program: `python -m tests.support.memory_writer`.

Each line on its standard input is an order; for each it forks an owner (everything is imported already, so that one
can be killed several times a second) and tells on its standard output, as JSON lines: the owner's process id; what the
owner found of what it was asked for; before each deed `doing` it, and after it that it is `done`; that it `died`.
"""

from __future__ import annotations

import json
import os
import random
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsagent_memory import Fact, Memory, finder, keeper
from opsagent_memory.testing import HashEmbedder

SCOPE = "s"


def say(**told: Any) -> None:
    """Write one line, whole (a pipe takes so much at once)."""
    os.write(1, f"{json.dumps(told)}\n".encode())


def own(order: dict[str, Any]) -> None:
    """Open the memory, look for what is asked for, then write for ever."""
    chance = random.Random(order["seed"])
    if order["chroma"]:
        finder.EXACT_UP_TO = 0
        keeper.OPENED_AFTER_S = keeper._WRITTEN_AFTER_S = 0.0  # so that it writes while it is killed
    folder = Path(order["folder"])
    with Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder()) as memory:
        found = [[one.record.id for one in memory.recall(text, scope=SCOPE, limit=1)] for text in order["ask"]]
        if order["chroma"]:
            memory.warm()
        say(found=found)
        mine: list[str] = []
        for number in range(order["seed"] * 10_000, 10**12):
            do_something(memory, chance, number, mine)


def do_something(memory: Memory, chance: random.Random, number: int, mine: list[str]) -> None:
    """Do one thing that a memory does, and tell before and after."""
    deed = chance.choices(("add", "add_many", "forget", "archive", "end"), (6, 3, 2, 1, 1))[0]
    if deed in {"add", "add_many"} or len(mine) < 8:
        added = [fact(number * 100 + at) for at in range(1 if deed == "add" else 9)]
        say(doing="add", texts={one.id: one.text for one in added})
        memory.add_many(added)
        mine += [one.id for one in added]
    else:
        ids = [mine.pop(chance.randrange(len(mine))) for _ in range(chance.randrange(1, 4))]
        say(doing=deed, ids=ids)
        if deed == "forget":
            memory.forget_many(ids)
        elif deed == "archive":
            memory.archive(ids, "no longer needed")
        else:
            for one in ids:
                memory.end(one, datetime.now(UTC), "over")
    say(done=deed)


def fact(number: int) -> Fact:
    """Return a fact that no other owner writes."""
    return Fact(scope=SCOPE, text=f"fact number{number} of many", created_at=datetime.now(UTC))


def main() -> None:
    """Fork an owner for each order."""
    import chromadb  # noqa: F401  (loaded once, before the first fork)

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                own(json.loads(line))
            except Exception:  # noqa: BLE001  (whatever it is, the test is to hear of it)
                say(failed=traceback.format_exc())
            finally:
                os._exit(1)
        say(owner=child)
        os.waitpid(child, 0)
        say(died=child)


if __name__ == "__main__":
    main()
