"""What speaks for and against one element being the target. Values between 0 and 1; None is: the look does not tell."""

from __future__ import annotations

from dataclasses import dataclass

from opsagent_tools.gui.matching.anchors import agreement
from opsagent_tools.gui.matching.names import NEARLY, NOT, plain, same, shortened
from opsagent_tools.gui.matching.roles import CHOICES, FIELDS, IN_LISTS, IN_MENUS, OTHER, RANGES, suits
from opsagent_tools.gui.matching.scene import Scene
from opsagent_tools.gui.matching.telling import tells
from opsagent_tools.gui.model import Element, Fingerprint, SurfaceKind

_WEIGHTS = {"name": 3.0, "label": 3.0, "within": 2.5, "anchor": 2.0, "neighbours": 2.0, "role": 1.5, "place": 0.3}
STRONG = ("name", "label", "within", "anchor")
"""Evidence that no other evidence outweighs where two elements are compared."""
_NEAR = 6
"""So many neighbours tell where something is; more of them only tell what is there."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for `element`."""

    element: Element
    values: dict[str, float]
    """Of the names in `_WEIGHTS`, those that the fingerprint asks for and the look tells."""
    unknown: tuple[str, ...] = ()
    """What the fingerprint asks for and the look does not tell."""

    @property
    def score(self) -> float:
        """Return the weighted mean, 0..1; what is not told counts half."""
        weights = sum(_WEIGHTS[one] for one in (*self.values, *self.unknown))
        total = sum(_WEIGHTS[one] * value for one, value in self.values.items())
        total += sum(_WEIGHTS[one] * 0.5 for one in self.unknown)
        return total / weights if weights else 0.0

    @property
    def context(self) -> float | None:
        """Return how well what is around it fits, 0..1; None where the fingerprint or the look says nothing of it."""
        told = {one: value for one, value in self.values.items() if one in {"within", "anchor", "neighbours"}}
        weights = sum(_WEIGHTS[one] for one in told)
        return sum(_WEIGHTS[one] * value for one, value in told.items()) / weights if weights else None

    def value(self, name: str) -> float:
        """Return one value, a half where it is not told."""
        return self.values.get(name, 0.5)


def identified(fingerprint: Fingerprint, element: Element, scene: Scene) -> dict[str, float] | None:
    """Return how its own name and label fit, or None where they say that it is another element."""
    role = suits(fingerprint.role, element)
    if role == OTHER:
        return None
    found = {"role": role}
    name, label = _name(fingerprint, element, scene), _label(fingerprint, element, scene)
    if name == NOT and (label is None or label == NOT or not (_named_by_value(element) or has_tag(element))):
        return None
    if label == NOT and fingerprint.label:
        return None
    if name is None and label is None and (fingerprint.name or fingerprint.label):
        return None
    if name:
        found["name"] = name
    if label:
        found["label"] = label
    return found


def weigh(fingerprint: Fingerprint, element: Element, own: dict[str, float], scene: Scene) -> Evidence:
    """Return all that speaks for `element`; `own` is what `identified` returned."""
    values: dict[str, float] = dict(own)
    unknown: list[str] = []
    if not fingerprint.role:
        values.pop("role", None)
    told = {
        "within": inside(fingerprint, element, scene),
        "anchor": agreement(fingerprint.anchor, element, scene) if fingerprint.anchor else None,
        "neighbours": _neighbours(fingerprint, element, scene),
        "place": _place(fingerprint, element, scene) if fingerprint.place[0] and not scene.read else None,
    }
    asked = {
        "within": bool(fingerprint.within),
        "anchor": fingerprint.anchor is not None,
        "label": bool(fingerprint.label) and "label" not in values,
    }
    values.update({one: value for one, value in told.items() if value is not None})
    unknown += [one for one, wanted in asked.items() if wanted and one not in values]
    return Evidence(element, values, tuple(unknown))


def _name(fingerprint: Fingerprint, element: Element, scene: Scene) -> float | None:
    """Return how the name fits; None where the fingerprint has none, or the element has none but a label."""
    if not fingerprint.name:
        return None
    if not element.name and element.label and fingerprint.label:
        return None
    best = same(fingerprint.name, element.name, read=scene.read)
    if element.role in FIELDS | RANGES and not fingerprint.label:  # toolkits give a field its label as a name, or not
        best = max(best, same(fingerprint.name, element.label, read=scene.read))
    return best


def _label(fingerprint: Fingerprint, element: Element, scene: Scene) -> float | None:
    if not fingerprint.label:
        return None
    if element.label:
        return same(fingerprint.label, element.label, read=scene.read)
    if element.role in FIELDS | RANGES | CHOICES and element.name and element.name != element.value:
        return same(fingerprint.label, element.name, read=scene.read) or None
    return None


def _named_by_value(element: Element) -> bool:
    """Tell whether its name is what it holds (combo boxes), so that another name says nothing."""
    return element.role in FIELDS | RANGES or element.role in {"combo box", "menu button"}


def has_tag(element: Element) -> bool:
    """Tell whether its label is the word by which a program of a terminal knows a row, however the row is called."""
    return element.source is SurfaceKind.TERMINAL and element.role in CHOICES | IN_LISTS | IN_MENUS


def inside(fingerprint: Fingerprint, element: Element, scene: Scene) -> float | None:
    """Return how surely it is in the container that the fingerprint names; None: it names none, or the look does not tell."""
    if not fingerprint.within:
        # A recorded one would know its container: what is in a named one now is elsewhere.
        recorded = fingerprint.place[0] > 0 and not scene.read
        return NOT if recorded and scene.container(element) is not None else None
    around = scene.containers(element)
    best = max((same(fingerprint.within, one, read=scene.read) for one in around), default=NOT)
    if best > NOT:
        return best
    if any(shortened(fingerprint.within, one) for one in around):
        return NEARLY
    if element.role in IN_LISTS and scene.says(fingerprint.within):
        return NOT
    # Pixels do not tell containers; where the container's name is read somewhere, nothing says that this is not in it.
    return None if scene.read else NOT


def _neighbours(fingerprint: Fingerprint, element: Element, scene: Scene) -> float | None:
    wanted = [one for one in fingerprint.neighbours if tells(one)][:_NEAR]
    if not wanted:
        return None
    near = scene.around(element, len(wanted) + 3)
    hits = sum(any(_alike(one, other, scene) for other in near) for one in wanted)
    return hits / len(wanted)


def _alike(wanted: str, near: str, scene: Scene) -> bool:
    return plain(wanted) == near or (scene.read and same(wanted, near, read=True) > NOT)


def _place(fingerprint: Fingerprint, element: Element, scene: Scene) -> float:
    return 1.0 if scene.place(element) == fingerprint.place else 0.0
