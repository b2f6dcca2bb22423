"""What a guess of the intent model costs: its words as they come from the reader's corpus, the loading of its weights."""

from __future__ import annotations

import time
from typing import Any

from opsagent.commands import intents
from opsagent_evals.chat.corpus import expand
from tests.benchmarks.conftest import Figure, percentile

TEXTS = 2_000


def bench_guess(benchmark: Any, figure: Figure) -> None:
    texts = [(one.text, one.names) for one in expand.sentences()[:: max(1, len(expand.sentences()) // TEXTS)]]
    took: list[float] = []
    began = time.process_time()
    intents.load.__wrapped__()
    loading = (time.process_time() - began) * 1000

    def run() -> None:
        for text, names in texts:
            began = time.process_time()
            intents.guess(intents.words_of(text, names), question=text.endswith("?"))
            took.append((time.process_time() - began) * 1000)

    benchmark.pedantic(run, rounds=1, iterations=1)
    figure("a guess of the intent model, p95", percentile(took, 0.95), "ms", bar=1.0, note="standard library only")
    figure("loading its weights, once", loading, "ms", bar=40.0)
    figure("its weights in the wheel", intents.WEIGHTS.stat().st_size / 1e6, "MB", bar=3.0)
