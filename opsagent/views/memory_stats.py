"""The memory at a glance, as a person reads it. Pure; takes the form of `opsagent memory stats --json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from opsagent.memory_forms import unit_of
from opsagent.views.memory import counted
from opsagent.views.numbers import moment, size
from opsagent.views.table import Cell, Column, cells, table
from opsagent.views.terminal import Screen
from opsagent.views.wrapping import wrapped

_LABEL = 9
_SCOPES = 12
_COLUMNS = (
    Column("OF"),
    Column("LESSONS", right=True),
    Column("FAMILIES", drop=2, right=True),
    Column("SURPRISE", drop=1, right=True),
    Column("TRUSTS", drop=3),
)


def overview(stats: Mapping[str, Any], screen: Screen) -> list[str]:
    """Return sizes, sources, what was learnt of whom, and what bounds it."""
    if not stats["records"] and not stats["forgotten"]:
        return ["nothing is remembered yet"]
    lines: list[str] = []
    for label, value in _facts(stats):
        lines += _labelled(label, value, screen)
    if stats["learnt"]:
        lines += ["", screen.paint("learnt", "dim"), *_learnt(stats["learnt"], screen)]
    off = [name for name, is_on in stats["learning"].items() if not is_on]
    lines += ["", screen.paint("policy", "dim")]
    for sentence in (*stats["policy_in_words"], *([f"Switched off: {', '.join(off)}."] if off else [])):
        lines += wrapped(sentence, screen, indent="  ")
    return lines


def _facts(stats: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kinds = ", ".join(counted(count, kind) for kind, count in stats["by_kind"].items())
    yield "records", f"{stats['records']:,}" + (f": {kinds}" if kinds else "")
    scopes = sorted(stats["by_scope"].items(), key=lambda item: -item[1])
    more = f", {len(scopes) - _SCOPES} more" if len(scopes) > _SCOPES else ""
    yield "of", ", ".join(f"{scope} {count:,}" for scope, count in scopes[:_SCOPES]) + more
    yield "from", _counts(stats["by_source"])
    yield "outcomes", _counts(stats["by_outcome"])
    rest = (
        ("archived", "archived"),
        ("forgotten", "forgotten"),
        ("superseded", "replaced"),
        ("ended", "no longer valid"),
    )
    yield (
        "of these",
        ", ".join(f"{stats[name]:,} {said}" for name, said in (*rest, ("imported", "imported")) if stats[name]),
    )
    if stats["oldest"]:
        yield "since", f"{_moment(stats['oldest'])}, the last {_moment(stats['newest'])}"
    yield "on disk", f"database {size(stats['disk']['database'])}, index {size(stats['disk']['index'])}"
    for space in stats["spaces"]:
        texts = counted(space["vectors"], "text")
        yield (
            "model",
            f"{space['model_id']} ({space['model_hash'][:8]}), {space['dimensions']} numbers for each of {texts}",
        )
    if stats["waiting"]:
        yield "index", f"{counted(stats['waiting'], 'text')} more when it is next needed"


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in found.items())


def _labelled(label: str, value: str, screen: Screen) -> list[str]:
    indent = " " * (_LABEL + 1)
    lines = wrapped(value, screen, indent=indent)
    if not lines:
        return []
    return [screen.paint(label + " " * (len(indent) - cells(label)), "dim") + lines[0][len(indent) :], *lines[1:]]


def _learnt(learnt: Mapping[str, Mapping[str, Any]], screen: Screen) -> list[str]:
    ranked = sorted(learnt.items(), key=lambda item: -item[1]["lessons"])
    rows = [
        (
            Cell(unit_of(scope), "strong"),
            Cell(f"{one['lessons']:,}"),
            Cell(f"{one['families']:,}"),
            Cell(f"{one['surprise']:.2f}"),
            Cell(", ".join(f"{name} {100 * weight:.0f}%" for name, weight in one["weights"].items())),
        )
        for scope, one in ranked[:_SCOPES]
    ]
    more = [f"and {len(ranked) - _SCOPES} more"] if len(ranked) > _SCOPES else []
    return [*table(_COLUMNS, rows, screen), *more]


def _moment(at: str) -> str:
    return moment(datetime.fromisoformat(at))
