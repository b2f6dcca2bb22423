"""Families of like incidents, with what was tried for them. Pure; takes the form of `--json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from opsagent.memory_forms import unit_of
from opsagent.views.memory import counted
from opsagent.views.numbers import moment
from opsagent.views.terminal import Screen, Style, one_line
from opsagent.views.wrapping import wrapped

_INDENT = "   "
_GOOD, _POOR = 0.65, 0.35


def families(found: Sequence[Mapping[str, Any]], screen: Screen) -> list[str]:
    """Return each family as a block: an example, how much it taught, and the odds of its remedies."""
    lines: list[str] = []
    for family in found:
        lines += [""] if lines else []
        lines += _family(family, screen)
    return lines


def _family(family: Mapping[str, Any], screen: Screen) -> list[str]:
    head = f"{family['id']} of {unit_of(family['scope'])}"
    taught = f"{counted(family['lessons'], 'lesson')}, the last {moment(datetime.fromisoformat(family['last_at']))}"
    lines = [screen.paint(line, "strong") for line in wrapped(head, screen)]
    lines += [screen.paint(line, "dim") for line in wrapped(taught, screen, indent=_INDENT)]
    lines += wrapped(family["text"], screen, indent=_INDENT, most=3)
    for remedy in family["remedies"]:
        lines += [screen.paint(line, _style(remedy)) for line in wrapped(odds(remedy), screen, indent=_INDENT)]
    return lines


def odds(remedy: Mapping[str, Any]) -> str:
    """Return how often a remedy works, newer outcomes counting more."""
    tried = remedy["good"] + remedy["bad"]
    share = f"{100 * remedy['good'] / tried:.0f}% of late" if tried else "was not tried"
    stale = "; it used to, and no longer does" if remedy["stale"] else ""
    return f"{one_line(remedy['remedy'])} works {share}{stale}"


def _style(remedy: Mapping[str, Any]) -> Style:
    tried = remedy["good"] + remedy["bad"]
    if remedy["stale"]:
        return "warn"
    share = remedy["good"] / tried if tried else 0.5
    return "good" if share >= _GOOD else "bad" if share <= _POOR else ""
