"""What an accessible object is asked, by its role, and what its answers mean. Pure."""

from __future__ import annotations

from typing import Any

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import Ask, Failed, Ref
from opsagent_tools.gui.accessible.nodes import Node
from opsagent_tools.gui.accessible.tables import refs_in
from opsagent_tools.gui.accessible.words import Role, State, has
from opsagent_tools.gui.model import Box

_TEXTS = frozenset({Role.TEXT, Role.ENTRY, Role.PASSWORD})


def get(ref: Ref, interface: str, name: str) -> Ask:
    """Return the question for a property."""
    return Ask(ref, words.PROPERTIES, "Get", "ss", (interface, name))


def questions(node: Node, part: str) -> list[tuple[str, Ask]]:
    """Return what is asked to know a part of a node, each with the kind of its answer (`take`); none where it has no such."""
    ref = node.ref
    match part:
        case "role":
            return [("role", Ask(ref, words.ACCESSIBLE, "GetRole"))]
        case "role again":  # a field that comes to show its password changes its role
            return [("role", Ask(ref, words.ACCESSIBLE, "GetRole"))] if node.role in _TEXTS else []
        case "state":
            return [("state", Ask(ref, words.ACCESSIBLE, "GetState"))]
        case "name again" if node.role not in words.OURS:
            return []
        case "name" | "name again":
            return [("name", get(ref, words.ACCESSIBLE, "Name"))]
        case "box":
            return [("box", Ask(ref, words.COMPONENT, "GetExtents", "u", (words.SCREEN,)))]
        case "children" if node.role in words.TABLES:
            return [("count", get(ref, words.ACCESSIBLE, "ChildCount"))]
        case "children" if node.role not in words.LEAVES:
            return [("children", Ask(ref, words.ACCESSIBLE, "GetChildren"))]
        case "more":
            return _more(node)
        case "fixed":
            return _fixed(node)
    return []


def _more(node: Node) -> list[tuple[str, Ask]]:
    number = ("number", get(node.ref, words.VALUE, "CurrentValue"))
    if node.role in words.NUMBERED:
        return [number]
    if node.role == Role.SPIN_BUTTON:
        return [number, ("text", Ask(node.ref, words.TEXT, "GetText", "ii", (0, -1)))]
    if node.role in words.WORDED and has(node.state, State.MULTI_LINE):
        return [("length", get(node.ref, words.TEXT, "CharacterCount"))]
    if node.role == Role.COMBO_BOX:
        return [("choice", get(node.ref, words.ACCESSIBLE, "Name"))]
    if node.role in words.WORDED:
        return [("text", Ask(node.ref, words.TEXT, "GetText", "ii", (0, -1)))]
    return []


def _fixed(node: Node) -> list[tuple[str, Ask]]:
    asks: list[tuple[str, Ask]] = []
    if node.role in words.TO_LABEL or node.role in words.CHOOSERS:
        asks.append(("labels", Ask(node.ref, words.ACCESSIBLE, "GetRelationSet")))
    if node.role in words.TO_DESCRIBE and not node.name:
        asks.append(("description", get(node.ref, words.ACCESSIBLE, "Description")))
    return asks


def bits_in(answer: Any) -> int:
    """Return the states in an answer of GetState (two words of 32 bits) as one number."""
    if isinstance(answer, list) and len(answer) == 2:
        return int(answer[0]) | int(answer[1]) << 32
    return 0


def take(node: Node, kind: str, answer: Any) -> None:
    """Put an answer into its node. A node that no longer answers for its role or state is gone."""
    failed = isinstance(answer, Failed)
    match kind:
        case "role":
            node.role = -1 if failed else int(answer)
        case "state":
            node.state = bits_in(answer)
        case "name":
            node.name = "" if failed else str(answer)
        case "description":
            node.description = "" if failed else str(answer)
        case "box":
            node.box = None if failed else box_in(answer)
        case "children":
            node.children = () if failed else refs_in(answer)
        case "text":
            node.text = None if failed or node.role == Role.PASSWORD else str(answer)
        case "number":
            node.number = None if failed else float(answer)
        case "labels":
            node.labelled_by = () if failed else _labels(answer)


def box_in(answer: Any) -> Box | None:
    """Return the place in an answer of GetExtents; None where it is none: toolkits say so by absurd numbers."""
    left, top, width, height = (int(one) for one in answer)
    if left <= -100_000 or top <= -100_000 or width < 0 or height < 0:
        return None
    return Box(left, top, width, height)


def _labels(answer: Any) -> tuple[Ref, ...]:
    return tuple(Ref(*one) for kind, targets in answer if kind == words.LABELLED_BY for one in targets)
