"""The difference between a good release and what stands there now, for people and as JSON. Diffs come masked already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from opsagent.views.terminal import Screen, Style, one_line

if TYPE_CHECKING:
    from opsagent.releases.difference import Change, Difference
    from opsagent.store.rows import ReleaseRow

_HOW = {"changed": "changed", "added": "came since", "missing": "is missing"}


def as_lines(found: Difference, row: ReleaseRow, name: str, screen: Screen) -> list[str]:
    """Return what a person reads before they say yes."""
    return list(_lines(found, row, name, screen))


def _lines(found: Difference, row: ReleaseRow, name: str, screen: Screen) -> Iterator[str]:
    good = f"{row.good_at:%Y-%m-%d %H:%M:%S} UTC"
    yield screen.paint(
        one_line(f"{name}: {found.now} now; release {row.id} ({row.label}) was good at {good}"), "strong"
    )
    for change in found.changes:
        yield screen.paint(f"  {one_line(_said(change))}", "" if change.restored else "dim")
        for line in change.diff.splitlines():
            yield "    " + screen.paint(line, _style(line))
    for warning in found.warnings:
        yield screen.paint(f"  note: {one_line(warning)}", "warn")
    if found.refused:
        yield screen.paint(f"  refused: {one_line(found.refused)}", "bad")
    elif not found.restores:
        yield f"  nothing to put back: {name} has that release"
    if found.advice:
        yield f"  {one_line(found.advice)}"


def _said(change: Change) -> str:
    moved = f": {change.was} then, {change.now} now" if change.was or change.now else ""
    back = "" if change.restored else " (is not put back)"
    return f"{change.what} {change.name} {_HOW[change.how]}{moved}{back}"


def _style(line: str) -> Style:
    if line.startswith(("+++", "---")):
        return "dim"
    first: dict[str, Style] = {"+": "good", "-": "bad", "@": "accent"}
    return first.get(line[:1], "")


def changes_json(found: Difference) -> list[dict[str, Any]]:
    """Return the changes in their documented JSON form."""
    names = ("what", "name", "how", "restored", "was", "now", "diff", "changed_at")
    return [{name: getattr(change, name) for name in names} for change in found.changes]
