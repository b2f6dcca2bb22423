"""A safe reload on PM2's cluster mode under load, beside what `pm2 reload` does with the same release."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.load import under_load
from tests.support.pm2 import PM2
from tests.support.shop import Shop


@pytest.mark.timeout(300)
def test_no_request_fails_three_times_in_a_row_nor_with_a_release_that_cannot_start(
    pm2_shop: PM2, shop: Shop, require: Callable[[str], Path]
) -> None:
    pids = set(pm2_shop.pids("api"))
    with under_load(require("wrk"), shop.port) as load:
        for _ in range(3):
            said = shop.opsagent("do", "reload api safely")
            assert said.code == 0, said
            assert len(pm2_shop.pids("api")) == 4
            assert not pids & set(pm2_shop.pids("api"))
            pids = set(pm2_shop.pids("api"))
        shop.deploy("broken.js")
        said = shop.opsagent("do", "reload api safely")
    assert load.failed == 0, (load.kept.report, load.fresh.report)
    assert load.kept.answered > 1000
    assert load.fresh.answered > 1000
    assert said.code == 1
    assert "Error: cannot find what this release needs" in said.last
    assert "the 4 old instances serve on" in said.last
    assert set(pm2_shop.pids("api")) == pids
    (incident,) = shop.incidents()
    assert (incident["fault"], incident["status"], incident["name"]) == ("bad_release", "escalated", "api")
    assert incident["id"] in said.last
    assert "Error: cannot find what this release needs" in incident["summary"]

    with under_load(require("wrk"), shop.port) as beside:
        assert "✓" in pm2_shop.cli("reload", "api")
    assert beside.failed > 0, "pm2 reload replaces a release that works by one that cannot start"
    assert not [one for one in pm2_shop.listed() if one["pm2_env"]["status"] == "online" and _old(one, pids)]


def _old(one: dict[str, object], pids: set[int]) -> bool:
    return one["pid"] in pids


def test_what_is_not_graceful_is_said_first_with_numbers(
    pm2_shop: PM2, shop: Shop, require: Callable[[str], Path]
) -> None:
    pm2_shop.cli("delete", "api")
    shop.deploy("plain.js")
    shop.start_on(pm2_shop)
    before = set(pm2_shop.pids("api"))
    with under_load(require("wrk"), shop.port):
        said = shop.opsagent("do", "reload api safely")
    assert said.code == 3
    told = said.preflight("graceful")
    assert told.startswith("warn graceful: app.js has no handler for SIGINT: Node ends at once; right now "), told
    assert "would be cut" in said.last
    assert set(pm2_shop.pids("api")) == before
    (question,) = shop.opsagent("approvals", "--json").json["approvals"]
    assert question["id"] in said.last


def test_a_release_that_never_listens_is_told_by_what_its_siblings_answer(pm2_shop: PM2, shop: Shop) -> None:
    pm2_shop.cli("delete", "api")
    shop.start_on(pm2_shop)  # without wait_ready: for PM2 whatever lives is online
    before = set(pm2_shop.pids("api"))
    shop.app.write_text("setInterval(() => {}, 1000);")
    said = shop.opsagent("do", "reload api safely", "--yes")
    assert said.code == 1, said
    assert "health probes it was never given one; the others answered them; the 4 old instances serve on" in said.last
    assert set(pm2_shop.pids("api")) == before
