"""What changes when something that is seen changes. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from opsagent_tools.gui.model import Element, Look


def digest_of(elements: Iterable[Element]) -> str:
    """Return a digest of all that elements say; carets are not in them, nor ids: Swing makes new cells for each look."""
    return _digest(
        "\x1f".join((one.role, one.name, one.value or "", one.label, str(one.box), *sorted(one.states)))
        for one in elements
    )


def shape_of(look: Look) -> str:
    """Return a digest of what there is and where, whatever it says: what a click depends on."""
    return _digest(f"{one.role}\x1f{one.box}" for one in look.elements)


def _digest(parts: Iterable[str]) -> str:
    made = hashlib.blake2b(digest_size=12)
    for part in parts:
        made.update(part.encode("utf-8", "surrogatepass"))
        made.update(b"\x1e")
    return made.hexdigest()
