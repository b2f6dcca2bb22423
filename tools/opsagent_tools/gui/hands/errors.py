"""What can go wrong with hands: errors of the port, by their names."""

from __future__ import annotations

from opsagent_tools.gui.port import NotUsable, Refused, ScreenError, SurfaceGone, Unfinished

__all__ = ["KINDS", "Unfinished"]

KINDS: dict[str, type[ScreenError]] = {
    kind.__name__: kind for kind in (ScreenError, SurfaceGone, NotUsable, Refused, Unfinished)
}
"""How the process names them in its answers."""
