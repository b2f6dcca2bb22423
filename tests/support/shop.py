"""A home whose agent knows one web service, on the engine or on a PM2, with the command line as a person uses it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.forked import run_opsagent
from tests.support.pm2 import APPS, PM2, needed, running

_READY_MS = 3000
_CONFIG = """
[policy]
canary_s = {canary_s}

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
    canary_s: float = 0.5

    def deploy(self, script: str) -> None:
        """Put another release in the place of the file that runs."""
        fresh = self.app.with_suffix(".next")
        shutil.copyfile(APPS / script, fresh)
        fresh.replace(self.app)

    def opsagent(self, *arguments: str) -> Said:
        done = run_opsagent(arguments, env=os.environ, timeout=90)
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

    def configure(self, pm2_home: Path | None = None) -> None:
        """Say which supervisors there are beside the engine: none but this one."""
        homes = "" if pm2_home is None else json.dumps(str(pm2_home))
        text = _CONFIG.format(pm2_homes=homes, port=self.port, canary_s=self.canary_s)
        (self.home / "config.toml").write_text(text)

    def up(self, **values: object) -> None:
        """Run the service on the embedded engine, which holds its socket unless `values` say otherwise."""
        node = shutil.which("node")
        assert node is not None, "needs node: .ci/setup tests"
        keys = {"port": self.port, "share_socket": True, "instances": 4, "stop_signal": "SIGINT", **values}
        env = ", ".join(f'{name} = "{value}"' for name, value in {"PORT": self.port, **CALM}.items())
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()] + [f"env = {{ {env} }}"]
        file = self.app.with_name("services.toml")
        file.write_text("\n".join(["[services.api]", f'command = ["{node}", "{self.app}"]', *lines]) + "\n")
        self.configure()
        done = self.opsagent("up", str(file))
        assert done.code == 0, done

    @contextmanager
    def on_pm2(self) -> Iterator[PM2]:
        """Run the service as four workers of a PM2 of its own."""
        needed()
        with running() as pm2:
            self.configure(pm2.home)
            self.start_on(pm2, wait_ready=True, listen_timeout=_READY_MS, kill_timeout=3000)
            yield pm2

    def start_on(self, pm2: PM2, **keys: Any) -> None:
        """Start the service on this PM2."""
        pm2.start("api", self.app, cluster=True, instances=4, env={"PORT": self.port, **CALM}, **keys)
