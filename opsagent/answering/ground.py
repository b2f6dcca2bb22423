"""What stands ready when a question is answered: who runs, who watches, the journal, the language, the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from opsagent.answering.words import Say
from opsagent.roster import unit_row
from opsagent.running import find
from opsagent.views.numbers import seconds_of

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.running import Running
    from opsagent.store.journal import Journal
    from opsagent_tools.units import Unit


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Of one question. What is expensive is looked at when it is asked for, once."""

    home: Home
    running: Running
    daemon: Mapping[str, Any] | None
    """What the daemon says of itself; None: none answers."""
    say: Say
    now: datetime
    """Aware, UTC."""

    @cached_property
    def report(self) -> dict[str, Any]:
        """All units in the form of `opsagent ps --json`; who is not known to be healthy was asked just now."""
        from opsagent.answering.health import ask_health
        from opsagent.answering.listing import report_of

        report = report_of(self.running, self.daemon, home=str(self.home.path))
        ask_health(report["units"], self.running)
        return report

    @cached_property
    def measured(self) -> Mapping[str, Any]:
        """What the daemon measured lately; empty where none runs."""
        from opsagent.api.ask import metrics

        return metrics(self.home) if self.daemon is not None else {}

    def journal(self) -> Journal:
        """Open the journal for looking; the caller closes it."""
        from opsagent.store.journal import Journal

        return Journal.read(self.home)

    def units(self, target: str | None) -> Sequence[Unit]:
        """Return the units that a step is about: all of them without a target; a supervisor's daemon is one where it is
        named. Raises UnknownService.
        """
        if target is None or target == "all":
            return self.running.units
        return (find(target, self.running.with_daemons, silent=self.running.silent),)

    def row(self, unit: Unit) -> dict[str, Any]:
        """Return the row of a unit in the report; a daemon has one of its own, with no process of a service."""
        found = next((row for row in self.report["units"] if row["id"] == str(unit.id)), None)
        return found if found is not None else {**unit_row(unit), "instances": 0}

    def since(self, args: Mapping[str, Any]) -> datetime | None:
        """Return the moment that `since` of a step means; None where it says nothing. Raises ValueError."""
        text = args.get("since")
        if text is None or not str(text).strip():
            return None
        try:
            return self.now - timedelta(seconds=seconds_of(str(text)))
        except OverflowError as error:
            raise ValueError(f"not a duration: {text!r} (write 30m, 2h or 1d)") from error

    def short(self, at: datetime | str) -> str:
        """Return a moment to the minute, in the person's zone."""
        return self.say.words.short(datetime.fromisoformat(at) if isinstance(at, str) else at)
