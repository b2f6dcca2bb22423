"""Shows what happens to one plan, from its submission to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from opsagent.carrying.following import CODES, Ended

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.ports import Progress
    from opsagent.views.progress import Spinner

__all__ = ["Carrier", "Ended", "ProgressLines"]


class ProgressLines:
    """Progress on standard error: a moving line on a terminal, plain lines otherwise."""

    def __init__(self, out: Out, spinner: Spinner) -> None:
        self._out = out
        self._spinner = spinner

    def show(self, item: Progress) -> None:
        """Show one item; how a plan ended is the caller's to say."""
        self._spinner.clear()
        self._line(item)
        if item.kind in {"step_started", "verifying", "planned"}:
            self._spinner.show(item.text)

    def _line(self, item: Progress) -> None:
        if item.kind in CODES or item.kind == "planned":
            return
        if self._out.notes.terminal and item.kind in {"step_started", "verifying"}:
            return  # the moving line shows it
        place = f"[{item.step + 1}/{item.steps}] " if item.step is not None and item.steps else ""
        mark = {"step_done": "done: ", "step_failed": "failed: ", "undone": "undone: "}.get(item.kind, "")
        self._out.note(f"  {place}{mark}{item.text}")


class Carrier:
    """Follows one plan that a command submitted by itself."""

    def __init__(self, out: Out) -> None:
        self._out = out

    async def follow(self, progress: AsyncIterator[Progress]) -> Ended:
        """Follow one plan to its end, and show what happens."""
        from opsagent.views.progress import Spinner

        ended = Ended()
        with Spinner(self._out.notes) as spinner:
            lines = ProgressLines(self._out, spinner)
            async for item in progress:
                ended.take(item)
                lines.show(item)
        return ended
