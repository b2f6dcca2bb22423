"""A small web application whose files are a release, on the real engine, with commands run in this process."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsagent import last_good
from opsagent.cli.agent import config_of
from opsagent.cli.services import look
from opsagent.home import Home
from opsagent.releases.opening import keeper_of
from opsagent_tools.units import Unit
from tests.support.waiting import eventually

SOURCE = """
import http.server, os, sys
SAYS = {says!r}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = SAYS.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
BROKEN = "raise SystemExit('release B cannot start')\n"
POLICY = "[policy]\nrelease_good_after_s = 0.5\ncanary_s = 0.5\n"

Run = Callable[..., tuple[int, str]]
"""A command line → its exit code and what it printed."""


class App:
    """The service `api`."""

    def __init__(self, home: Path, folder: Path, port: int, run: Run, *, config: str = "") -> None:
        self.home, self.folder, self.port, self.run = Home.open(home), folder, port, run
        self.script = folder / "app.py"
        self.services = folder.parent / "services.toml"
        policy = home / "config.toml"
        policy.write_text(POLICY)
        policy.chmod(0o600)
        files = f'config_files = ["{config}"]\n' if config else ""
        self.services.write_text(
            f'[services.api]\ncommand = ["{sys.executable}", "-S", "-P", "{self.script}", "{port}"]\ncwd = "{folder}"\n'
            f'env = {{ API_TOKEN = "hunter2abc", REGION = "eu" }}\n{files}port = {port}\n'
            f'health = {{ http = "http://127.0.0.1:{port}/", interval_s = 0.3, timeout_s = 1, grace_s = 3 }}\n'
        )

    def release(self, says: str, folder: Path | None = None) -> None:
        ((folder or self.folder) / "app.py").write_text(SOURCE.format(says=says))

    def serves(self) -> str:
        """Return what it says; nothing while it does not serve."""
        with suppress(OSError), closing(urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=1)) as answer:
            return str(answer.read().decode())
        return ""

    def up(self) -> None:
        code, said = self.run("up", str(self.services))
        assert code == 0, said
        eventually(self.serves, timeout=20)

    def unit(self) -> Unit:
        return next(unit for unit in look(self.home).units if unit.name == "api")

    def restart(self) -> None:
        code, said = self.run("do", "restart api", "--yes")
        assert code == 0, said

    def rollback(self, *more: str) -> tuple[int, dict[str, Any]]:
        code, said = self.run("rollback", "api", "--json", *more)
        assert "hunter2abc" not in said
        return code, json.loads(said)

    def note(self) -> str:
        """Have what runs now noted, as the daemon does once it has been well for a while."""
        return eventually(lambda: asyncio.run(self._note()), timeout=20)

    async def _note(self) -> str | None:
        async with keeper_of(self.home, config_of(self.home), "circus") as keeper:
            unit = await keeper.supervisors["circus"].describe(self.unit().id)
            spec = look(self.home).spec(unit.id)
            assert spec is not None
            last_good.note(unit, spec, self.home.last_good_dir)
            return await keeper.note(unit, datetime.now(UTC))
