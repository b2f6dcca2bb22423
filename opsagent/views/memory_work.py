"""What long work on the memory did (documents taken in, order made), as a person reads it. Pure; takes `--json`'s form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsagent.views.terminal import Screen, Style
from opsagent.views.wrapping import wrapped

_SHOWN = 20
_SAID: tuple[tuple[str, str, Style], ...] = (
    ("added", "new", "good"),
    ("changed", "changed", "warn"),
    ("removed", "gone, forgotten", "warn"),
    ("vanished", "gone, kept", "bad"),
)


def ingested(result: Mapping[str, Any], screen: Screen) -> list[str]:
    """Return what became of each document that is not as it was, and a line that counts."""
    lines = []
    for name, said, style in _SAID:
        lines += _listed([(path, said) for path in result[name]], style, screen)
    lines += _listed([(one["path"], f"skipped: {one['reason']}") for one in result["skipped"]], "dim", screen)
    counts = [f"{len(result[name])} {said}" for name, said, _ in _SAID if result[name]]
    counts += [f"{len(result['unchanged'])} unchanged"] if result["unchanged"] else []
    counts += [f"{len(result['skipped'])} skipped"] if result["skipped"] else []
    pieces = [f"pieces added: {result['chunks_added']}"] if result["chunks_added"] else []
    pieces += [f"no longer valid: {result['chunks_ended']}"] if result["chunks_ended"] else []
    return [*lines, "; ".join([", ".join(counts) or "no documents there", *pieces])]


def _listed(rows: list[tuple[str, str]], style: Style, screen: Screen) -> list[str]:
    lines = []
    for path, said in rows[:_SHOWN]:
        first, *rest = wrapped(f"{path}: {said}", screen)
        lines += [screen.paint(first, style), *(screen.paint(f"  {line}", style) for line in rest)]
    return [*lines, f"and {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else lines


_ORDERED = (
    ("archived", "archived"),
    ("ended", "ended"),
    ("proposed", "proposed as procedures"),
    ("stale", "marked stale"),
    ("erased", "erased"),
)


def consolidated(result: Mapping[str, Any], screen: Screen) -> list[str]:
    """Return what putting the memory in order did, or would do: each thing with its reason, and a line that counts."""
    lines = [line for told in result["told"] for line in wrapped(told, screen)]
    for pair in result["possible_contradictions"]:
        said = f"may contradict each other: {pair['older']} and {pair['newer']} (alike {pair['similarity']:.2f})"
        lines += [screen.paint(line, "warn") for line in wrapped(said, screen)]
    counts = ", ".join(f"{result[name]:,} {said}" for name, said in _ORDERED if result[name])
    end = "would be done: " if result["dry_run"] else ""
    lines.append(f"{end}{counts}" if counts else "nothing is to be put in order")
    if not result["complete"]:
        lines.append("not all was looked through: it was too much for one time")
    return lines
