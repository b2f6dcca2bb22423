"""Answers the reading tools of the registry. Looks only: at the supervisors, the logs, the journal and the machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opsagent.answering.answer import Answer
from opsagent.running import Running, find, look
from opsagent_tools.text import UntrustedText

if TYPE_CHECKING:
    from opsagent.commands.reading import CommandStep, Language
    from opsagent.home import Home

_LINES = 20
_MOST_LINES = 10_000


class Answers:
    """Answers questions about one home. Without `running` each answer looks anew at what runs."""

    def __init__(self, home: Home, running: Running | None = None, daemon: Mapping[str, Any] | None = None) -> None:
        self._home = home
        self._running = running
        self._daemon = daemon

    async def answer(self, step: CommandStep, language: Language = "en") -> Answer:
        """Return the answer to one reading step, in that language.

        Raises UnknownService for a target that there is not, ValueError for a tool that does not read.
        """
        return await asyncio.to_thread(self.answer_now, step, language)

    def answer_now(self, step: CommandStep, language: Language = "en") -> Answer:
        """Return the same, blocking."""
        running, daemon = self._running, self._daemon
        if running is None:
            from opsagent.api.ask import status

            daemon = status(self._home)
            running = look(self._home, daemon=daemon)
        data = _Data(self._home, running, daemon).of(step)
        quoted = tuple(UntrustedText(line) for line in data.get("lines", data.get("last_lines", ())))
        headline = str(step)
        return Answer(data={**data, "headline": headline}, headline=headline, quoted=quoted)


class _Data:
    def __init__(self, home: Home, running: Running, daemon: Mapping[str, Any] | None) -> None:
        self.home, self.running, self.daemon = home, running, daemon

    def of(self, step: CommandStep) -> dict[str, Any]:
        match step.tool:
            case "list_processes":
                return self._report(None)
            case "describe_process":
                return {**self._report(step.target), "last_lines": self._lines(step, 3)}
            case "tail_logs":
                return {"lines": self._lines(step, int(step.args.get("lines", _LINES)))}
            case "search_logs":
                return {"query": step.args["query"], "lines": self._search(step)}
            case "recall_incidents":
                return self._incidents(step.target)
            case "host_metrics":
                from opsagent.answering.host import metrics

                return metrics(self.home.path)
            case tool:
                raise ValueError(f"{tool} is no reading tool")

    def _report(self, target: str | None) -> dict[str, Any]:
        from opsagent.answering.listing import report_of

        report = report_of(self.running, self.daemon, home=str(self.home.path))
        if target is not None:
            wanted = str(find(target, self.running.units).id)
            report["units"] = [unit for unit in report["units"] if unit["id"] == wanted]
        return report

    def _lines(self, step: CommandStep, count: int) -> list[str]:
        from opsagent.answering.log_lines import lines_of

        unit = find(step.target or "", self.running.units)
        return [line.text for line in lines_of(unit, min(count, _MOST_LINES), self.running)]

    def _search(self, step: CommandStep) -> list[str]:
        from opsagent.answering.log_lines import search

        unit = find(step.target or "", self.running.units)
        return [line.text for line in search(unit, str(step.args["query"]), _LINES, self.running)]

    def _incidents(self, target: str | None) -> dict[str, Any]:
        from opsagent.answering.incidents import recent

        unit = find(target, self.running.units).id if target is not None else None
        found: dict[str, Any] = {"incidents": recent(self.home, unit=unit, limit=5)}
        if unit is not None and not found["incidents"]:
            found["now"] = self._report(target)["units"]
        return found
