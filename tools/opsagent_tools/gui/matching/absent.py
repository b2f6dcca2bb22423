"""What to say where a target is not there: what is there in its stead, for whoever wrote its name down. Pure."""

from __future__ import annotations

from opsagent_tools.gui.matching.names import plain
from opsagent_tools.gui.matching.roles import CHOICES, FIELDS, IN_MENUS, PRESSED, SECRET, TABS, usable
from opsagent_tools.gui.matching.scene import Scene, seen
from opsagent_tools.gui.model import Element, Fingerprint

_CALLED = (PRESSED, IN_MENUS, CHOICES, TABS)
_MOST = 6
_LONGEST = 40


def instead(fingerprint: Fingerprint, scene: Scene) -> str:
    """Return `: there are “Find and Replace”, “Cancel”`, or as what its name is there; empty: there is nothing to say.

    Only what is pressed, and the labels of fields, are named: what stands in fields and tables is nobody's business here.
    """
    there = [one for one in scene.elements if seen(one)]
    wanted = plain(fingerprint.name)
    called = {one.role for one in there if wanted and plain(one.name) == wanted and usable(one.role)}
    roles = called - {fingerprint.role}
    if roles:
        return f": it is there as {' and '.join(sorted(roles))}"
    names = dict.fromkeys(_name(one) for one in there if _alike(fingerprint, one) and _name(one))
    if not names or len(names) > 3 * _MOST:
        return ""
    shown = ", ".join(f"“{name}”" for name in [*names][:_MOST])
    return f": there {'are' if len(names) > 1 else 'is'} {shown}{' and others' if len(names) > _MOST else ''}"


def _alike(fingerprint: Fingerprint, one: Element) -> bool:
    fields = FIELDS | SECRET
    if fingerprint.role in fields:
        return one.role in fields
    return any(fingerprint.role in family and one.role in family for family in _CALLED)


def _name(one: Element) -> str:
    name = one.label if one.role in FIELDS | SECRET else one.name
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
