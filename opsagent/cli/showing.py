"""Shows events of carrying out for people, and keeps the results that `--json` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opsagent.carrying.events import LAST, Event
from opsagent.cli.errors import Code

if TYPE_CHECKING:
    from opsagent.carrying.carrier import Carrier
    from opsagent.cli.carry import ProgressLines
    from opsagent.cli.output import Out
    from opsagent.commands.reading import CommandStep, Language
    from opsagent.views.progress import Spinner


_BEFOREHAND = frozenset({"preflight", "asked"})
"""Progress of a plan of which nothing has begun."""


class Showing:
    """The events of one command."""

    def __init__(self, out: Out, results: list[dict[str, Any]], language: Language) -> None:
        self._out = out
        self._results = results
        self._language: Language = language
        self._said: list[str] = []
        """Beside each result: its step, in the language of the person."""
        self._under_way: Event | None = None
        self._touched: int | None = None
        """Place of the last step of which more was seen than a look beforehand."""
        self._done: list[str] = []
        self._carrier: Carrier | None = None
        self._spinner: Spinner | None = None
        self._lines: ProgressLines | None = None

    def begin(self, carrier: Carrier) -> None:
        """Take note of who carries it out."""
        self._carrier = carrier

    def show(self, event: Event) -> None:
        """Show one event at once, or keep it for the end."""
        if event.kind == "progress":
            self._progress(event)
        elif event.kind == "shown":
            if not self._out.as_json:
                for line in event.lines:
                    self._out.line(_escaped(line))
        elif event.kind in LAST:
            self._clear()
            self._under_way = None
            self._results.append(dict(event.data))
            self._said.append(self._command(event.step))
            if event.answer is not None and not self._out.as_json:
                from opsagent.cli.answers import show

                show(event.step, event.answer, self._out)

    def _progress(self, event: Event) -> None:
        from opsagent.cli.carry import ProgressLines
        from opsagent.views.progress import Spinner

        if self._under_way is None or self._under_way.number != event.number:
            self._done.clear()
        self._under_way = event
        if self._lines is None:
            self._spinner = Spinner(self._out.notes)
            self._lines = ProgressLines(self._out, self._spinner)
        if event.progress is not None:
            if event.progress.kind not in _BEFOREHAND:
                self._touched = event.number
            if event.progress.kind == "step_done":
                self._done.append(event.progress.text)
            self._lines.show(event.progress)

    def _clear(self) -> None:
        if self._spinner is not None:
            self._spinner.clear()

    def interrupted(self) -> tuple[CommandStep, ...]:
        """Write down the step that was under way; return those that were not begun."""
        self._clear()
        event = self._under_way
        if event is not None:
            self._results.append(
                {
                    "step": event.step.to_json(),
                    "text": str(event.step),
                    "result": "interrupted",
                    "exit_code": int(Code.INTERRUPTED),
                    **event.data,
                }
            )
            self._said.append(self._command(event.step))
        return self._carrier.left if self._carrier is not None else ()

    def end(self, left: Sequence[CommandStep], *, interrupted: bool) -> None:
        """Say how everything ended."""
        for result, what in zip(self._results, self._said, strict=True):
            if "answer" not in result:
                self._tell(result, what)
        if interrupted and self._under_way is not None:
            self._out.note(self._say("interrupted", what="; ".join(self._done) or self._say("nothing")))
        for step in left:
            self._out.note(self._say("not done", what=self._command(step)))

    def _tell(self, result: Mapping[str, Any], what: str) -> None:
        detail = str(result.get("detail", ""))
        match result["result"]:
            case "done":
                self._out.line(_escaped(self._say("done", what=what) + (f" ({detail})" if detail else "")))
            case "not_done":
                self._out.note(f"{self._say('not done', what=what)}: {detail}")
            case "asked" if not result.get("approval"):
                self._out.note(f"{what}: {detail}")
            case "asked":
                self._out.note(self._say("needs a yes", what=what, detail=detail, id=result["approval"]))
            case "refused":
                ruled = result.get("rule") and result["exit_code"] == Code.REFUSED
                rule = self._say("rule", rule=result["rule"]) if ruled else ""
                self._out.note(f"{self._say('refused', what=what)}: {detail}{rule}")
            case "declined":
                self._out.note(detail)
            case "interrupted" if self._under_way is not None and self._touched == self._under_way.number:
                self._out.note(self._say("in the middle", what=what))
            case "interrupted":
                self._out.note(self._say("not done", what=what))
            case _:
                opened = self._say("incident", id=result["incident"]) if result.get("incident") else ""
                self._out.note(f"{self._say('failed', what=what)}: {detail}{opened}")

    def _command(self, step: CommandStep) -> str:
        from opsagent.commands.say import command

        return command(step, self._language)

    def _say(self, key: str, **values: object) -> str:
        from opsagent.carrying.words import say

        return say(self._language, key, **values)


def _escaped(line: str) -> str:
    from opsagent_tools.text import escape_for_terminal

    return escape_for_terminal(line)
