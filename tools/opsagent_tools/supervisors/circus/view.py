"""An engine as its files show it: does its daemon live, what was applied last. Changes nothing and asks nobody."""

from __future__ import annotations

import json
import os
from pathlib import Path

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus import procfs
from opsagent_tools.supervisors.circus.paths import EnginePaths
from opsagent_tools.supervisors.circus.state import StateFile


class EngineView:
    """One engine, looked at. Light: for commands that do not load the means to change it (`Engine`)."""

    def __init__(self, engine_dir: Path, runtime_dir: Path) -> None:
        self.paths = EnginePaths(engine_dir.absolute(), runtime_dir.absolute())
        self._files = StateFile(self.paths.engine_dir)
        self._read: tuple[object, tuple[ServiceSpec, ...]] | None = None

    def pid(self) -> int | None:
        """Return the daemon's pid, None when it does not run."""
        try:
            raw = json.loads(self.paths.pid_file.read_text())
            pid, birth = int(raw["pid"]), float(raw["birth"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        found = procfs.read_stat(pid)
        return pid if found is not None and found.birth == birth and procfs.owner(pid) == os.getuid() else None

    def is_running(self) -> bool:
        """Return whether the daemon lives."""
        return self.pid() is not None

    def specs(self) -> tuple[ServiceSpec, ...]:
        """Return the services as applied last, empty after a shutdown. Raises EngineError for a broken file."""
        stamp = self._files.stamp()
        if self._read is None or self._read[0] != stamp:
            self._read = (stamp, tuple(wanted.spec for wanted in self._files.load().services))
        return self._read[1]
