"""A home whose agent knows one web service, with the command line on it as a person uses it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.pm2 import APPS

CONFIG = """
[policy]
canary_s = 0.5

[supervisors]
discover = false
pm2_homes = [{pm2_homes}]

[services.api]
health = {{ http = "http://127.0.0.1:{port}/", interval_s = 0.5, timeout_s = 2 }}
"""


CALM = {"DELAY_MS": "20", "DRAIN_MS": "300"}
"""For the service: answers that take a while, so that the load leaves some of the machine to others."""


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it told."""

    code: int
    out: str
    told: list[str]
    """Lines on standard error."""

    @property
    def last(self) -> str:
        return self.told[-1]

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def preflight(self, item: str) -> str:
        """What was told of one item of the preflight: `warn that …`."""
        lines = [line.split(maxsplit=2) for line in self.told if line.startswith("preflight ")]
        return next(f"{level} {rest}" for _, level, rest in lines if rest.startswith(f"{item}: "))


@dataclass(frozen=True)
class Shop:
    """One service `api`, whose code is a file that a deploy replaces."""

    home: Path
    app: Path
    port: int

    def deploy(self, script: str) -> None:
        """Put another release in the place of the file that runs."""
        fresh = self.app.with_suffix(".next")
        shutil.copyfile(APPS / script, fresh)
        fresh.replace(self.app)

    def opsagent(self, *arguments: str) -> Said:
        done = subprocess.run(self.argv(*arguments), capture_output=True, text=True, timeout=90, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return Said(done.returncode, done.stdout, done.stderr.splitlines())

    def argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "opsagent", *arguments]

    def incidents(self) -> list[dict[str, Any]]:
        found = self.opsagent("incidents", "list", "--json").json["incidents"]
        assert isinstance(found, list)
        return found

    def pids(self) -> set[int]:
        units = self.opsagent("ps", "--json").json["units"]
        return {process["pid"] for unit in units if unit["name"] == "api" for process in unit["processes"]}


@pytest.fixture
def shop(home: Path, tmp_path: Path, free_port: int) -> Shop:
    found = Shop(home, tmp_path / "app.js", free_port)
    found.deploy("graceful.js")
    return found


@pytest.fixture
def engine(shop: Shop) -> Iterator[Callable[..., None]]:
    """`engine(instances=4)`: run the service on the embedded engine, which holds its socket; taken down at the end."""

    def up(**values: object) -> None:
        keys = {"port": shop.port, "share_socket": True, "instances": 4, "stop_signal": "SIGINT", **values}
        env = ", ".join(f'{name} = "{value}"' for name, value in {"PORT": shop.port, **CALM}.items())
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()] + [f"env = {{ {env} }}"]
        node = shutil.which("node") or os.fspath(sys.executable)
        file = shop.app.with_name("services.toml")
        file.write_text("\n".join(["[services.api]", f'command = ["{node}", "{shop.app}"]', *lines]) + "\n")
        (shop.home / "config.toml").write_text(CONFIG.format(pm2_homes="", port=shop.port))
        up = shop.opsagent("up", str(file))
        assert up.code == 0, up

    yield up
    shop.opsagent("down")
