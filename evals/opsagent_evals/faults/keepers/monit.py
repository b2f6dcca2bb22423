"""Monit, the real one, with what its manual recommends for a service: a process, a probe, a limit, a place to stop.

The embedded engine runs the services and starts again what ends; Monit looks every two seconds, restarts what fails its
probe twice, and gives up (its alert tells a person) after three restarts within ten rounds.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from opsagent_evals.faults.keepers import deeds
from opsagent_evals.faults.keepers.keeper import KeeperError, Keeping
from opsagent_evals.faults.score import OracleCall, Run, SeenIncident
from opsagent_tools.services.spec import Health, ServiceSpec

_CYCLE_S = 2
_STOP_S = 5.0
_EVENT = re.compile(r"^\[(?P<at>[^\]]+)\] error\s*: '(?P<unit>[^']+)' ")


class Monit:
    """`monit -I` with a control file made from the scenario's services."""

    patient = False

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self._folder = keeping.place.root / "monit"
        self._process: asyncio.subprocess.Process | None = None
        self._pids: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Write the control file and start Monit."""
        program = shutil.which("monit")
        if program is None:
            raise KeeperError("Monit is not here: apt-get install monit")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700)
        self._deeds.unlink(missing_ok=True)
        await self._write_pids()
        control = self._folder / "monitrc"
        control.touch(mode=0o600)
        control.write_text("\n".join(self._control()), encoding="utf-8")
        with (self._folder / "output").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                program, "-I", "-c", str(control), cwd="/", env=self._keeping.place.env(os.environ),
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        self._pids = asyncio.create_task(self._keep_pids())

    @property
    def _deeds(self) -> Path:
        return self._keeping.place.root / "deeds.jsonl"

    def _control(self) -> Iterator[str]:
        folder = self._folder
        yield f"set daemon {_CYCLE_S}"
        for name in ("log", "pid", "id", "state"):
            yield f'set {name}file "{folder / name}"'
        yield "set limits { programTimeout: 30 seconds }"
        for spec in self._keeping.specs:
            yield from self._check(spec)

    def _check(self, spec: ServiceSpec) -> Iterator[str]:
        root = self._keeping.place.root
        hand = f"{sys.executable} -P -m opsagent_evals.faults.keepers.hand {root}"
        yield f'check process {spec.name} with pidfile "{self._folder / spec.name}.pid"'
        for action in ("start", "stop", "restart"):
            yield f'  {action} program = "{hand} {action} {spec.name}" with timeout 30 seconds'
        if spec.health is not None:
            yield f"  if failed {_probe(spec.health)} for 2 cycles then restart"
        if spec.max_memory:
            yield f"  if total memory > {max(1, int(spec.max_memory * 0.9) >> 10)} KB for 2 cycles then restart"
        yield "  if 3 restarts within 10 cycles then unmonitor"

    async def _keep_pids(self) -> None:
        while True:
            await asyncio.sleep(0.3)
            await self._write_pids()

    async def _write_pids(self) -> None:
        """The engine keeps no pid files; a service of several instances is known to Monit by its first."""
        supervisor = self._keeping.ground.supervisor
        for unit in await supervisor.list() if supervisor is not None else ():
            path = self._folder / f"{unit.name}.pid"
            if unit.processes:
                path.write_text(f"{unit.processes[0].pid}\n", encoding="ascii")
            else:
                path.unlink(missing_ok=True)

    async def end(self) -> None:
        """End Monit; the services stay."""
        if self._pids is not None:
            self._pids.cancel()
            await asyncio.gather(self._pids, return_exceptions=True)
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def lives(self) -> bool:
        """Tell whether Monit is still there."""
        return self._process is not None and self._process.returncode is None

    def is_calm(self) -> bool:
        """It has nothing that it would have to finish."""
        return True

    def read(self, injected_at: datetime, oracle: Sequence[OracleCall], now: datetime, *, error: str = "") -> Run:
        """Return what it did, and of what it told a person."""
        steps = tuple(deeds.read(self._deeds))
        told = tuple(self._told(injected_at))
        return Run(
            injected_at=injected_at, ended_at=now, oracle=tuple(oracle), steps=steps, incidents=told, error=error
        )

    def _told(self, since: datetime) -> Iterator[SeenIncident]:
        """Yield one incident for each service of which Monit's log has an event: by mail, each would be an alert."""
        first: dict[str, datetime] = {}
        try:
            lines = (self._folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            match = _EVENT.match(line)
            if match is not None and (at := _time(match["at"])) >= since.replace(microsecond=0):
                first.setdefault(match["unit"], at)
        for unit, at in first.items():
            yield SeenIncident(id=unit, fault="monit", unit=unit, opened_at=at, escalated_at=at)


def _probe(health: Health) -> str:
    """Return a connection test in Monit's words."""
    if health.http:
        url = urlsplit(health.http)
        tls = " ssl" if url.scheme == "https" else ""
        port = url.port or (443 if tls else 80)
        path = url.path or "/"
        test = f'host {url.hostname} port {port} protocol http{"s" if tls else ""} request "{path}"'
    else:
        host, _, port_text = (health.tcp or "").rpartition(":")
        test = f"host {host} port {port_text} type tcp"
    return f"{test} with timeout {max(1, round(health.timeout_s))} seconds"


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)
