"""What a reload costs users of a service: 4 workers, 20 connections, a graceful app, and a release that cannot start.

Real PM2 and the real engine; the clients are wrk, once over connections that they keep, once with one per request.
Beside it, in the same run: what `pm2 reload` does with the same release.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.conftest import Figure
from tests.support.load import Counted, under_load
from tests.support.pm2 import PM2
from tests.support.shop import Said, Shop

KINDS = {"kept": "connections that are kept", "fresh": "a connection per request"}
ROUNDS = 3
BESIDE_S = 2.0
"""How long is asked on after `pm2 reload` has reported success."""


def bench_reload_on_pm2(  # noqa: PLR0917  # fixtures
    benchmark: Any, figure: Figure, home: Path, tmp_path: Path, free_port: int, require: Callable[[str], Path]
) -> None:
    shop, wrk = _shop(home, tmp_path, free_port), require("wrk")
    with shop.on_pm2() as pm2:
        benchmark.pedantic(lambda: _measure(figure, shop, wrk, "PM2 cluster"), rounds=1, iterations=1)
        _beside(figure, shop, wrk, pm2)


def bench_reload_on_the_engine(  # noqa: PLR0917  # fixtures
    benchmark: Any, figure: Figure, home: Path, tmp_path: Path, free_port: int, require: Callable[[str], Path]
) -> None:
    shop, wrk = _shop(home, tmp_path, free_port), require("wrk")
    with _on_the_engine(shop):
        benchmark.pedantic(lambda: _measure(figure, shop, wrk, "the engine"), rounds=1, iterations=1)


def _shop(home: Path, folder: Path, port: int) -> Shop:
    found = Shop(home, folder / "app.js", port, canary_s=3.0)
    found.deploy("graceful.js")
    return found


@contextmanager
def _on_the_engine(shop: Shop) -> Iterator[None]:
    shop.up()
    try:
        yield
    finally:
        shop.opsagent("down")


def _measure(figure: Figure, shop: Shop, wrk: Path, where: str) -> None:
    took: list[float] = []
    for which, connections in KINDS.items():
        seen = [_one(shop, wrk, which, took) for _ in range(ROUNDS)]
        asked, failed = sum(one.answered for one in seen), sum(one.failed for one in seen)
        note = f"{asked:,} answered, {ROUNDS} reloads in a row, 4 workers, {connections}"
        figure(f"requests failed by `do reload api safely` on {where}, {connections}", failed, "", bar=0, note=note)
    figure(f"safe reload of 4 workers on {where}, median", sorted(took)[len(took) // 2], "s", note="canary 3 s")
    shop.deploy("broken.js")
    for which, connections in KINDS.items():
        with under_load(wrk, shop.port, **_connections(which)) as load:
            began = time.monotonic()
            said = shop.opsagent("do", "reload api safely")
            seconds = time.monotonic() - began
        counted = getattr(load, which)
        assert said.code == 1, said
        assert "Error: cannot find what this release needs" in said.last
        note = f"{counted.answered:,} answered; refused after {seconds:.1f} s; {connections}"
        what = f"requests failed by a release that cannot start on {where}, {connections}"
        figure(what, counted.failed, "", bar=0, note=note)


def _one(shop: Shop, wrk: Path, which: str, took: list[float]) -> Counted:
    with under_load(wrk, shop.port, **_connections(which)) as load:
        said: Said = shop.opsagent("do", "reload api safely", "--json")
    assert said.code == 0, said
    notes = [one["text"] for one in said.json["results"][0]["progress"] if one["kind"] == "note"]
    took.append(float(notes[-1].split()[2]))
    counted = getattr(load, which)
    assert isinstance(counted, Counted)
    return counted


def _beside(figure: Figure, shop: Shop, wrk: Path, pm2: PM2) -> None:
    """Have PM2 itself reload into the release that cannot start (it is there already)."""
    with under_load(wrk, shop.port, kept=0, fresh=20) as load:
        said = pm2.cli("reload", "api")
        time.sleep(BESIDE_S)
    with under_load(wrk, shop.port, kept=0, fresh=20) as after:
        time.sleep(BESIDE_S)
    reported = "success" if "✓" in said else "failure"
    note = f"it reports {reported}; in the {BESIDE_S:g} s after that {after.fresh.answered} of {after.fresh.answered + after.fresh.failed:,} requests were answered"
    figure("requests failed by `pm2 reload` with the release that cannot start", load.fresh.failed, "", note=note)


def _connections(which: str) -> dict[str, int]:
    return {kind: 20 if kind == which else 0 for kind in KINDS}
