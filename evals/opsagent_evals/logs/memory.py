"""Memory of a pipeline that reads a million lines. A process of its own: `python -m opsagent_evals.logs.memory DIR`."""

from __future__ import annotations

import gc
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from opsagent_evals.logs import loghub
from opsagent_tools.logs.miner import Miner
from opsagent_tools.logs.pipeline import LogPipeline

LINES = 1_000_000
_BATCH = 500
_STRANGE = 0.05
"""The share of lines that get a word nobody has seen: what would fill a memory without bounds."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def measured(folder: Path) -> float:
    """Return the megabytes that the peak lies above the start, in a fresh process. Raises CalledProcessError."""
    command = [sys.executable, "-m", "opsagent_evals.logs.memory", str(folder), str(LINES)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(json.loads(answer)["megabytes"])


def main(arguments: list[str]) -> int:
    """Read that many lines of all systems, again and again with strange words among them; print what it took."""
    folder, lines = Path(arguments[0]), int(arguments[1])
    raw = [loghub.read(folder, name).raw for name in loghub.SYSTEMS]
    miner = Miner()
    pipelines = [LogPipeline(miner) for _ in raw]
    gc.collect()
    start = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew
    left = lines
    for which, batch in _batches(raw):
        pipelines[which].take(batch[:left])
        left -= len(batch)
        if left <= 0:
            break
    sys.stdout.write(json.dumps({"lines": lines, "megabytes": round((_status("VmHWM") - start) / 1024, 1)}))
    return 0


def _batches(raw: list[tuple[bytes, ...]]) -> Iterator[tuple[int, list[bytes]]]:
    chance = random.Random(0)  # noqa: S311  # no secret
    while True:
        for which, lines in enumerate(raw):
            for at in range(0, len(lines), _BATCH):
                yield which, [_strange(line, chance) for line in lines[at : at + _BATCH]]


def _strange(line: bytes, chance: random.Random) -> bytes:
    if chance.random() >= _STRANGE:
        return line
    words = line.split(b" ")
    words[chance.randrange(len(words))] = "".join(chance.choices(_LETTERS, k=10)).encode()
    return b" ".join(words)


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise ValueError(name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
