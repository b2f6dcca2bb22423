"""Findings for a person: grouped by service, the worst first, wrapped to the terminal or whole in a pipe. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from opsagent.views.terminal import Screen, Style, one_line
from opsagent_tools.findings import Finding, Severity
from opsagent_tools.units import UnitId

_STYLES: Mapping[Severity, Style] = {Severity.SERIOUS: "bad", Severity.WARNING: "warn", Severity.NOTE: "dim"}
_INDENT = "    "
_WIDEST = 110


def report_lines(findings: Sequence[Finding], names: Mapping[UnitId, str], screen: Screen) -> list[str]:
    """Return the lines of a report. `names`: what each unit is called, in full where several share a name."""
    groups: dict[str, list[Finding]] = {}
    for one in findings:
        about = names.get(one.unit, str(one.unit)) if one.unit is not None else one.check.partition("/")[0]
        groups.setdefault(about, []).append(one)
    lines: list[str] = []
    for about, several in groups.items():
        lines.append(screen.paint(one_line(about), "strong"))
        for one in several:
            lines += _finding(one, screen)
    return lines


def _finding(one: Finding, screen: Screen) -> list[str]:
    head = f"  {screen.paint(one.severity.value, _STYLES[one.severity])} {one_line(one.check)}{_place(one)}"
    return [head, *_wrapped(one.says, screen), *_wrapped(f"mend: {one.mend}", screen)]


def _place(one: Finding) -> str:
    place, sure = one.facts.get("file"), one.facts.get("sure")
    at = f" {one_line(place)}:{one.facts.get('line')}" if place else ""
    return at + (f" ({sure})" if sure and sure != "certain" else "")


def _wrapped(text: str, screen: Screen) -> list[str]:
    text = one_line(text)
    if screen.width is None:
        return [_INDENT + text]
    width = max(20, min(screen.width, _WIDEST))
    return textwrap.wrap(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT, break_long_words=True)


def summary(findings: Sequence[Finding], looked_at: int) -> str:
    """Return one line with the counts."""
    counts = {severity: sum(one.severity is severity for one in findings) for severity in Severity}
    said = [f"{counts[severity]} {severity.value}" for severity in reversed(Severity) if counts[severity]]
    services = f"{looked_at} service{'' if looked_at == 1 else 's'}"
    return f"{services} looked at: {', '.join(said) if said else 'nothing found'}"
