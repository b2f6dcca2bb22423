"""`make bench`: run the benchmarks and write docs/benchmarks.md from what they measured."""

from __future__ import annotations

import compileall
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
REPORT = HERE.parent.parent / "docs" / "benchmarks.md"
PACKAGES = [HERE.parent.parent / name for name in ("opsagent", "memory", "tools", "evals")]
HEAD = """# Benchmarks

Written by `make bench`; do not edit. Measured on {date} on {machine} (load average before the run: {load:.1f}).
Figures move with the machine and with what else it does; the bars are those that the project holds itself to.

| what | measured | bar | |
|---|---:|---:|---|
"""
SECTION = "## Faults, beside others"
"""Head of the part that `make compare` writes."""
PLOT_WIDTH = 60
PLOT_HEAD = """
## How recall grows

95th percentile, embedding the question included, by the number of records; one block is {each} {unit}.

```"""


def main(arguments: list[str]) -> int:
    """Run the bench files named (default: all), write the report, return 1 where a bar was missed."""
    load = os.getloadavg()[0]
    for package in PACKAGES:  # as an installer does: or what was edited last would be compiled in every run
        compileall.compile_dir(package, quiet=1)
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch) / "result.json"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:xdist", "--benchmark-enable"]
        command += [f"--benchmark-json={result}", "--benchmark-columns=median,rounds", *(arguments or [str(HERE)])]
        status = subprocess.run(command, check=False).returncode
        if status != 0 or not result.exists():
            return status or 1
        measured = json.loads(result.read_text())
    rows = [row for bench in measured["benchmarks"] for row in rows_of(bench)]
    missed = [row["what"] for row in rows if not met(row)]
    if not arguments:
        _, compared = parts(REPORT.read_text(encoding="utf-8"))
        REPORT.write_text(render(rows, machine(), load, datetime.now(UTC)) + compared)
    if load > (psutil.cpu_count() or 1):
        print(f"load average {load:.1f} before the run: the figures tell of that too", file=sys.stderr)
    for what in missed:
        print(f"bar missed: {what}", file=sys.stderr)
    return 1 if missed else 0


def parts(page: str) -> tuple[str, str]:
    """Return what this module writes of the page, and what `make compare` does; that begins with an empty line."""
    head, mark, rest = page.partition(f"\n{SECTION}")
    return head, mark + rest


def rows_of(bench: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what one benchmark took down with `figure`, or its median where it took nothing down."""
    taken: list[dict[str, Any]] = bench["extra_info"].get("figures", [])
    if taken:
        return taken
    median_ms = statistics.median(bench["stats"].get("data") or [bench["stats"]["median"]]) * 1000
    return [
        {
            "what": f"{bench['name']}, median",
            "value": round(median_ms, 3),
            "unit": "ms",
            "bar": None,
            "note": "",
            "plot": None,
        }
    ]


def met(row: dict[str, Any]) -> bool:
    """Say whether a figure keeps its bar; one without a bar always does."""
    return row["bar"] is None or row["value"] <= row["bar"]


def render(rows: list[dict[str, Any]], where: str, load: float, when: datetime) -> str:
    """Return the whole page."""
    lines = [
        f"| {row['what']} | {_number(row['value'])} {row['unit']} | {_bar(row)} | {_remark(row)} |"
        for row in sorted(rows, key=lambda row: (row["bar"] is None, row["what"]))
    ]
    head = HEAD.format(date=when.date().isoformat(), machine=where, load=load)
    return head + "\n".join(lines) + "\n" + plot(rows)


def plot(rows: list[dict[str, Any]]) -> str:
    """Return the picture of what grows: a bar for each size and line, the same scale for all; empty without any."""
    drawn = [row for row in rows if row.get("plot")]
    if not drawn:
        return ""
    widest = max(row["value"] for row in drawn)
    names = list(dict.fromkeys(row["plot"][0] for row in drawn))
    beside = max(map(len, names))
    lines = [PLOT_HEAD.format(each=_number(widest / PLOT_WIDTH), unit=drawn[0]["unit"])]
    for name in names:
        for row in sorted((row for row in drawn if row["plot"][0] == name), key=lambda row: row["plot"][1]):
            eighths = max(round(8 * PLOT_WIDTH * row["value"] / widest), 1)
            bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
            lines.append(f"{name:{beside}} {row['plot'][1]:>9,} {bar} {_number(row['value'])}")
    return "\n".join([*lines, "```", ""])


def machine() -> str:
    """Return the machine in general terms: enough to compare, not enough to find it."""
    memory = round(psutil.virtual_memory().total / 2**30)
    python = ".".join(platform.python_version_tuple()[:2])
    return f"{psutil.cpu_count()} cores ({platform.machine()}), {memory} GiB, {platform.system()}, Python {python}"


def _bar(row: dict[str, Any]) -> str:
    return "" if row["bar"] is None else f"≤ {_number(row['bar'])} {row['unit']}"


def _remark(row: dict[str, Any]) -> str:
    return "; ".join(part for part in ("" if met(row) else "**missed**", row["note"]) if part)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:,.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
