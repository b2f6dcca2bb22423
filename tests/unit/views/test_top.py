"""`opsagent top`: what is shown, in which order, and what the keys do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from textual.widgets import Input, Static

from opsagent.cli import daemon
from opsagent.cli.top_app import OneUnit, TopApp, Units
from opsagent.cli.top_data import Watcher
from opsagent.home import Home
from opsagent.measured import measured
from opsagent.views import top
from opsagent.world import World
from opsagent_tools.units import Unit, UnitId, UnitState

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def unit(name: str, *, cpu: float = 0.0, rss: int = 1 << 20, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": f"circus:{name}@host",
        "name": name,
        "supervisor": "circus",
        "state": "running",
        "reason": "",
        "instances": 1,
        "processes": [{"pid": 7, "started": 1.0, "cpu": cpu, "rss": rss, "kernel_state": "S"}],
        "cpu": cpu,
        "rss": rss,
        "uptime_s": 60.0,
        "restarts": 0,
        "last_exit": None,
        "ports": [],
        "found_ports": [],
        "health": "unknown",
        "mode": None,
        "incident": None,
        "hold": None,
        "history": {"cpu": [cpu], "rss": [float(rss)]},
    }
    return row | more


def picture(*units: dict[str, Any], **more: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "at": 0.0,
        "daemon": {"pid": 1, "paused": False},
        "home": "/home",
        "host": None,
        "units": list(units),
        "incidents": [],
        "signatures": [],
        "notices": [],
    }
    return shown | more


INCIDENT = {
    "id": "inc-1",
    "status": "repairing",
    "summary": "api crashed",
    "opened_at": (NOW - timedelta(seconds=90)).isoformat(),
    "unit": "circus:api@host",
    "affected": [],
}
SIGNATURE = {
    "unit": "circus:api@host",
    "template": "GET <path> took <dur>",
    "level": "info",
    "count": 1204,
    "last": 5.0,
}


def names(units: Sequence[Any]) -> list[str]:
    return [one["name"] for one in units]


class TestOrder:
    UNITS = (
        unit("calm"),
        unit("busy", cpu=0.9),
        unit("fat", rss=1 << 30),
        unit("dead", state="exited", processes=[]),
        unit("ill", health="unhealthy"),
        unit("hurt", incident="inc-1"),
    )

    @pytest.mark.parametrize(
        ("sort", "first"), [("trouble", "hurt"), ("cpu", "busy"), ("memory", "fat"), ("name", "busy")]
    )
    def test_what_matters_comes_first(self, sort: str, first: str) -> None:
        assert names(top.rows(picture(*self.UNITS), sort=sort))[0] == first

    def test_trouble_comes_before_load(self) -> None:
        assert names(top.rows(picture(*self.UNITS), sort="trouble"))[:4] == ["hurt", "dead", "ill", "busy"]

    def test_a_part_of_the_name_or_the_supervisor_filters(self) -> None:
        assert names(top.rows(picture(*self.UNITS), sort="name", only="CIRCUS:B")) == ["busy"]


class TestLooking:
    def test_what_was_measured_stands_beside_what_is_known_of_a_unit(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        world = World()
        world.replace_unit(Unit(id=UnitId.parse("circus:api@host"), state=UnitState.RUNNING))
        monkeypatch.setattr(daemon, "listing", lambda home: {"daemon": {"pid": 1}, "units": [unit("api")]})
        monkeypatch.setattr(daemon, "metrics", lambda home: measured(world))
        for ask in ("signatures", "notices"):
            monkeypatch.setattr(daemon, ask, lambda *_, **__: [])
        seen = Watcher(Home.open(tmp_path)).look()["units"][0]
        assert seen["custom"] == {}
        assert [one["pid"] for one in seen["processes"]] == [7]
        assert top.row(seen)[0].text == "api"


class TestWords:
    def test_the_headline_says_who_watches(self) -> None:
        assert top.headline(picture(unit("api"))) == "1 of 1 services run · no open incidents"
        assert "nobody watches" in top.headline(picture(daemon=None))
        assert "1 open incident · paused" in top.headline(picture(daemon={"paused": True}, incidents=[INCIDENT]))

    def test_the_machine_in_one_line_with_what_will_be_full(self) -> None:
        host = {
            "cpu": 0.5, "cores": 2, "load1": 1.25, "memory_total": 8 << 30, "memory_available": 6 << 30,
            "mounts": [{"path": "/", "used_share": 0.9, "full_in_s": 2400.0}, {"path": "/data", "used_share": 0.1}],
        }  # fmt: skip
        assert top.host_line(host) == (
            "cpu 50.0% of 2 cores · load 1.25 · memory 2.0G of 8.0G · / 90.0% (full in 40m) · /data 10.0%"
        )
        assert top.host_line(None) == ""

    def test_incidents_and_signatures(self) -> None:
        shown = picture(unit("api"), incidents=[INCIDENT], signatures=[SIGNATURE])
        assert top.incident_lines(shown, NOW)[0].text == "1m 30s ago  api crashed (repairing, inc-1)"
        assert top.signature_lines(shown)[0].text == "×1,204  api  GET <path> took <dur>"

    def test_memory_that_grows_by_a_tenth_is_seen(self) -> None:
        grown = top.row(unit("api", history={"cpu": [0.0] * 12, "rss": [100.0] * 11 + [110.0]}))
        assert grown[5].text[-1] == "█" != grown[5].text[0]


class FakeWatcher:
    """Gives the pictures that it was given, the last one again and again; an error is raised."""

    def __init__(self, *pictures: dict[str, Any] | Exception) -> None:
        self._pictures = list(pictures)
        self.looked = 0

    def look(self) -> dict[str, Any]:
        self.looked += 1
        found = self._pictures.pop(0) if len(self._pictures) > 1 else self._pictures[0]
        if isinstance(found, Exception):
            raise found
        return found


def app_of(watcher: FakeWatcher) -> TopApp:
    return TopApp(cast("Watcher", watcher), 0.05)


async def until(pilot: Any, condition: Any) -> None:
    for _ in range(200):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError("it did not come to pass")


class TestApp:
    async def test_hostile_names_are_text_and_keys_sort_filter_and_open(self) -> None:
        evil = unit("[link=http://x]a\x1b[2Jb", cpu=0.5)
        watcher = FakeWatcher(
            picture(unit("api", incident="inc-1"), evil, incidents=[INCIDENT], signatures=[SIGNATURE])
        )
        app = app_of(watcher)
        async with app.run_test(size=(120, 30)) as pilot:
            table = app.query_one(Units)
            await until(pilot, lambda: table.row_count == 2)
            assert str(table.get_row_at(0)[0]) == "api"
            assert str(table.get_row_at(1)[0]) == "[link=http://x]a\\x1b[2Jb"
            await pilot.press("s")
            assert str(table.get_row_at(0)[0]).startswith("[link")
            await pilot.press("slash", *"api", "enter")
            assert app.query_one("#filter", Input).value == "api"
            assert [str(table.get_row_at(row)[0]) for row in range(table.row_count)] == ["api"]
            await pilot.press("enter")
            assert isinstance(app.screen, OneUnit)
            await pilot.press("escape", "escape")
            await until(pilot, lambda: table.row_count == 2)
            await pilot.press("q")
        assert app.return_value is None

    async def test_what_goes_wrong_is_told_and_looked_at_again(self) -> None:
        app = app_of(FakeWatcher(picture(unit("api")), OSError("gone\x1b"), picture(unit("api"), unit("web"))))
        async with app.run_test(size=(60, 20)) as pilot:
            table = app.query_one(Units)
            await until(pilot, lambda: table.row_count == 2)
            assert "gone" not in str(app.query_one("#head", Static).render())

    async def test_paused_nothing_is_looked_at(self) -> None:
        watcher = FakeWatcher(picture(unit("api")))
        app = app_of(watcher)
        async with app.run_test(size=(80, 20)) as pilot:
            await until(pilot, lambda: watcher.looked > 1)
            await pilot.press("p")
            await pilot.pause(0.1)
            looked = watcher.looked
            await pilot.pause(0.2)
            assert watcher.looked == looked
            assert "PAUSED" in str(app.query_one("#head", Static).render())
