"""When a step was found otherwise than it was recorded: the fingerprint that would find it at once, for a person to judge.

Proposed only; nothing is played by it until a person has accepted it. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from opsagent_tools.gui.filling import names_in
from opsagent_tools.gui.fingerprints import fingerprint_of
from opsagent_tools.gui.model import Fingerprint, Located, Look

_TEXTS = ("name", "label", "within")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two fingerprints, in words."""

    what: str
    was: str
    now: str


def healed(written: Fingerprint, at: Located, look: Look, *, lower: bool) -> Fingerprint | None:
    """Return a better fingerprint than the written one; None: it was found as it was written.

    Args:
        written: as the procedure has it, parameters not filled in.
        at: where it was found.
        look: in which it was found there.
        lower: a surer way to find it failed.
    """
    if at.element is None or not (lower or at.drift):
        return None
    made = fingerprint_of(at.element, look)
    # What stands for a parameter stays one: the value of this run is not the value of the next.
    kept = {one: getattr(written, one) for one in _TEXTS if names_in(getattr(written, one))}
    better = replace(made, crop=written.crop, **kept)
    if any(names_in(one) for one in written.neighbours) or kept:
        better = replace(better, neighbours=written.neighbours)
    return better if better != written else None


def changes(was: Fingerprint, now: Fingerprint) -> tuple[Change, ...]:
    """Return what differs, in the order of a fingerprint's fields."""
    differing = [one.name for one in fields(Fingerprint) if getattr(was, one.name) != getattr(now, one.name)]
    return tuple(Change(name, _said(getattr(was, name)), _said(getattr(now, name))) for name in differing)


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)
