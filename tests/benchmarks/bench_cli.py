"""`opsagent ps` as a person waits for it: a fresh process each time, the real engine with services behind it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.conftest import Figure, percentile

RUNS = 40
SERVICES = 5


def bench_ps_cold(benchmark: Any, figure: Figure, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "services.toml"
    file.write_text("\n".join(f'[services.s{number}]\ncommand = "sleep 9999"' for number in range(SERVICES)))
    opsagent("up", str(file))
    try:
        opsagent("ps")  # compiled files and the disk's cache are warm, as on any second use
        taken = [timed("ps") for _ in range(RUNS)]
        benchmark.pedantic(opsagent, args=("ps",), rounds=5, iterations=1)
        bare = percentile([timed_python("pass") for _ in range(10)], 0.5)
    finally:
        opsagent("down")
    figures = {"p50_ms": percentile(taken, 0.5), "p95_ms": percentile(taken, 0.95), "min_ms": min(taken)}
    benchmark.extra_info.update({name: round(value, 1) for name, value in figures.items()}, runs=RUNS)
    note = f"{SERVICES} services, {RUNS} runs, p95 {figures['p95_ms']:.0f} ms, bare interpreter {bare:.0f} ms"
    figure("opsagent ps, cold, median", figures["p50_ms"], "ms", bar=250.0, note=note)


def opsagent(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "opsagent", *arguments], check=True, capture_output=True, env=os.environ)


def timed(*arguments: str) -> float:
    began = time.perf_counter()
    opsagent(*arguments)
    return (time.perf_counter() - began) * 1000


def timed_python(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return (time.perf_counter() - began) * 1000
