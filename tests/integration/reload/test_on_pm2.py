"""A safe reload on PM2's cluster mode under load, beside what `pm2 reload` does with the same release."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.reload.conftest import CALM, CONFIG, Shop
from tests.support.load import under_load
from tests.support.pm2 import PM2, needed, running

_READY_MS = 1500


@pytest.fixture
def served(shop: Shop) -> Iterator[PM2]:
    """The service with four workers."""
    needed()
    with running() as pm2:
        (shop.home / "config.toml").write_text(CONFIG.format(pm2_homes=f'"{pm2.home}"', port=shop.port))
        waits: dict[str, Any] = {"wait_ready": True, "listen_timeout": _READY_MS, "kill_timeout": 3000}
        pm2.start("api", shop.app, cluster=True, instances=4, env={"PORT": shop.port, **CALM}, **waits)
        yield pm2


def test_no_request_fails_three_times_in_a_row_nor_with_a_release_that_cannot_start(
    served: PM2, shop: Shop, require: Callable[[str], Path]
) -> None:
    pids = set(served.pids("api"))
    with under_load(require("wrk"), shop.port) as load:
        for _ in range(3):
            said = shop.opsagent("do", "reload api safely")
            assert said.code == 0, said
            assert len(served.pids("api")) == 4
            assert not pids & set(served.pids("api"))
            pids = set(served.pids("api"))
        shop.deploy("broken.js")
        said = shop.opsagent("do", "reload api safely")
    assert load.failed == 0, (load.kept.report, load.fresh.report)
    assert load.kept.answered > 1000
    assert load.fresh.answered > 1000
    assert said.code == 1
    assert "Error: cannot find what this release needs" in said.last
    assert "the 4 old instances serve on" in said.last
    assert set(served.pids("api")) == pids
    (incident,) = shop.incidents()
    assert (incident["fault"], incident["status"], incident["name"]) == ("bad_release", "escalated", "api")
    assert incident["id"] in said.last
    assert "Error: cannot find what this release needs" in incident["summary"]

    with under_load(require("wrk"), shop.port) as beside:
        assert "✓" in served.cli("reload", "api")
    assert beside.failed > 0, "pm2 reload replaces a release that works by one that cannot start"
    assert not [one for one in served.listed() if one["pm2_env"]["status"] == "online" and _old(one, pids)]


def _old(one: dict[str, object], pids: set[int]) -> bool:
    return one["pid"] in pids


def test_what_is_not_graceful_is_said_first_with_numbers(
    served: PM2, shop: Shop, require: Callable[[str], Path]
) -> None:
    served.cli("delete", "api")
    shop.deploy("plain.js")
    served.start("api", shop.app, cluster=True, instances=4, env={"PORT": shop.port, **CALM})
    before = set(served.pids("api"))
    with under_load(require("wrk"), shop.port):
        said = shop.opsagent("do", "reload api safely")
    assert said.code == 3
    told = said.preflight("graceful")
    assert told.startswith("warn graceful: app.js has no handler for SIGINT: Node ends at once; right now "), told
    assert "would be cut" in said.last
    assert set(served.pids("api")) == before
    (question,) = shop.opsagent("approvals", "--json").json["approvals"]
    assert question["id"] in said.last
