"""The report of a run: one page that stands by itself, with a crop for each step and the whole run as a film strip.

Pictures are masked before they come here (`Surface.picture`). The page and its JSON are for their owner only (0600); what
a screen said is escaped, and secrets are masked, in both.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsagent.screens import files
from opsagent.screens.asking import Run
from opsagent.screens.planning import shown
from opsagent.views.page import page
from opsagent_tools.gui.procedure import RunReport, ScreenOutcome, StepReport
from opsagent_tools.gui.saying import said
from opsagent_tools.redact import redact
from opsagent_tools.text import escape_for_html

PAGE, DATA = "report.html", "report.json"
_SAID: Mapping[ScreenOutcome, tuple[str, str]] = {
    ScreenOutcome.VERIFIED: ("verified", "good"),
    ScreenOutcome.UNVERIFIED: ("done, not verified", "soft"),
    ScreenOutcome.HALTED: ("halted", "bad"),
    ScreenOutcome.NEEDS_PERSON: ("needs a person", "ask"),
}
_STYLE = """
main{max-width:64rem;margin:0 auto}header{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;margin-bottom:.5rem}
.badge{border-radius:999px;padding:.15rem .75rem;font-weight:600;font-size:.85rem;color:#fff;background:#5b6675}
.badge.good{background:#1a7f4b}.badge.bad{background:#b42323}.badge.ask{background:#8a5a00}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:.75rem 0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.strip{display:flex;gap:.6rem;overflow-x:auto;padding:.6rem;border:1px solid var(--edge);border-radius:10px;background:var(--head)}
.strip figure{margin:0;flex:none}.strip img{display:block;height:9rem;width:auto;border:1px solid var(--edge);border-radius:4px}
figcaption{color:var(--soft);font-size:.8rem;margin-top:.25rem}
ol{list-style:none;padding:0;margin:0}li.step{border:1px solid var(--edge);border-radius:10px;padding:.75rem 1rem;margin:.75rem 0}
li.step.halted{border-color:#b42323}li.step h3{font-size:1rem;margin:0 0 .25rem;display:flex;gap:.6rem;align-items:baseline;
overflow-wrap:anywhere}li.step h3 b{color:var(--soft);min-width:1.6rem}
li.step .mark{margin-left:auto;font-size:.8rem;font-weight:600;white-space:nowrap}.mark.good{color:#1a7f4b}.mark.bad{color:#b42323}
@media (prefers-color-scheme:dark){.mark.good{color:#4cc38a}.mark.bad{color:#ff8585}}
.crops{display:flex;flex-wrap:wrap;gap:1rem;margin-top:.6rem}.crops figure{margin:0;max-width:100%}
.crops img{display:block;max-width:min(100%,28rem);max-height:12rem;border:1px solid var(--edge);border-radius:4px}
.healed{border-left:3px solid #8a5a00;padding-left:.6rem;margin-top:.5rem;color:var(--ink)}
"""


def write_report(folder: Path, run: Run, report: RunReport, *, pictures: bool) -> None:
    """Write the report of a run into its folder. Raises OSError."""
    at = datetime.now(UTC)
    files.write_json(folder / DATA, as_json(folder.name, run, report, at))
    files.write(folder / PAGE, as_html(folder.name, run, report, at, pictures=pictures).encode())


def as_json(name: str, run: Run, report: RunReport, at: datetime) -> dict[str, Any]:
    """Return the report in its documented JSON form (docs/screens.md); pictures are on the page."""
    return {
        "run": name,
        "procedure": run.kept.name,
        "version": run.kept.version,
        "digest": run.kept.digest,
        "told": {key: f"@{value}" if key in _secret(run) else redact(value) for key, value in run.told.items()},
        "at": at.isoformat(),
        "outcome": report.outcome.value,
        "why": redact(report.why),
        "halted_at": report.halted_at,
        "steps": [_step_json(one) for one in report.steps],
        "values": {key: redact(value) for key, value in report.values.items()},
        "effects": [redact(one) for one in report.effects],
        "seconds": round(sum(one.seconds for one in report.steps), 3),
    }


def as_html(name: str, run: Run, report: RunReport, at: datetime, *, pictures: bool = True) -> str:
    """Return the page. `pictures`: with crops and the film strip; without, in words alone."""
    title = f"{run.kept.name} · {_SAID[report.outcome][0]}"
    body = ["<main>", *_head(name, run, report, at)]
    if pictures and report.strip:
        body += _strip(report)
    body += ["<h2>Steps</h2>", "<ol>"]
    for one in report.steps:
        body += _step(one, report, pictures=pictures)
    body += [*_not_begun(run, report), "</ol>", "</main>"]
    return page(title, body, _STYLE).replace("style-src 'unsafe-inline'", "style-src 'unsafe-inline'; img-src data:", 1)


def _head(name: str, run: Run, report: RunReport, at: datetime) -> Iterator[str]:
    said, colour = _SAID[report.outcome]
    yield f'<header><h1>{_text(run.kept.name)}</h1><span class="badge {colour}">{said}</span></header>'
    yield f"<p>{_text(shown(run.kept, run.told))}</p>"
    done = sum(one.done for one in report.steps)
    ours, waited = sum(one.seconds for one in report.steps), sum(one.waited_s for one in report.steps)
    facts = {
        "ended": f"{at:%Y-%m-%d %H:%M:%S} UTC",
        "steps": f"{done} of {len(run.kept.procedure.steps)} done",
        "took": f"{ours:.1f} s of its own, {waited:.1f} s for the program",
        "why": report.why,
        "seen outside the screen": "; ".join(report.effects),
        "run": name,
    }
    rows = "".join(f"<dt>{key}</dt><dd>{_text(value)}</dd>" for key, value in facts.items() if value)
    yield f"<dl>{rows}</dl>"


def _strip(report: RunReport) -> Iterator[str]:
    taken = [one.number for one in report.steps if one.after]
    known = len(taken) == len(report.strip)
    yield "<h2>The run</h2>"
    yield '<div class="strip" tabindex="0" role="group" aria-label="The run as pictures">'
    for number, png in enumerate(report.strip):
        what = f"after step {taken[number]}" if known else f"picture {number + 1}"
        yield f"<figure>{_image(png, f'The window {what}')}<figcaption>{what}</figcaption></figure>"
    yield "</div>"


def _step(one: StepReport, report: RunReport, *, pictures: bool) -> Iterator[str]:
    halted = report.halted_at == one.number
    mark = ("done", "good") if one.done else ("not done", "bad")
    yield f'<li class="step{" halted" if halted else ""}">'
    yield f'<h3><b>{one.number}</b>{_text(one.said)}<span class="mark {mark[1]}">{mark[0]}</span></h3>'
    if one.rung is not None:
        how = f"found by {one.rung.value}, {one.score:.0%} sure, {one.margin:.0%} ahead of the next best"
        yield f"<p>{how} · {one.seconds:.2f} s, waited {one.waited_s:.2f} s</p>"
    if one.why:
        yield f"<p>{_text(one.why)}</p>"
    if one.healed is not None:
        yield f'<p class="healed">Known otherwise than recorded: now {_text(one.healed.said)}. A person has to accept it.</p>'
    crops = [("before", one.before), ("after", one.after)] if pictures else []
    shots = [
        f"<figure>{_image(png, f'Step {one.number}, {what}')}<figcaption>{what}</figcaption></figure>"
        for what, png in crops
        if png
    ]
    if shots:
        yield f'<div class="crops">{"".join(shots)}</div>'
    yield "</li>"


def _not_begun(run: Run, report: RunReport) -> Iterator[str]:
    told = max((one.number for one in report.steps), default=0)
    for number, step in enumerate(run.kept.procedure.steps[told:], start=told + 1):
        yield f'<li class="step"><h3><b>{number}</b>{_text(said(step))}<span class="mark">not begun</span></h3></li>'


def _image(png: bytes, alt: str) -> str:
    return f'<img alt="{escape_for_html(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _text(text: str) -> str:
    return escape_for_html(redact(text))


def _secret(run: Run) -> frozenset[str]:
    return frozenset(one.name for one in run.kept.procedure.parameters if one.secret)


def _step_json(one: StepReport) -> dict[str, Any]:
    return {
        "number": one.number,
        "said": redact(one.said),
        "done": one.done,
        "rung": one.rung.value if one.rung is not None else None,
        "score": round(one.score, 3),
        "margin": round(one.margin, 3),
        "why": redact(one.why),
        "seconds": round(one.seconds, 3),
        "waited_s": round(one.waited_s, 3),
        "healed": one.healed.said if one.healed is not None else None,
    }
