"""The supervisor in memory, with processes that really live and end: for what asks the kernel whether they do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from opsagent_tools.processes.proc import key_of
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.fake import FakeSupervisor
from opsagent_tools.supervisors.port import EventKind
from opsagent_tools.units import ProcessKey, UnitId

GOOD = "import time; time.sleep(1000)"
BAD = "import sys; print('Error: this release needs what is not there', file=sys.stderr, flush=True); sys.exit(3)"
LATE = "import sys, time; time.sleep(0.6); print('Error: it ended late', file=sys.stderr, flush=True); sys.exit(4)"
LOUD = (
    "import sys, time\nfor n in range(5): print(f'Error: no table {n}', file=sys.stderr, flush=True)\ntime.sleep(1000)"
)


class LivingSupervisor(FakeSupervisor):
    """Every instance is a Python of its own; `release` is what those that start from now on run."""

    def __init__(self, specs: Iterable[ServiceSpec], folder: Path) -> None:
        self.release = GOOD
        self.log = folder / "api-error-0.log"
        self._noticing = False
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        super().__init__(specs)

    def log_files(self, unit: UnitId) -> tuple[Path, ...]:
        return (self.log,)

    def end_all(self) -> None:
        """End whatever still runs."""
        for child in self._children.values():
            child.kill()
            child.wait()

    def _spawn(self, name: str) -> ProcessKey:
        with self.log.open("ab") as log:
            child = subprocess.Popen([sys.executable, "-SEc", self.release], stdout=log, stderr=log)
        key = key_of(child.pid)
        assert key is not None  # it is our child, and nobody has reaped it
        self._children[child.pid] = child
        self._services[name].processes.append(key)
        self._tell(EventKind.SPAWNED, UnitId.local(self.kind, name), key.pid)
        return key

    def _end(self, unit: UnitId, keys: Iterable[ProcessKey]) -> None:
        ended = list(keys)
        for key in ended:
            self._children[key.pid].kill()
            self._children[key.pid].wait()
        super()._end(unit, [key for key in ended if key in self._services[unit.name].processes])

    def alive(self) -> set[int]:
        """The pids of those that have not ended."""
        return {pid for pid, child in self._children.items() if child.poll() is None}

    def _of(self, unit: UnitId) -> Any:
        if not self._noticing:
            self._noticing = True
            self._notice_deaths()
            self._noticing = False
        return super()._of(unit)

    def _notice_deaths(self) -> None:
        """As a supervisor does who waits for its children."""
        for name, service in self._services.items():
            for key in list(service.processes):
                code = self._children[key.pid].poll()
                if code is not None:
                    self.die(UnitId.local(self.kind, name), key.pid, code)
