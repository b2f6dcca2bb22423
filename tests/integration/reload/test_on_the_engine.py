"""Safe reload, restart and scale-down on the embedded engine, under load where that matters; with and without a daemon."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from opsagent.claims import Claims
from opsagent_tools.units import UnitId
from tests.support.forked import start_opsagent
from tests.support.load import under_load
from tests.support.shop import Shop
from tests.support.waiting import eventually

API = UnitId.local("circus", "api")


@contextmanager
def watching(shop: Shop) -> Iterator[None]:
    """Have a daemon run."""
    with Path(os.devnull).open("w") as nobody:
        daemon = start_opsagent(["watch", "--json", "--mode", "observe"], env=os.environ, out=nobody, err=nobody)
    try:
        eventually(lambda: shop.opsagent("ps", "--json").json["daemon"], timeout=30, why="the daemon answers")
        yield
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(30)


def test_no_request_fails_nor_with_a_release_that_cannot_start(shop: Shop, require: Callable[[str], Path]) -> None:
    shop.up()
    old = shop.pids()
    with under_load(require("wrk"), shop.port) as load:
        first = shop.opsagent("do", "reload api safely")
        assert first.code == 0, first
        new = shop.pids()
        shop.deploy("broken.js")
        second = shop.opsagent("do", "safely restart api", "--json")
        assert shop.pids() == new
    assert load.failed == 0, (load.kept.report, load.fresh.report)
    assert load.answered > 1000
    assert len(new) == 4
    assert not new & old
    (result,) = second.json["results"]
    assert (second.code, result["result"]) == (1, "failed")
    assert result["detail"].startswith("the new release is not fit: Error: cannot find what this release needs")
    assert [item["level"] for item in result["preflight"]["items"] if item["name"] == "health"] == ["ok"]
    (incident,) = shop.incidents()
    assert (incident["id"], incident["fault"], incident["status"]) == (result["incident"], "bad_release", "escalated")


@pytest.mark.parametrize("daemon", [False, True], ids=["alone", "daemon"])
def test_a_second_change_of_the_same_service_is_refused_while_one_runs(shop: Shop, daemon: bool) -> None:
    shop.up(instances=2)
    replace(shop, canary_s=90.0).configure()  # the first one is under way for as long as the test wants it to be
    old = shop.pids()
    with watching(shop) if daemon else nullcontext():
        first = subprocess.Popen(shop.argv("do", "reload api safely"), stderr=subprocess.DEVNULL)
        held = Claims(shop.home / "claims")
        eventually(lambda: held.held(API), timeout=60, why="the first one has begun")
        for text in ("reload api safely", "restart api", "scale api to 1"):
            second = shop.opsagent("do", text, "--yes")
            assert second.code == 4, second
            assert "another reload of api is under way since" in second.last
            assert "(rule: busy)" in second.last
        first.send_signal(signal.SIGINT)
        assert first.wait(60) == 130
    eventually(lambda: held.held(API) is None, timeout=30, why="it was let go of")
    assert shop.pids() == old


def test_of_several_that_begin_in_the_same_moment_one_is_done_and_none_waits_for_its_turn(shop: Shop) -> None:
    shop.up(instances=1)
    old = shop.pids()
    argv = shop.argv("do", "reload api safely", "--yes")
    every = [subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [one.communicate(timeout=90)[1] for one in every]
    assert sorted(one.returncode for one in every) == [0, 4, 4], said
    assert sum("another reload of api is under way since" in one for one in said) == 2, said
    assert not old & shop.pids()


def test_with_a_daemon_a_bad_release_is_one_incident_until_a_good_one_comes(shop: Shop) -> None:
    shop.up(instances=2)
    with watching(shop):
        shop.deploy("broken.js")
        assert shop.opsagent("do", "reload api safely").code == 1
        eventually(lambda: [one["status"] for one in shop.incidents()] == ["escalated"], timeout=60)
        shop.deploy("graceful.js")
        assert shop.opsagent("do", "reload api safely").code == 0
        eventually(lambda: [one["status"] for one in shop.incidents()] == ["closed"], timeout=60)
        (incident,) = shop.incidents()
        assert incident["fault"] == "bad_release"


def test_a_release_that_never_takes_a_connection_does_not_take_over_for_having_inherited_the_socket(shop: Shop) -> None:
    shop.up(instances=1)
    old = shop.pids()
    shop.app.write_text("setInterval(() => {}, 1000);")
    said = shop.opsagent("do", "reload api safely", "--yes")
    assert said.code == 1, said
    assert f"the new release is not fit: it takes no connections on {shop.port}" in said.last
    assert shop.pids() == old


def test_fewer_instances_end_gracefully_and_nobody_notices(shop: Shop, require: Callable[[str], Path]) -> None:
    shop.up(instances=2)
    asked = shop.opsagent("do", "scale api to 1")
    assert asked.code == 3
    assert len(shop.pids()) == 2
    with under_load(require("wrk"), shop.port) as load:
        said = shop.opsagent("do", "api 1개로 줄여줘", "--yes")
    assert said.code == 0, said
    assert len(shop.pids()) == 1
    assert load.failed == 0, (load.kept.report, load.fresh.report)


def test_a_single_instance_that_nothing_can_stand_beside_costs_what_it_cost_last_time(shop: Shop) -> None:
    shop.up(instances=1, share_socket=False)
    first = shop.opsagent("do", "reload api safely")
    assert first.code == 3
    assert "does not serve while it starts anew; how long that takes is not known yet" in first.last
    assert shop.opsagent("do", "reload api safely", "--yes").code == 0
    second = shop.opsagent("do", "reload api safely")
    assert second.code == 3
    assert "s last time (" in second.last
    assert "by its health probe)" in second.last
