"""How quick messages get their signature, beside Drain3, on lines as services write them (made up, the same in every run)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from opsagent_evals.logs.drain import Drain
from opsagent_tools.logs.miner import Miner
from opsagent_tools.logs.pipeline import LogPipeline
from tests.benchmarks.conftest import Figure

LINES = 40_000
ROUNDS = 5
USERS = "alice bob carol dave erin frank grace heidi ivan judy".split()


def messages() -> list[str]:
    """A few statements of a few services, most with parameters, some much more often than others."""
    chance = random.Random(7)
    number = chance.randrange
    statements: list[Callable[[], str]] = [
        lambda: f"request {number(10**6)} of user {chance.choice(USERS)} served in {number(900)} ms",
        lambda: f"GET /items/{number(10**4)}?page={number(20)} 200 {number(90)}.{number(10)} ms",
        lambda: f"connection from 10.{number(9)}.{number(250)}.{number(250)}:{number(60000)} accepted",
        lambda: f"job {chance.getrandbits(64):016x} of queue mail finished, {number(50)} left",
        lambda: f"cache hit ratio={number(100)}.{number(10)}% size={number(900)}MB evicted={number(50)}",
        lambda: f"wrote /var/lib/app/segment-{number(999)}.log ({number(10**6)} bytes)",
        lambda: "heartbeat",
        lambda: f"could not connect to db-{number(9)}.internal:5432: connection refused",
    ]
    return [statement() for statement in chance.choices(statements, [8, 8, 5, 3, 3, 2, 2, 1], k=LINES)]


def own(lines: list[str]) -> float:
    """Return lines a second of processor time, cold."""
    miner = Miner()
    miner.forget_words()
    began = time.process_time()
    for line in lines:
        miner.add(line)
    return len(lines) / (time.process_time() - began)


def whole(lines: list[str]) -> float:
    """Return lines a second of processor time from bytes to events with their signature, cold."""
    raw = [f"2026-01-31 10:00:{at % 60:02},{at % 1000:03} INFO app: {line}".encode() for at, line in enumerate(lines)]
    miner = Miner()
    miner.forget_words()
    pipeline = LogPipeline(miner)
    began = time.process_time()
    for at in range(0, len(raw), 1000):
        pipeline.take(raw[at : at + 1000])
    return len(lines) / (time.process_time() - began)


def bench_mining(benchmark: Any, figure: Figure) -> None:
    lines = messages()
    found: dict[str, list[float]] = {"own": [], "whole": [], "readme": [], "default": []}

    def run() -> None:
        for _ in range(ROUNDS):  # side by side, so that what else the machine does is the same for all
            found["own"].append(own(lines))
            found["whole"].append(whole(lines))
            found["readme"].append(len(lines) / Drain(readme=True).mine(lines)[1])
            found["default"].append(len(lines) / Drain(readme=False).mine(lines)[1])

    benchmark.pedantic(run, rounds=1, iterations=1)
    best = {name: max(speeds) for name, speeds in found.items()}
    share = max(100 * readme / mined for readme, mined in zip(found["readme"], found["own"], strict=True))
    note = f"{LINES:,} made-up lines, processor time, best of {ROUNDS}"
    figure("a message to its signature", 1e6 / best["own"], "us", note=note)
    figure("a line of bytes to its event and signature", 1e6 / best["whole"], "us", bar=6.67, note=note)
    figure(
        "Drain3's speed of mining, README's configuration, in percent of ours", share, "%", bar=33.3, note="worst round"
    )
    figure("Drain3, README's configuration", 1e6 / best["readme"], "us", note=note)
    figure("Drain3, default configuration", 1e6 / best["default"], "us", note=note)
