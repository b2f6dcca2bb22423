"""A window as it was last read."""

from __future__ import annotations

from dataclasses import dataclass

from opsagent_tools.gui.accessible.nodes import Tree
from opsagent_tools.gui.accessible.programs import Frame


@dataclass(frozen=True, slots=True)
class Seen:
    """A window as it was last read."""

    frame: Frame
    tree: Tree
    toolkit: str
    """As the program calls it."""
