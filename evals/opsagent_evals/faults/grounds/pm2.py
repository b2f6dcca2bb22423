"""A real PM2 with a home of its own. Its settings are its defaults: it restarts what ends, and what outgrows its limit."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

import opsagent_evals
from opsagent_evals.faults.grounds import held_socket
from opsagent_evals.faults.grounds.ground import GroundError
from opsagent_evals.faults.place import Place
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.pm2.adapter import Pm2Supervisor

_START_S = 60.0
_GONE_S = 10.0


def find_pm2() -> Path | None:
    """Return PM2's command: of the PATH, else of a checkout's own tests."""
    found = shutil.which("pm2")
    if found:
        return Path(found)
    beside = Path(opsagent_evals.__file__).parents[2] / "tests" / "node" / "node_modules" / "pm2" / "bin" / "pm2"
    return beside if beside.exists() else None


class Pm2Ground:
    """Apps in fork mode; several instances of a shared socket get a socket each on the same port."""

    def __init__(self, place: Place, *, defaults: bool = False) -> None:
        """`defaults`: PM2's own settings for restarts, whatever the scenario says of them."""
        self._place = place
        self._defaults = defaults
        self._home = place.root / "pm2"
        self.supervisor: Pm2Supervisor | None = None
        self.config = ""

    async def start(self, specs: Sequence[ServiceSpec]) -> None:
        """Start PM2's daemon with an ecosystem file of these services. Raises GroundError."""
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir(mode=0o700)
        ecosystem = self._home / "ecosystem.json"
        ecosystem.write_text(
            json.dumps({"apps": [self._app(spec) for spec in specs if spec.command]}), encoding="utf-8"
        )
        found = f"[supervisors]\ndiscover = false\npm2_homes = [{json.dumps(str(self._home))}]\n"
        self.config = "\n".join([found, *map(_known, specs)])
        await self._pm2("start", str(ecosystem))
        self.supervisor = Pm2Supervisor(self._home)

    async def end(self) -> None:
        """End all apps and the daemon."""
        if self.supervisor is not None:
            await self.supervisor.close()
        daemon = self._daemon()
        if daemon is None:
            return
        try:
            await self._pm2("kill")
        except GroundError:
            daemon.send_signal(signal.SIGKILL)
        await asyncio.to_thread(psutil.wait_procs, [daemon], timeout=_GONE_S)

    def _daemon(self) -> psutil.Process | None:
        try:
            return psutil.Process(int((self._home / "pm2.pid").read_text(encoding="ascii")))
        except (OSError, ValueError, psutil.Error):
            return None

    async def _pm2(self, *words: str) -> None:
        program, node = find_pm2(), shutil.which("node")
        if program is None or node is None:
            raise GroundError("PM2 is not here: npm install -g pm2")
        log = self._place.root / "pm2.log"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                node, str(program), *words, cwd=self._home, env=self._env(), stdin=asyncio.subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        try:
            code = await asyncio.wait_for(process.wait(), _START_S)
        except TimeoutError:
            process.kill()
            raise GroundError(f"pm2 {words[0]} took more than {_START_S:g} s") from None
        if code:
            raise GroundError(f"pm2 {words[0]} exited with {code}: {log}")

    def _app(self, spec: ServiceSpec) -> dict[str, Any]:
        """Return the service as PM2's ecosystem file says it."""
        held = [sys.executable, "-SE", held_socket.__file__, str(spec.port)] if spec.share_socket else []
        program, *words = [*held, *spec.command]
        limit = spec.max_memory if self._defaults else spec.max_memory_restart
        user = {"uid": spec.uid, "gid": spec.gid} if spec.uid is not None else {}
        return {
            "name": spec.name,
            "script": program,
            "interpreter": "none",
            "args": words,
            "cwd": str(spec.cwd),
            "env": dict(spec.env),
            "instances": spec.instances,
            "exec_mode": "fork",
            "kill_timeout": int(spec.stop_timeout_s * 1000),
            "autostart": spec.autostart,
            "autorestart": self._defaults or spec.autorestart,
            **({"max_memory_restart": str(limit)} if limit else {}),
            **user,
        }

    def _env(self) -> Mapping[str, str]:
        quiet = {"PM2_DISABLE_VERSION_CHECK": "true", "PM2_NO_INTERACTION": "true", "NO_COLOR": "1"}
        return {**self._place.env(os.environ), "HOME": str(self._home), "PM2_HOME": str(self._home), **quiet}


def _known(spec: ServiceSpec) -> str:
    """Return what the agent is told of a service that PM2 runs: the same keys as in services.toml."""
    lines = [f"[services.{spec.name}]", f"cwd = {json.dumps(str(spec.cwd))}"]
    if spec.port:
        lines.append(f"port = {spec.port}")
    if spec.depends_on or spec.independent:
        lines.append(f"depends_on = {json.dumps(list(spec.depends_on))}")
    if spec.config_files:
        lines.append(f"config_files = {json.dumps([str(path) for path in spec.config_files])}")
    if spec.max_memory:
        lines.append(f"max_memory = {spec.max_memory}")
    if spec.health is not None:
        health = spec.health
        how = f"http = {json.dumps(health.http)}" if health.http else f"tcp = {json.dumps(health.tcp)}"
        times = f"interval_s = {health.interval_s}, timeout_s = {health.timeout_s}, grace_s = {health.grace_s}"
        lines.append(f"health = {{ {how}, {times} }}")
    return "\n".join(lines) + "\n"
