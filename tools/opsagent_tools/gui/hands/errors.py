"""What can go wrong with hands beside the errors of the port."""

from __future__ import annotations

from opsagent_tools.gui.port import NotUsable, Refused, ScreenError, SurfaceGone


class Unfinished(ScreenError):
    """Begun, and nobody knows how far it came: look before anything else is done."""


KINDS: dict[str, type[ScreenError]] = {
    kind.__name__: kind for kind in (ScreenError, SurfaceGone, NotUsable, Refused, Unfinished)
}
"""How the process names them in its answers."""
