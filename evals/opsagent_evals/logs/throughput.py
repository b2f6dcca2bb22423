"""From bytes in a file to signatures: how many lines a second one core does, tail and reader included."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from opsagent_evals.logs.loghub import System
from opsagent_tools.logs.miner import Miner
from opsagent_tools.logs.pipeline import LogPipeline
from opsagent_tools.logs.tail import FileTail

_COPIES = 10
_ROUNDS = 3


def lines_per_s(systems: Sequence[System]) -> float:
    """Return lines a second of processor time over all systems, one tail and pipeline each, one miner. Best of three."""
    with tempfile.TemporaryDirectory(prefix="opsagent-eval-logs-") as folder:
        paths = [_written(Path(folder), system) for system in systems]
        lines = _COPIES * sum(len(system.raw) for system in systems)
        return lines / min(_seconds(paths) for _ in range(_ROUNDS))


def _written(folder: Path, system: System) -> Path:
    path = folder / f"{system.name}.log"
    path.write_bytes((b"\n".join(system.raw) + b"\n") * _COPIES)
    return path


def _seconds(paths: Sequence[Path]) -> float:
    miner = Miner()
    miner.forget_words()
    began = time.process_time()
    for path in paths:
        tail, pipeline = FileTail(path, from_start=True), LogPipeline(miner)
        try:
            while lines := tail.look():
                pipeline.take(lines)
            pipeline.flush()
        finally:
            tail.close()
    return time.process_time() - began
