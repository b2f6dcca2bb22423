"""What taking in documents did, as a person reads it. Pure; takes the form of `--json`."""

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
    pieces = [f"{result['chunks_added']} pieces were added"] if result["chunks_added"] else []
    pieces += [f"{result['chunks_ended']} no longer hold"] if result["chunks_ended"] else []
    return [*lines, "; ".join([", ".join(counts) or "no documents there", *pieces])]


def _listed(rows: list[tuple[str, str]], style: Style, screen: Screen) -> list[str]:
    lines = []
    for path, said in rows[:_SHOWN]:
        first, *rest = wrapped(f"{path}: {said}", screen)
        lines += [screen.paint(first, style), *(screen.paint(f"  {line}", style) for line in rest)]
    return [*lines, f"and {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else lines
