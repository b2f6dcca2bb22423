"""The live timeline of `watch`, `demo` and `do`: lines that stay, and under them one that moves.

On a terminal rich keeps the moving line at the bottom; anywhere else the lines are plain and nothing moves.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from opsagent.naming import name_in
from opsagent.views.table import cells, fit
from opsagent.views.terminal import Screen, Style, one_line

if TYPE_CHECKING:
    from rich.live import Live

_STYLES: dict[str, Style] = {
    "opened": "bad", "incident": "bad", "failed": "bad", "step_failed": "bad", "escalated": "bad", "command_failed": "bad",
    "refused": "warn", "asked": "warn", "undone": "warn", "denied": "warn", "worse": "warn",
    "done": "good", "step_done": "good", "resolved": "good", "recovered": "good", "command_done": "good", "better": "good",
    "learnt": "accent", "recalled": "accent", "decided": "accent", "planned": "accent",
    "notice": "warn", "root": "accent", "note": "dim", "verifying": "dim", "step_started": "dim", "evidence": "dim", "probed": "dim",
}  # fmt: skip
_RICH = {"good": "green", "bad": "red", "warn": "yellow", "dim": "dim", "strong": "bold", "accent": "cyan"}
_KIND_WIDTH = 14
_UNIT_WIDTH = 10


def style_of(kind: str) -> Style:
    """Return the style in which a kind of event is drawn."""
    return _STYLES.get(kind, "")


def event_line(item: Mapping[str, Any], screen: Screen) -> str:
    """Return one event `{at, kind, unit, text}` as a line: time, kind, unit, text. Everything in it is escaped."""
    kind = one_line(item.get("kind", "note"))
    name = one_line(_short(item.get("unit")))
    head = f"{_clock(item.get('at'))}  {kind:<{_KIND_WIDTH}}"
    head += f"  {name}{' ' * max(0, _UNIT_WIDTH - cells(name))}" if name else ""
    text = one_line(item.get("text", ""))
    if screen.width is not None and cells(head) > screen.width // 2:  # a narrow terminal: the text matters most
        head = f"{kind} {name}".strip()
    return screen.paint(head, _STYLES.get(kind, "")) + "  " + text


def _clock(at: object) -> str:
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError:
            return one_line(at)
    moment = at if isinstance(at, datetime) else datetime.now(UTC)
    return f"{moment.astimezone(UTC):%H:%M:%S}Z"


def _short(unit: object) -> str:
    """Return `name` of `supervisor:name@host`."""
    if unit is None:
        return ""
    return name_in(str(unit))


class TimelineView:
    """Shows events as they come, and what is going on right now beneath them."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._live: Live | None = None

    def event(self, item: Mapping[str, Any]) -> None:
        """Add one event to the timeline."""
        self.line(event_line(item, self._screen))

    def line(self, text: str) -> None:
        """Add one line; foreign text in it must be escaped already."""
        if self._live is not None:
            from rich.text import Text

            self._live.console.print(Text.from_ansi(text), soft_wrap=True)
            return
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def status(self, text: str) -> None:
        """Say what is going on now; where nothing can move, this is not shown."""
        if self._live is not None:
            from rich.spinner import Spinner
            from rich.text import Text

            room = (self._screen.width or 80) - 3
            self._live.update(Spinner("dots", Text(fit(one_line(text), room), style=_RICH["dim"])))

    def __enter__(self) -> Self:
        if self._screen.terminal:
            from rich.console import Console
            from rich.live import Live
            from rich.text import Text

            console = Console(highlight=False, markup=False, no_color=not self._screen.colours)
            self._live = Live(Text(""), console=console, transient=True, refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
