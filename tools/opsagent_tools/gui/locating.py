"""Find the target of a step among the elements of a look, or say why not. Pure: a fingerprint and elements in, a place out."""

from __future__ import annotations

from opsagent_tools.gui.model import Fingerprint, Located, Look, NotLocated


def locate(fingerprint: Fingerprint, look: Look) -> Located | NotLocated:
    """Return where the fingerprint's target is in `look`, or why nothing is done. Never guesses."""
    raise NotImplementedError
