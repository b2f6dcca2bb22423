"""Plays the demo and shows it: a live timeline, a table of first against second time, and which claims held."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from opsagent.demo.stage import StageError, as_json, stage
from opsagent.demo.story import SCENES, Seen, Story, play
from opsagent_tools.supervisors.port import SupervisorError
from opsagent_tools.text import escape_for_terminal

_STYLES = {
    "opened": "bold red",
    "recalled": "magenta",
    "planned": "cyan",
    "step_failed": "yellow",
    "not_better": "yellow",
    "escalated": "bold red",
    "verified": "green",
    "resolved": "bold green",
    "command_done": "bold green",
    "learnt": "magenta",
}
_UNTOLD = {"step_done"}


class Timeline:
    """One line for each thing that happens, with the seconds since the start."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()

    def act(self, text: str) -> None:
        self._line("", text, "bold")

    def heard(self, item: Mapping[str, Any]) -> None:
        kind = str(item.get("kind", ""))
        if kind in _UNTOLD:
            return
        unit = str(item.get("unit") or "").partition(":")[2].partition("@")[0]
        self._line(f"{unit:<8} {kind:<12} ", str(item.get("text", "")), _STYLES.get(kind, ""))

    def _line(self, label: str, text: str, style: str) -> None:
        at = f"{time.monotonic() - self._began:6.1f}s  "
        line = Text.assemble((at, "dim"), (label, style or "dim"), (escape_for_terminal(text), style))
        self._console.print(line, soft_wrap=not self._console.is_terminal)


def run_demo(*, json: bool = False) -> int:
    """Play the demo; return 0 only if every claim held. Progress goes to standard error with `json`."""
    console = Console(stderr=json, highlight=False)
    timeline = Timeline(console)
    story = Story()
    began = time.monotonic()
    try:
        asyncio.run(_play(story, timeline))
        problem = ""
    except (StageError, SupervisorError, OSError) as error:
        problem = str(error)
    took_s = time.monotonic() - began
    if json:
        sys.stdout.write(as_json(_document(story, problem, took_s)) + "\n")
    else:
        _show(console, story, problem, took_s)
    return 0 if story.true and not problem else 1


async def _play(story: Story, timeline: Timeline) -> None:
    async with stage(timeline.act, timeline.heard) as set_up:
        await play(set_up, story, timeline.act)
        timeline.act("taking everything down")


def _show(console: Console, story: Story, problem: str, took_s: float) -> None:
    table = Table(
        title="the first time, and again from memory",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for heading in ("fault", "", "MTTD", "MTTR", "tries", "probes", "decision", "from", "failed"):
        words = heading in {"fault", "", "from"}
        table.add_column(heading, justify="left" if words else "right", no_wrap=True)
    for scene in SCENES:
        pair = [seen for seen in story.seen if seen.scene is scene]
        if pair:
            cells = ("\n".join(values) for values in zip(*map(_cells, pair), strict=True))
            table.add_row(scene.title, *cells, end_section=True)
    console.print()
    console.print(table)
    for claim in story.claims:
        console.print(
            Text.assemble(("  ✓ " if claim.holds else "  ✗ ", "green" if claim.holds else "bold red"), claim.text)
        )
    if problem:
        console.print(Text(f"  ✗ {escape_for_terminal(problem)}", "bold red"))
    held = sum(claim.holds for claim in story.claims)
    verdict = "all of it held" if story.true and not problem else "NOT all of it held"
    console.print(f"\n{verdict}: {held} of {len(story.claims)} claims, {took_s:.0f} s", style="bold")


def _cells(seen: Seen) -> tuple[str, ...]:
    row = seen.incident
    return (
        "1st" if seen.round == 1 else "2nd",
        _seconds(row.mttd_s),
        _seconds(row.mttr_s),
        str(row.attempts or 0),
        str(row.probes or 0),
        _seconds(seen.decision_s),
        str(row.remedy_source or "–"),
        str(seen.failed_requests),
    )


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def _document(story: Story, problem: str, took_s: float) -> dict[str, Any]:
    return {
        "held": story.true and not problem,
        "problem": problem or None,
        "seconds": round(took_s, 1),
        "acts": [
            {
                "fault": seen.scene.title,
                "round": seen.round,
                "unit": seen.incident.incident.unit.name,
                "incident": seen.incident.incident.id,
                "mttd_s": seen.incident.mttd_s,
                "mttr_s": seen.incident.mttr_s,
                "attempts": seen.incident.attempts,
                "probes": seen.incident.probes,
                "decision_s": seen.decision_s,
                "remedy": seen.incident.remedy,
                "remedy_source": seen.incident.remedy_source,
                "requests_failed": seen.failed_requests,
            }
            for seen in story.seen
        ],
        "reload_requests_failed": story.reload_failed,
        "claims": [{"claim": claim.text, "held": claim.holds} for claim in story.claims],
    }
