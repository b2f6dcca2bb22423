"""`opsagent demo --gui`: an incident whose remedy is a procedure on a console without an API, done headless."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console as Output
from rich.text import Text

from opsagent.demo.console import PROCEDURE, SERVICE, Console, console
from opsagent.demo.run import Timeline
from opsagent.demo.stage import StageError, as_json
from opsagent.demo.story import Claim
from opsagent_tools.gui.port import ScreenError
from opsagent_tools.supervisors.port import SupervisorError
from opsagent_tools.text import escape_for_terminal

_KNOWN_S = 3.0
"""How long the agent sees the service well before anything happens to it."""
_OVER_S = 90.0
_POLL_S = 0.2
_ENDS = frozenset({"resolved", "escalated"})


@dataclass(slots=True)
class Show:
    """What was seen."""

    claims: list[Claim] = field(default_factory=list)
    told: list[Mapping[str, Any]] = field(default_factory=list)
    page: str = ""
    """Path of the report with the film strip; it stays."""

    def claim(self, text: str, holds: bool) -> None:
        """Note whether something holds."""
        self.claims.append(Claim(text=text, holds=holds))

    @property
    def true(self) -> bool:
        """Whether all of it was shown, and held."""
        return bool(self.claims) and all(claim.holds for claim in self.claims)


def run_gui_demo(*, json: bool = False) -> int:
    """Play it; return 0 only if every claim held. Progress goes to standard error with `json`."""
    output = Output(stderr=json, highlight=False)
    timeline = Timeline(output)
    show = Show()
    began = time.monotonic()
    problem = ""
    try:
        asyncio.run(_play(show, timeline))
    except (StageError, SupervisorError, ScreenError, OSError) as error:
        problem = str(error)
    took_s = time.monotonic() - began
    held = show.true and not problem
    if json:
        claims = [{"claim": claim.text, "held": claim.holds} for claim in show.claims]
        document = {"held": held, "problem": problem or None, "seconds": round(took_s, 1), "claims": claims}
        sys.stdout.write(as_json({**document, "report": show.page or None}) + "\n")
    else:
        _print(output, show, problem, took_s)
    return 0 if held else 1


async def _play(show: Show, timeline: Timeline) -> None:
    def heard(item: Mapping[str, Any]) -> None:
        show.told.append(item)
        timeline.heard(item)

    async with console(timeline.act, heard) as stage:
        await asyncio.sleep(_KNOWN_S)
        before = await asyncio.to_thread(stage.processes)
        timeline.act("the provider's feed ends; nobody is told")
        await asyncio.to_thread(stage.stop_feed)
        await _over(show)
        after = await asyncio.to_thread(stage.processes)
        _judge(show, before, after)
        show.page = _kept(stage)
        show.claim("the report with the film strip is there", bool(show.page))
        timeline.act("taking everything down")


async def _over(show: Show) -> None:
    until = time.monotonic() + _OVER_S
    while not any(item.get("kind") in _ENDS for item in show.told):
        if time.monotonic() > until:
            raise StageError(f"the incident was not over within {_OVER_S:g} s")
        await asyncio.sleep(_POLL_S)


def _judge(show: Show, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    """Hold what came of it against what was promised: by the console's own processes, and by the agent's journal."""
    kinds = [item.get("kind") for item in show.told]
    done = [str(item.get("text", "")) for item in show.told if item.get("kind") == "step_done"]
    show.claim(f"{SERVICE} was found in trouble, and is well again", "opened" in kinds and "resolved" in kinds)
    show.claim(
        f"the remedy was “{PROCEDURE}”, and its effect was seen outside the screen",
        any("verified" in one for one in done),
    )
    show.claim("the feed runs again: another process, started by the page", after["feed"] not in {0, before["feed"]})
    others = {name: pid for name, pid in before.items() if name != "feed"}
    show.claim("nothing else on the console was touched", all(after[name] == pid for name, pid in others.items()))
    show.claim(f"{SERVICE} itself was left alone", not any("restart" in one for one in done))


def _kept(stage: Console) -> str:
    """Keep the report beyond the demo, and return its path; empty: there is none."""
    pages = sorted((stage.home.path / "screens" / "runs").glob("*/report.html"))
    if not pages:
        return ""
    kept = Path(tempfile.mkdtemp(prefix="opsagent-demo-report-")) / "report.html"
    shutil.copyfile(pages[-1], kept)
    return str(kept)


def _print(output: Output, show: Show, problem: str, took_s: float) -> None:
    output.print()
    for claim in show.claims:
        mark = ("  ✓ ", "green") if claim.holds else ("  ✗ ", "bold red")
        output.print(Text.assemble(mark, claim.text))
    if problem:
        output.print(Text(f"  ✗ {escape_for_terminal(problem)}", "bold red"))
    held = sum(claim.holds for claim in show.claims)
    verdict = "all of it held" if show.true and not problem else "NOT all of it held"
    output.print(f"\n{verdict}: {held} of {len(show.claims)} claims, {took_s:.0f} s", style="bold")
    if show.page:
        output.print(Text(f"what was done, step by step, with the film strip: {show.page}"), soft_wrap=True)
