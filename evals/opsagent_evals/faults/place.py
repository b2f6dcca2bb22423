"""Where one scenario lives while it is run: folders, and the environment that everything in it sees."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_NOT_HANDED_ON = (
    "OPSAGENT_",
    "LISTEN_",
    "NOTIFY_",
    "WATCHDOG_",
    "LANGCHAIN_",
    "LANGSMITH_",
    "STATE_DIR",
    "SCENARIO_DIR",
)


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one scenario's runs. The home in it is kept over repeats, everything else is fresh each time."""

    root: Path

    @property
    def scenario(self) -> Path:
        """A copy: a fault may well break configuration files in it."""
        return self.root / "scenario"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def seen(self) -> Path:
        """What the run saw (`observation.py`)."""
        return self.root / "seen.json"

    @property
    def output(self) -> Path:
        """What inject, oracle and clear print."""
        return self.root / "programs.log"

    @property
    def daemon_log(self) -> Path:
        return self.root / "daemon.log"

    def prepare(self, scenario: Path, *, keep_home: bool = True) -> None:
        """Make everything fresh, but for the home where that is kept."""
        for folder in (self.scenario, self.state, *(() if keep_home else (self.home,))):
            shutil.rmtree(folder, ignore_errors=True)
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copytree(scenario, self.scenario, ignore=shutil.ignore_patterns("__pycache__"))
        for folder in (self.state, self.home, self.root / "run"):
            folder.mkdir(mode=0o700, exist_ok=True)
        self.seen.unlink(missing_ok=True)

    def own_env(self) -> dict[str, str]:
        """Return the variables that services and programs of the scenario are promised."""
        own = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        return {
            "SCENARIO_DIR": str(self.scenario),
            "STATE_DIR": str(self.state),
            "OPSAGENT_HOME": str(self.home),
            "OPSAGENT_DISCOVER": "0",  # it acts unasked here: on the scenario's services, and on nobody else's
            "XDG_RUNTIME_DIR": str(self.root / "run"),
            "PATH": own,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def env(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return `base` without what belongs to another agent, and with `own_env`."""
        kept = {name: value for name, value in base.items() if not name.startswith(_NOT_HANDED_ON)}
        return {**kept, **self.own_env()}
