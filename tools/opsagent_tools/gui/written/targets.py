"""How targets of steps are written: `button "Export"`, `text field labelled "Host" in "Network"`, or all of a fingerprint."""

from __future__ import annotations

import re
from typing import Any

from opsagent_tools.gui.model import Anchor, Fingerprint
from opsagent_tools.gui.written.nodes import Value

_QUOTED = r'(?:"(?P<{0}>[^"]*)"|“(?P<{0}2>[^”]*)”)'
_SHORT = re.compile(
    r"(?P<role>[a-z][a-z ]*?)"
    rf"(?:\s+(?P<labelled>labelled\s+)?{_QUOTED.format('name')})"
    rf"(?:\s+in\s+{_QUOTED.format('within')})?"
)
_PLACE = re.compile(r"(\d+) of (\d+)")


def target_of(value: Value) -> Fingerprint:
    """Return the fingerprint that is written down. Raises ProcedureFileError."""
    return _short(value) if value.is_text() else _long(value)


def target_data(one: Fingerprint) -> Any:
    """Return a fingerprint as it is written: in one line where that says all of it."""
    short = _line(one)
    if short is not None:
        return short
    data: dict[str, Any] = {
        key: value
        for key, value in (("role", one.role), ("name", one.name), ("label", one.label), ("within", one.within))
        if value
    }
    if one.anchor:
        data["anchor"] = {"text": one.anchor.text, "dx": one.anchor.dx, "dy": one.anchor.dy}
    if one.neighbours:
        data["neighbours"] = list(one.neighbours)
    if one.place[0]:
        data["place"] = f"{one.place[0]} of {one.place[1]}"
    more = (("looks", one.looks), ("twins", one.twins), ("crop", one.crop), ("text_height", one.text_height))
    return data | {key: value for key, value in more if value}


def _short(value: Value) -> Fingerprint:
    found = _SHORT.fullmatch(value.text().strip())
    if found is None:
        raise value.wrong('must be like: button "Export" · text field labelled "Host" · … in "Network"')
    name = found["name"] if found["name"] is not None else found["name2"] or ""
    within = found["within"] or found["within2"] or ""
    if not name:
        raise value.wrong("the name is empty")
    role = found["role"].strip()
    return (
        Fingerprint(role=role, label=name, within=within)
        if found["labelled"]
        else Fingerprint(role=role, name=name, within=within)
    )


def _long(value: Value) -> Fingerprint:
    about = value.mapping()
    anchor, place = about.get("anchor"), about.get("place")
    neighbours, twins, height = about.get("neighbours"), about.get("twins"), about.get("text_height")
    texts = {
        key: given.text() for key in ("role", "name", "label", "within", "looks", "crop") if (given := about.get(key))
    }
    if "/" in texts.get("crop", "") or texts.get("crop", "").startswith("."):
        raise about.need("crop").wrong("must be the name of a file in the procedure's own folder")
    made = Fingerprint(
        **texts,
        anchor=_anchor(anchor) if anchor is not None else None,
        neighbours=tuple(one.text() for one in neighbours.items()) if neighbours is not None else (),
        place=_place(place) if place is not None else (0, 0),
        twins=twins.whole() if twins is not None else 0,
        text_height=height.number() if height is not None else 0.0,
    )
    about.done()
    if not (made.role or made.name or made.label or made.anchor):
        raise about.wrong("says nothing to know it by: name a role, a name, a label or an anchor")
    return made


def _anchor(value: Value) -> Anchor:
    about = value.mapping()
    made = Anchor(text=about.need("text").text(), dx=about.need("dx").number(), dy=about.need("dy").number())
    about.done()
    return made


def _place(value: Value) -> tuple[int, int]:
    found = _PLACE.fullmatch(value.text())
    if found is None or not 0 < int(found[1]) <= int(found[2]):
        raise value.wrong("must be like: 2 of 5")
    return int(found[1]), int(found[2])


def _line(one: Fingerprint) -> str | None:
    if one != Fingerprint(role=one.role, name=one.name, label=one.label, within=one.within):
        return None
    called = one.name or one.label
    if not one.role or not called or (one.name and one.label) or any('"' in each for each in (called, one.within)):
        return None
    inside = f' in "{one.within}"' if one.within else ""
    line = f'{one.role} {"labelled " if one.label else ""}"{called}"{inside}'
    return line if _SHORT.fullmatch(line) else None
