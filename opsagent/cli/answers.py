"""Answers the reading half of `do`: status, logs, why. Changes nothing, asks no daemon to change anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsagent.cli.services import Running, find

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.commands.reading import CommandStep
    from opsagent.home import Home

_LINES = 20
_MOST_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known when a question is asked."""

    home: Home
    running: Running
    daemon: Mapping[str, Any] | None

    def answer(self, step: CommandStep) -> dict[str, Any]:
        """Return the answer to one reading step as JSON-like data."""
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
                from opsagent.cli.host import metrics

                return metrics(self.home.path)
            case tool:
                raise ValueError(f"{tool} is no reading tool")

    def _report(self, target: str | None) -> dict[str, Any]:
        from opsagent.cli.listing import report_of

        report = report_of(self.running, self.daemon, home=str(self.home.path))
        if target is not None:
            wanted = str(find(target, self.running.units).id)
            report["units"] = [unit for unit in report["units"] if unit["id"] == wanted]
        return report

    def _lines(self, step: CommandStep, count: int) -> list[str]:
        from opsagent.cli.log_lines import lines_of

        unit = find(step.target or "", self.running.units)
        return [line.text for line in lines_of(unit, min(count, _MOST_LINES), self.running)]

    def _search(self, step: CommandStep) -> list[str]:
        from opsagent.cli.log_lines import search

        unit = find(step.target or "", self.running.units)
        return [line.text for line in search(unit, str(step.args["query"]), _LINES, self.running)]

    def _incidents(self, target: str | None) -> dict[str, Any]:
        from opsagent.cli.incidents import recent

        unit = find(target, self.running.units).id if target is not None else None
        found: dict[str, Any] = {"incidents": recent(self.home, unit=unit, limit=5)}
        if unit is not None and not found["incidents"]:
            found["now"] = self._report(target)["units"]
        return found


def show(step: CommandStep, answer: Mapping[str, Any], out: Out) -> None:
    """Draw an answer for people."""
    from opsagent.views.terminal import one_line
    from opsagent_tools.text import escape_for_terminal

    match step.tool:
        case "list_processes" | "describe_process":
            from opsagent.cli.listing import show as show_units

            show_units(answer, out)
        case "recall_incidents":
            _show_incidents(step, answer, out)
        case "host_metrics":
            from opsagent.cli.host import show as show_host

            show_host(answer, out)
    shown = answer.get("lines", answer.get("last_lines", ()))
    for line in shown:
        out.line(escape_for_terminal(line))
    if step.tool in {"tail_logs", "search_logs"} and not shown:
        out.note(f"no such line in the log of {one_line(step.target)}" if step.tool == "search_logs" else "no lines")


def _show_incidents(step: CommandStep, answer: Mapping[str, Any], out: Out) -> None:
    from opsagent.cli.incidents import show_list

    if answer["incidents"]:
        show_list(answer["incidents"], out)
        return
    out.line(f"no incident of {step.target} is known" if step.target else "no incident is known")
    if answer.get("now"):
        from opsagent.views.table import table
        from opsagent.views.units import COLUMNS, row

        out.lines(table(COLUMNS, [row(unit) for unit in answer["now"]], out.screen))
