"""How a circusd was started: which configuration it read, and whether it put itself into the background."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.supervisors.started import Started, program_at, started_as

NAMES = frozenset({"circusd", "circusd.py", "circus.circusd"})
"""What its program is called. The embedded engine is another: `opsagent_tools.supervisors.circus.circusd`."""
_TAKES_ONE = frozenset({"--log-level", "--log-output", "--logger-config", "--pidfile"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin(Started):
    """One circusd that lives, or lived."""

    @property
    def in_background(self) -> bool:
        """Whether nobody waits for it in the foreground."""
        return "--daemon" in self.argv

    def conf_path(self) -> Path | None:
        """Return its configuration file; None where its command line does not tell (it was renamed)."""
        given = next(self._words(), "")
        return Path(os.path.normpath(Path(self.cwd, given))) if given else None

    def _words(self) -> Iterator[str]:
        at = program_at(self.argv, NAMES)
        words = iter(self.argv[at + 1 :]) if at is not None else iter(())
        for word in words:
            if word in _TAKES_ONE:
                next(words, None)
            elif not word.startswith("-"):
                yield word


def origin_of(pid: int) -> Origin | None:
    """Look at a living circusd; None where there is no such process, or it is no circusd."""
    return started_as(pid, NAMES, Origin)
