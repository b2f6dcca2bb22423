"""Runbooks for people: the list, one page, and what a test found. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opsagent.views.table import Cell, Column
from opsagent.views.terminal import Screen, Style, one_line

LIST_COLUMNS = (Column("RUNBOOK"), Column("CAUSE", drop=2), Column("WHAT", drop=1), Column("REMEDIES"))
_VERDICTS: Mapping[str, Style] = {"allow": "good", "ask": "warn", "deny": "bad"}
_RESULTS: Mapping[str, Style] = {"fits": "good", "does not fit": "dim", "not known": "warn"}


def list_row(card: Mapping[str, Any]) -> list[Cell]:
    """Return one row of the list."""
    remedies = [str(name).rpartition("/")[2] for name in card["remedies"]]
    if card["escalates"]:
        remedies.append("a person")
    if card["leave_alone"]:
        remedies.append("nothing")
    return [
        Cell(card["name"], "accent" if card["own"] else ""),
        Cell(card["cause"], "dim"),
        Cell(card["title"]),
        Cell(", ".join(remedies)),
    ]


def page(card: Mapping[str, Any], screen: Screen) -> list[str]:
    """Return everything that a runbook says."""
    return list(_page(card, screen))


def _page(card: Mapping[str, Any], screen: Screen) -> Iterator[str]:
    yield screen.paint(f"{one_line(card['name'])}: {one_line(card['title'])}", "strong")
    yield from _pairs(
        screen,
        ("cause", card["cause"]),
        ("answers", ", ".join(card["answers"])),
        ("looks for", card["looks_for"]),
        ("never", card["never"]),
        ("from", card["source"] if card["own"] else "the agent"),
    )
    for remedy in card["remedies"]:
        yield ""
        yield screen.paint(f"remedy {one_line(remedy['name'])}: {one_line(remedy['does'])}", "accent")
        condition = remedy["condition"]
        yield from _pairs(
            screen,
            ("for", {"root": "the service itself", "upstream": "what it depends on"}.get(remedy["aim"], remedy["aim"])),
            *(("when", when) for when in remedy["when"]),
            ("when", f"{condition['says'] or condition['function']}" if condition else ""),
            ("after", remedy["after"]),
            *(("step", step) for step in remedy["steps"]),
            ("effect", remedy["effect"]),
            ("expects", remedy["expects"]),
            ("verified", f"well for {remedy['verify_s']:g} s" + "".join(f"; {one}" for one in remedy["verify"])),
            ("undo", remedy["undo"]),
            ("counts as", ", ".join(remedy["counts_as"])),
        )
    for call in card["escalate"]:
        yield ""
        yield screen.paint("a person is told", "warn")
        condition = call["condition"]
        yield from _pairs(
            screen,
            *(("when", when) for when in call["when"]),
            ("when", f"{condition['says'] or condition['function']}" if condition else ""),
            ("what", call["say"]),
        )
    if card["leave_alone"]:
        yield ""
        yield screen.paint("nothing is done", "good")
        yield from _pairs(screen, ("why", card["leave_alone"]))


def _pairs(screen: Screen, *pairs: tuple[str, Any]) -> Iterator[str]:
    for name, value in pairs:
        if value:
            yield f"  {screen.paint(f'{name:<10}', 'dim')}{one_line(value)}"


def problem_lines(found: Sequence[Mapping[str, Any]], screen: Screen) -> list[str]:
    """Return what is not right with a runbook, each with its mend."""
    lines = []
    for one in found:
        level = screen.paint(f"{one['level']:<8}", "bad" if one["level"] == "error" else "warn")
        lines += [f"  {level}{one_line(one['where'])}: {one_line(one['what'])}", f"{'':10}{one_line(one['mend'])}"]
    return lines


def trial_lines(trial: Mapping[str, Any], screen: Screen) -> list[str]:
    """Return what became of a runbook that was tried on a case."""
    return list(_trial(trial, screen))


def _trial(trial: Mapping[str, Any], screen: Screen) -> Iterator[str]:
    if not trial["answers"]:
        yield screen.paint("  it does not answer this kind of incident: it would not be asked", "warn")
    for tried in trial["remedies"]:
        unit = f" on {one_line(tried['unit'])}" if tried["unit"] else ""
        result = screen.paint(tried["result"], _RESULTS[tried["result"]])
        yield f"  {one_line(tried['remedy'])}{unit}: {result}: {one_line(tried['why'])}"
        for one in tried["conditions"]:
            mark = {True: "yes", False: "no", None: "?"}[one["holds"]]
            style: Style = {True: "good", False: "bad", None: "warn"}[one["holds"]]  # type: ignore[assignment]
            told = f" (it is {one_line(one['told'])})" if one["told"] is not None else ""
            yield f"    {screen.paint(f'{mark:<4}', style)}{one_line(one['text'])}{told}"
        for number, step in enumerate(tried["steps"], 1):
            verdict = screen.paint(step["verdict"], _VERDICTS[step["verdict"]])
            yield f"    {number}. {one_line(step['action'])}: {one_line(step['why'])}"
            yield f"       guard: {verdict} ({step['risk']}; {one_line(step['rule'])}: {one_line(step['ruling'])})"
            yield f"       goal: {step['goal']}; undo: {one_line(step['undo'] or 'none')}"
    for call in trial["calls"]:
        yield f"  {screen.paint('a person is told', 'warn')}: {one_line(call)}"
