"""Make the fingerprint by which an element is known again."""

from __future__ import annotations

from opsagent_tools.gui.model import Element, Fingerprint, Look


def fingerprint_of(element: Element, look: Look) -> Fingerprint:
    """Return how `element` is known again, from what was seen around it in `look`. Values that people typed are not in it."""
    raise NotImplementedError
