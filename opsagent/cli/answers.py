"""Draws the answers of `opsagent.answering` for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsagent.answering.answer import Answer
    from opsagent.cli.output import Out
    from opsagent.commands.reading import CommandStep


def show(step: CommandStep, answer: Answer, out: Out) -> None:
    """Draw an answer: the sentence, the table where there is one, what stands below, and lines of logs as they are."""
    from opsagent.telling.as_lines import hung
    from opsagent.views.terminal import one_line
    from opsagent.views.wrapping import wrapped
    from opsagent_tools.text import escape_for_terminal

    out.lines([out.screen.paint(line, "strong") for line in wrapped(one_line(answer.headline), out.screen)])
    match step.tool:
        case "list_processes" | "describe_process" if answer.data["units"]:
            from opsagent.cli.listing import show as show_units

            show_units(answer.data, out)
        case "recall_incidents" if len(answer.data["incidents"]) > 1:
            from opsagent.cli.incidents import show_list

            show_list(answer.data["incidents"], out)
    for line in answer.lines:
        out.lines(list(hung(line, out.screen, "  · ")))
    for quoted in answer.quoted:
        out.line(escape_for_terminal(quoted.raw))
