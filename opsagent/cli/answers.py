"""Draws the answers of `opsagent.answering` for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.commands.reading import CommandStep


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
