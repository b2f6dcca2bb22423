"""Draws how the machine itself is doing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.cli.output import Out


def show(found: Mapping[str, Any], out: Out) -> None:
    """Draw the figures."""
    from opsagent.views.numbers import size

    load = " ".join(f"{value:.2f}" for value in found["load"])
    out.line(f"load    {load} (1, 5, 15 min) on {found['cpus']} cores")
    out.line(f"memory  {size(found['memory_available'])} available of {size(found['memory_total'])}")
    out.line(f"disk    {size(found['disk_free'])} free of {size(found['disk_total'])} at {found['disk_path']}")
