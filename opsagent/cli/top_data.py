"""What `opsagent top` shows, looked at again and again: from the daemon where one watches, else with eyes of its own."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent_tools.processes.sample import Sampler

KEPT = 60
"""Points of each history."""
_ROWS, _SIGNATURES = 50, 200
_OF_THE_UNIT = frozenset({"processes"})
_UNRESOLVED = ("open", "repairing", "escalated")
_LOOK_AGAIN_S = 5.0
"""Without a daemon the supervisors are asked this seldom; processes are sampled each time."""

Picture = dict[str, Any]
"""`{"at", "daemon", "host", "units", "incidents", "signatures", "notices"}`; docs/cli.md has the form."""


class Watcher:
    """Takes pictures. Not thread-safe; a call may block for some seconds where supervisors are slow."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._sampler: Sampler | None = None
        self._histories: dict[str, dict[str, deque[float | None]]] = {}
        self._report: dict[str, Any] | None = None
        self._looked_at = float("-inf")

    def look(self) -> Picture:
        """Return how it is now."""
        from opsagent.cli import daemon

        report = daemon.listing(self._home)
        watched = report is not None
        measured = daemon.metrics(self._home) if watched else {}
        units = report["units"] if report is not None else self._own_units()
        shown = report if report is not None else self._report or {}
        by_unit: Mapping[str, Any] = measured.get("units") or {}
        return {
            "at": time.time(),
            "daemon": shown.get("daemon"),
            "home": str(self._home.path),
            "host": measured.get("host"),
            "units": [self._with_figures(unit, by_unit.get(unit["id"])) for unit in units],
            "incidents": self._incidents(),
            "signatures": daemon.signatures(self._home, limit=_SIGNATURES) if watched else [],
            "notices": daemon.notices(self._home, _ROWS) if watched else [],
        }

    def close(self) -> None:
        """Let go of what is open."""
        if self._sampler is not None:
            self._sampler.close()

    def _own_units(self) -> Sequence[dict[str, Any]]:
        """Ask the supervisors once in a while; what they run is sampled each time."""
        from opsagent.cli.listing import report_of
        from opsagent.cli.services import look

        if self._report is None or time.monotonic() - self._looked_at >= _LOOK_AGAIN_S:
            self._report = report_of(look(self._home), None, home=str(self._home.path))
            self._looked_at = time.monotonic()
        return [self._sampled(unit) for unit in self._report["units"]]

    def _sampled(self, unit: Mapping[str, Any]) -> dict[str, Any]:
        from opsagent_tools.processes.sample import Sampler
        from opsagent_tools.units import ProcessKey

        self._sampler = self._sampler or Sampler()
        keys = [ProcessKey(process["pid"], process["started"]) for process in unit["processes"]]
        samples = [sample for key in keys if (sample := self._sampler.take(key)) is not None]
        figures: dict[str, Any] = {"cpu": None, "rss": None, "fds": None, "threads": None}
        if samples:
            fds = [sample.fds for sample in samples if sample.fds is not None]
            figures = {
                "cpu": sum(sample.cpu for sample in samples),
                "rss": sum(sample.rss for sample in samples),
                "fds": sum(fds) if fds else None,
                "threads": sum(sample.threads for sample in samples),
            }
        gone = {"state": "exited"} if keys and not samples else {}
        return {**unit, **figures, **gone}

    def _with_figures(self, unit: Mapping[str, Any], measured: Mapping[str, Any] | None) -> dict[str, Any]:
        """Add the figures of now, and how they went; what the daemon kept goes before what was seen from here."""
        # what a unit already has is not overwritten: its processes are a list, of what was measured a number is told
        told = {key: value for key, value in (measured or {}).items() if value is not None and key not in _OF_THE_UNIT}
        figures = {**unit, **told}
        seen = self._histories.setdefault(unit["id"], {})
        history: dict[str, list[float | None]] = {}
        for name in ("cpu", "rss"):
            points = seen.setdefault(name, deque(maxlen=KEPT))
            points.append(figures.get(name))
            history[name] = list(points)
        kept = figures.pop("history", None)
        return {**figures, "history": kept or history}

    def _incidents(self) -> list[dict[str, Any]]:
        from opsagent.answering.incidents import recent

        return [one for one in recent(self._home, limit=_ROWS) if one["status"] in _UNRESOLVED]
