"""Follows one plan from its submission to its end, and shows what happens on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opsagent.cli.errors import Code

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.ports import Progress

_CODES = {
    "done": Code.DONE,
    "failed": Code.FAILED,
    "asked": Code.NEEDS_APPROVAL,
    "declined": Code.NEEDS_APPROVAL,
    "refused": Code.REFUSED,
}
_LASTS = frozenset(_CODES)


@dataclass(slots=True)
class Ended:
    """How a plan ended."""

    result: str = "failed"
    detail: str = "it broke off"
    rule: str = ""
    approval: str = ""
    incident: str = ""
    """Id of the incident that was opened for how it ended; empty: none was."""
    preflight: Mapping[str, Any] | None = None
    """What was looked at before anything was done; None: nothing."""
    progress: list[Progress] = field(default_factory=list)

    @property
    def code(self) -> int:
        """Return the exit code that this is."""
        return _CODES.get(self.result, Code.FAILED)

    def as_json(self) -> dict[str, Any]:
        """Return it in its documented JSON form."""
        from opsagent.cli.output import plain

        return {
            "result": self.result,
            "detail": self.detail,
            "rule": self.rule,
            "approval": self.approval or None,
            "incident": self.incident or None,
            "preflight": plain(self.preflight),
            "progress": [_plain(item) for item in self.progress],
        }


class Carrier:
    """Shows progress: a moving line on a terminal, plain lines on standard error otherwise."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self.current = Ended()

    async def follow(self, progress: AsyncIterator[Progress], *, told: bool = False) -> Ended:
        """Follow one plan to its end. Interrupted, `current` tells how far it came.

        `told`: what was looked at beforehand was shown already.
        """
        from opsagent.views.progress import Spinner

        self.current = Ended()
        with Spinner(self._out.notes) as spinner:
            async for item in progress:
                self.current.progress.append(item)
                if item.kind in _LASTS:
                    self.current.result, self.current.detail = item.kind, item.text
                    self.current.rule, self.current.approval = item.rule, item.approval
                    self.current.incident = str(item.data.get("incident", ""))
                elif item.kind == "preflight" and item.data:
                    self.current.preflight = item.data
                spinner.clear()
                if not (told and item.kind == "preflight"):
                    self._show(item)
                if item.kind in {"step_started", "verifying", "planned"}:
                    spinner.show(item.text)
        return self.current

    def done_steps(self) -> list[str]:
        """Return the steps that are done, as they were told."""
        return [item.text for item in self.current.progress if item.kind == "step_done"]

    def _show(self, item: Progress) -> None:
        if item.kind in _LASTS or item.kind == "planned":
            return  # the caller says how it ended
        if self._out.notes.terminal and item.kind in {"step_started", "verifying"}:
            return  # the moving line shows it
        place = f"[{item.step + 1}/{item.steps}] " if item.step is not None and item.steps else ""
        mark = {"step_done": "done: ", "step_failed": "failed: ", "undone": "undone: "}.get(item.kind, "")
        self._out.note(f"  {place}{mark}{item.text}")


def _plain(item: Progress) -> dict[str, Any]:
    """Return a line of progress as JSON; what it carries beside its text is told once, beside the lines."""
    from opsagent.cli.output import plain

    return {name: value for name, value in plain(item).items() if name != "data"}
