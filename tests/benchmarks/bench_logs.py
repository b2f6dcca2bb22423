"""What logs cost the daemon: 100 services that write 5,000 lines a second together, and 500 logs that nobody writes to.

Everything is real: the services on the engine, `opsagent watch` in a process of its own. The engine's own daemon and the
services are not counted. BENCH_LOGS_S watches longer than the usual minute (an hour: 3600).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_daemon import ask, cpu_share, memory_of, running, watching
from tests.benchmarks.conftest import Figure
from tests.support.waiting import eventually

SERVICES = 100
LINES_PER_S = 5000
WATCHED_S = float(os.environ.get("BENCH_LOGS_S", "60"))
SETTLE_S = 20.0
IDLE_LOGS = 500
TALKER = """
import random, sys, time
name, path, rate = sys.argv[1], sys.argv[2], float(sys.argv[3])
rng, words = random.Random(name), "cart order user session stock price mail image report search".split()
kinds = [
    "INFO GET /api/{w}s/{n} 200 {d} ms", "INFO POST /api/{w}s 201 {d} ms id={h}", "DEBUG cache hit for {w}:{n}",
    "INFO user {n} logged in from 10.{b}.{b}.{b}", "INFO {w} {h} processed in {d} ms, {n} rows",
    "WARN slow query on {w}s: {d} ms", "INFO job {h} finished, {n} items left",
    '{{"level":"info","time":"{t}","msg":"request completed","reqId":"{h}","responseTime":{d}}}',
    "ERROR cannot reach 10.0.{b}.{b}:5432 after {d} ms: connection refused",
]
weights = [20, 10, 20, 8, 10, 2, 5, 15, 0.2]
out, began, written = open(path, "a", buffering=1), time.monotonic(), 0
while True:
    due = int((time.monotonic() - began) * rate)
    now, lines = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()), []
    for kind in rng.choices(kinds, weights, k=max(0, due - written)):
        text = kind.format(
            w=rng.choice(words), n=rng.randrange(10**6), d=rng.randrange(2000), h=f"{rng.randrange(16**12):012x}",
            b=rng.randrange(256), t=now + ".123Z",
        )
        lines.append(text if text.startswith("{") else f"{now}.{rng.randrange(1000):03} {text}")
    out.write("".join(line + "\\n" for line in lines))
    written += len(lines)
    time.sleep(0.1)
"""


def bench_talking(benchmark: Any, figure: Figure, home: Path, tmp_path: Path) -> None:
    (tmp_path / "talker.py").write_text(TALKER)
    services = tmp_path / "services.toml"
    services.write_text("\n".join(talking(f"talker{n:03}", tmp_path) for n in range(SERVICES)))
    with running(services), watching(home) as daemon:
        eventually(lambda: len(units_with_lines(home)) == SERVICES, timeout=60, why="all of them are read")
        time.sleep(SETTLE_S)
        before, lines = memory_of(daemon.pid)["Rss"], counted(home)
        began = time.monotonic()
        share = benchmark.pedantic(lambda: cpu_share(daemon, WATCHED_S), rounds=1, iterations=1)
        read = (counted(home) - lines) / (time.monotonic() - began)
        after = memory_of(daemon.pid)["Rss"]
    setting = f"{SERVICES} services, {read:,.0f} lines/s read together; over {WATCHED_S:.0f} s"
    assert read > 0.8 * LINES_PER_S, setting
    figure("daemon and talking services, share of one core", share * 100, "%", bar=15.0, note=setting)
    figure(
        "daemon and talking services, growth of memory",
        after - before,
        "MB",
        bar=10.0,
        note=f"{after:.0f} MB at the end",
    )


def bench_silent_logs(benchmark: Any, figure: Figure, home: Path, tmp_path: Path) -> None:
    logs = [tmp_path / f"log{n:03}.log" for n in range(IDLE_LOGS)]
    for log in logs:
        log.write_text("of yesterday\n")
    services = tmp_path / "services.toml"
    services.write_text(
        f"[services.quiet]\ncommand = [{json.dumps(sys.executable)}, '-c', 'import time; time.sleep(1e6)']\n"
        f"logs = {json.dumps([str(log) for log in logs])}\n"
    )
    with running(services), watching(home) as daemon:
        time.sleep(SETTLE_S)
        share = benchmark.pedantic(lambda: cpu_share(daemon, WATCHED_S / 2), rounds=1, iterations=1)
        began = time.perf_counter()
        with logs[-1].open("a") as last:
            last.write("ERROR after a long silence\n")
        eventually(lambda: units_with_lines(home), timeout=10, why="the line is read")
        seen_s = time.perf_counter() - began
    note = f"{IDLE_LOGS} logs of one service, nothing written"
    figure("daemon and silent logs, share of one core", share * 100, "%", bar=3.0, note=note)
    figure("a line after a long silence is read within", seen_s, "s", bar=1.5, note=f"among {IDLE_LOGS} logs")


def talking(name: str, folder: Path) -> str:
    """Return the description of a service that writes its share of the lines."""
    log, rate = folder / f"{name}.log", LINES_PER_S / SERVICES
    command = [sys.executable, "-I", "talker.py", name, str(log), str(rate)]
    return f"[services.{name}]\ncommand = {json.dumps(command)}\nlogs = [{json.dumps(str(log))}]\n"


def units_with_lines(home: Path) -> set[str]:
    return {row["unit"] for row in ask(home, "signatures", unit=None)}


def counted(home: Path) -> int:
    """Return how many lines were read so far."""
    return sum(int(row["count"]) for row in ask(home, "signatures", unit=None))
