"""Events as lines of a terminal: escaped, wrapped to its width, painted where it has colours. Pure."""

from __future__ import annotations

from collections.abc import Callable

from opsagent.chat.events import Event
from opsagent.views.table import cells, fit
from opsagent.views.terminal import Screen, Style, one_line
from opsagent.views.wrapping import wrapped
from opsagent_tools.registry import ORDERS
from opsagent_tools.text import escape_for_terminal

DrawAnswer = Callable[[Event, Screen], list[str]]
"""Draws an answer with its tables; the command line has it."""

_STYLES: dict[str, Style] = {
    "answer": "strong",
    "offers": "accent",
    "confirm": "warn",
    "question": "warn",
    "done": "good",
    "declined": "dim",
    "asked": "warn",
    "refused": "bad",
    "failed": "bad",
    "not_done": "warn",
    "note": "",
    "shown": "",
}
_MARKS: dict[str, tuple[str, str]] = {
    "done": ("done: ", "완료: "),
    "asked": ("needs a yes: ", "승인 필요: "),
    "refused": ("refused: ", "거절: "),
    "failed": ("failed: ", "실패: "),
}
_OF_STEPS = frozenset({"done", "asked", "refused", "failed", "not_done"})
_SENTENCES = frozenset(ORDERS) - {"approve"}
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
PASSING = frozenset({"step_started", "verifying", "planned"})
"""Progress that the moving line shows, where there is one."""
_TOLD_ANYWAY = frozenset({"asked", "refused", "done", "failed"})
"""Progress with which a plan ends: how the step ended is told by an event of its own."""


def drawn(event: Event, screen: Screen, draw_answer: DrawAnswer | None = None) -> list[str]:
    """Return an event as lines; none for what is only for programs."""
    if event.kind in {"end", "thinking"}:
        return []
    if event.kind == "progress":
        if event.data.get("progress") in _TOLD_ANYWAY:
            return []
        return [screen.paint(line, "dim") for line in wrapped(progress_text(event), screen, indent="  ")]
    if event.kind == "answer" and draw_answer is not None and "answer" in event.data:
        return draw_answer(event, screen)
    head = [screen.paint(line, _STYLES.get(event.kind, "")) for line in wrapped(_head(event), screen)]
    below = [line for text in event.lines for line in wrapped(text, screen, indent="  ")]
    quoted = [f"  {escape_for_terminal(text.raw)}" for text in event.quoted]
    if event.kind == "confirm":
        return [*below, *(f"{line} [y/N]" for line in head)]
    if event.kind == "shown":
        return [line for text in event.lines or (event.text,) for line in wrapped(text, screen, indent="  ")]
    return [*head, *below, *quoted]


def _head(event: Event) -> str:
    mark = _MARKS.get(event.kind, ("", ""))[event.language == "ko"]
    of = event.data.get("said") if event.kind in _OF_STEPS else None  # the step, in words
    if not of or event.data.get("of", {}).get("tool") in _SENTENCES:  # what an order did is a sentence of its own
        return f"{mark}{event.text}"
    if event.kind == "not_done":
        mark = "하지 않음: " if event.language == "ko" else "not done: "
    if not event.text or event.text == of:
        return f"{mark}{of}"
    return f"{mark}{of} ({event.text})" if event.kind == "done" else f"{mark}{of}: {event.text}"


def progress_text(event: Event) -> str:
    """Return one line of progress: `[1/3] done: …`."""
    step, steps = event.data.get("step"), event.data.get("steps")
    place = f"[{step + 1}/{steps}] " if step is not None and steps else ""
    mark = {"step_done": "done: ", "step_failed": "failed: ", "undone": "undone: "}.get(
        str(event.data.get("progress")), ""
    )
    return one_line(f"{place}{mark}{event.text}")


def moving(text: str, frame: int, seconds: float, width: int) -> str:
    """Return the line that moves while something takes long: what it is, and since when."""
    since = f" {seconds:.0f}s" if seconds >= 1 else ""
    room = max(4, width - 3 - cells(since))
    return f"{_FRAMES[frame % len(_FRAMES)]} {fit(one_line(text), room)}{since}"


def folded(lines: list[str], height: int, *, tail: bool) -> tuple[list[str], list[str]]:
    """Return what is shown of long output, and what is kept for `/more`. `tail`: of a log the end matters most."""
    most = max(8, 2 * height)
    if len(lines) <= most:
        return lines, []
    if tail:
        return [lines[0], *lines[-most + 1 :]], lines[1 : -most + 1]
    return lines[:most], lines[most:]
