"""Procedures on screens for people: the list, one page, and what a new version changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsagent.views.table import Cell, Column
from opsagent.views.terminal import Screen, Style, one_line

COLUMNS = (
    Column("PROCEDURE"),
    Column("PROGRAM", drop=1),
    Column("STEPS", drop=4, right=True),
    Column("VERSION", drop=3, right=True),
    Column("WORKED", right=True),
    Column("UNVERIFIED", drop=5, right=True),
    Column("FAILED", right=True),
    Column("STATE", drop=2),
)
_OUTCOMES: Mapping[str, tuple[str, Style]] = {
    "verified": ("verified", "good"),
    "unverified": ("done, not verified", "warn"),
    "halted": ("halted", "bad"),
    "needs_person": ("needs a person", "warn"),
}


def row(one: Mapping[str, Any]) -> list[Cell]:
    """Return one row of the list."""
    state, style = one["status"], "warn" if one["status"] == "proposed" else ""
    if one["proposed"]:
        state, style = f"version {one['proposed']} is proposed", "warn"
    return [
        Cell(one["name"], "accent"),
        Cell(one["program"]),
        Cell(str(one["steps"])),
        Cell(str(one["version"])),
        Cell(str(one["worked"])),
        Cell(str(one["unverified"])),
        Cell(str(one["failed"]), "bad" if one["failed"] else ""),
        Cell(state, style),  # type: ignore[arg-type]  # one of the styles
    ]


def page(one: Mapping[str, Any], screen: Screen) -> Iterator[str]:
    """Yield everything that is known of a procedure."""
    yield from version(one, screen)
    yield ""
    yield f"{screen.paint('runs', 'dim')}  {one['worked']} worked, {one['unverified']} unverified, {one['failed']} failed"
    for run in one["runs"]:
        said, style = _OUTCOMES.get(run["outcome"], (run["outcome"], ""))
        yield f"  {one_line(run['at'])[:19]}Z  {screen.paint(said, style)}  {one_line(run['report'])}"
    yield ""
    yield screen.paint("versions", "dim")
    for other in one["versions"]:
        by = f" by {other['by']}" if other["by"] else ""
        yield f"  {other['version']:>2}  {one_line(other['status'] + by)}  {one_line(other['why'])}"


def version(one: Mapping[str, Any], screen: Screen) -> Iterator[str]:
    """Yield what one version does."""
    title = f"{one['name']}: {one['title']}" if one["title"] else one["name"]
    yield screen.paint(one_line(title), "strong")
    window = one["window"]
    where = ", ".join(filter(None, (window["program"], window["wm_class"], window["title"] and f"“{window['title']}”")))
    pairs = {
        "version": f"{one['version']}, {one['status']}",
        "window": where,
        "surface": one["surface"] or "the best that the window offers",
        "opened by": " ".join(one["start"]),
        "effect": "; ".join(one["effects"]) or "none is named: a run ends unverified",
        "undo": one["undo"],
    }
    for name, value in pairs.items():
        if value:
            yield f"{screen.paint(f'{name:<10}', 'dim')} {one_line(value)}"
    for parameter in one["parameters"]:
        yield f"{screen.paint('told      ', 'dim')} {one_line(_parameter(parameter))}"
    yield ""
    for step in one["steps"]:
        note = f"  ({step['note']})" if step["note"] else ""
        line = f"  {step['number']:>2}  {one_line(step['said'] + note)}"
        yield line + (screen.paint("  needs a yes: " + one_line(step["risk"]), "warn") if step["risk"] else "")


def _parameter(one: Mapping[str, Any]) -> str:
    if one["secret"]:
        return f"{one['name']} (the name of a secret)"
    rest = [
        f"like {one['example']}" if one["example"] else "",
        f"must match {one['pattern']}" if one["pattern"] else "",
    ]
    rest.append(f"{one['default']!r} if nothing is said" if one["default"] is not None else "")
    more = ", ".join(filter(None, rest))
    return f"{one['name']} ({more})" if more else str(one["name"])


def difference(found: Mapping[str, Any], screen: Screen) -> Iterator[str]:
    """Yield what a proposed version changes, as lines with + and -; all of it where nothing is run yet."""
    if found["replaces"] is None:
        yield from version(found, screen)
        return
    yield screen.paint(one_line(f"{found['name']}: version {found['replaces']} → {found['version']}"), "strong")
    if found["why"]:
        yield one_line(found["why"])
    for one in found["frame"]:
        yield from _was_now(one, screen)
    for one in found["changes"]:
        by = (
            f", found by {one['found_by']} ({one['score']:.2f})" if one["found_by"] and one["score"] is not None else ""
        )
        yield screen.paint(one_line(f"step {one['step']} {one['kind']}{by}: {one['now'] or one['was']}"), "accent")
        if one["kind"] == "changed":
            for mark in one["marks"]:
                yield from _was_now(mark, screen)
    for number, why in found["risky"].items():
        yield screen.paint(one_line(f"step {number} needs a yes each time: {why}"), "warn")


def _was_now(one: Mapping[str, str], screen: Screen) -> Iterator[str]:
    yield screen.paint("  - " + one_line(f"{one['what']}: {one['was'] or '(nothing)'}"), "bad")
    yield screen.paint("  + " + one_line(f"{one['what']}: {one['now'] or '(nothing)'}"), "good")
