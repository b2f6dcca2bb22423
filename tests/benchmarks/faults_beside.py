"""`make compare`: the fault scenarios, kept by the agent, by PM2, by Monit and by a rule of thumb; writes their table.

The table is a section of docs/benchmarks.md that `make bench` leaves as it is. FILE: a document of `opsagent eval faults
--json --beside …` that is there already, instead of playing everything.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsagent_evals.faults.keepers import BESIDE
from tests.benchmarks.report import REPORT, SECTION, machine, parts

_COMMAND = ("eval", "faults", "--repeat", "2", "--beside", ",".join(BESIDE), "--json")
_TEXT = """{section}

`opsagent {command}` on {date}, {machine}. {scenarios} scenarios; {healthy} of them ask for nothing to be done. Each
keeper had the same services, faults and users; a fault counts as repaired once users were served for 5 s, as harmed
where something was done that must not be. PM2 restarts what ends; Monit looks every 2 s, restarts after two failed probes
and tells somebody by mail; the rule restarts what ended, failed its probe twice or logged an error. What a supervisor
restarts by itself counts as no action. "Not mended" is everything else: of the agent, there a person was told.

| kept by | played | repaired | told a person | left alone | not mended | harmed | wrong actions | seconds, median |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
{rows}

{names}
"""
_OUTCOMES = ("repaired", "escalated", "left_alone", "failed", "harmed")


def main(arguments: list[str]) -> int:
    """Play the scenarios (or read FILE), write the section; returns the eval's exit code, 0 for a FILE."""
    if arguments:
        status, text = 0, Path(arguments[0]).read_text(encoding="utf-8")
    else:
        jobs = ["--jobs", os.environ["JOBS"]] if os.environ.get("JOBS") else []
        done = subprocess.run(
            [sys.executable, "-m", "opsagent", *_COMMAND, *jobs], stdout=subprocess.PIPE, text=True, check=False
        )
        status, text = done.returncode, done.stdout
    document = json.loads(text)
    kept, _ = parts(REPORT.read_text(encoding="utf-8"))
    REPORT.write_text(kept.rstrip("\n") + "\n\n" + section(document), encoding="utf-8")
    return status


def section(document: dict[str, Any]) -> str:
    """Return the section as Markdown."""
    first = [case for case in document["cases"] if case["run"] == 1]
    again = [case for case in document["cases"] if case["run"] == 2]
    rows = [_row("opsagent, first time", first)]
    rows += [_row("opsagent, second time", again)] if again else []
    rows += [_row(name, beside["cases"]) for name, beside in document.get("beside", {}).items()]
    return _TEXT.format(
        section=SECTION,
        command=" ".join(_COMMAND),
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        scenarios=len(first),
        healthy=sum(case["healthy"] for case in first),
        rows="\n".join(rows),
        names="\n".join(f"- **{name}**: {does}" for name, does in BESIDE.items()),
    )


def _row(name: str, cases: list[dict[str, Any]]) -> str:
    played = [case for case in cases if name.startswith("opsagent") or not case["error"] or case["actions"]]
    counts = [sum(case["outcome"] == outcome for case in played) for outcome in _OUTCOMES]
    mended = [case["ttm_s"] for case in played if case["ttm_s"] is not None]
    seconds = f"{statistics.median(mended):.1f}" if mended else "-"
    cells = [name, len(played), *counts, sum(case["wrong_actions"] for case in played), seconds]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
