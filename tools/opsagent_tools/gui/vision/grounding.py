"""The last rung: a vision model is asked where one element is. What it names counts only where it does not contradict
what is known of that place; a risky step is never done by it alone.
"""

from __future__ import annotations

from opsagent_tools.gui.model import Fingerprint, Located, Look, NotLocated, Rung, Verb
from opsagent_tools.gui.port import Surface
from opsagent_tools.gui.vision.conversation import Broken, VisionModel
from opsagent_tools.gui.vision.pictures import NoPicture, shown_to_model
from opsagent_tools.gui.vision.pursuing import element_at
from opsagent_tools.gui.vision.wanted import Want

_SURE, _TAKEN = 0.6, 0.5


async def ground(fingerprint: Fingerprint, surface: Surface, look: Look, model: VisionModel) -> Located | NotLocated:
    """Ask `model` for the place of a fingerprint's target on a window."""
    if look.blank:
        return NotLocated(reason="blank", why="nothing is drawn on the window yet")
    frame = model.frame(look.window.box)
    try:
        png = await shown_to_model(surface, look, frame)
        reply = await model.begin(_question(fingerprint), png, frame)
    except (Broken, NoPicture) as error:
        return NotLocated(reason="missing", why=str(error))
    clicks = [one for one in reply.wanted if one.want is Want.GESTURE and one.at is not None]
    first = clicks[0] if clicks else None
    if first is None or first.at is None or first.gesture is None or first.gesture.verb is not Verb.CLICK:
        said = reply.said or next((one.said for one in reply.wanted), "")
        return NotLocated(reason="missing", why=f"{model.name} does not find it: {said[:120]}")
    if len({one.at for one in clicks}) > 1:
        return NotLocated(reason="ambiguous", why=f"{model.name} names several places")
    if not look.window.box.holds(first.at):
        return NotLocated(reason="window", why=f"{model.name} names a place outside of the window")
    element = element_at(first.at, look)
    if element is not None and fingerprint.role and element.role not in {fingerprint.role, "text", "label"}:
        why = f"{model.name} names a {element.role} where a {fingerprint.role} is meant"
        return NotLocated(reason="disagreeing", why=why)
    agrees = element is not None and element.role == fingerprint.role
    return Located(
        point=first.at,
        box=element.box if element is not None else look.window.box,
        rung=Rung.VISION,
        element=element,
        score=_SURE if agrees else _TAKEN,
        margin=0.0,
        why=f"{model.name} named the place",
    )


def _question(fingerprint: Fingerprint) -> str:
    near = f", near {', '.join(fingerprint.neighbours[:4])}" if fingerprint.neighbours else ""
    within = f", in {fingerprint.within}" if fingerprint.within else ""
    label = f", labelled “{fingerprint.label}”" if fingerprint.label and fingerprint.label != fingerprint.name else ""
    return (
        f"Click once on this element and do nothing else: {fingerprint.said}{label}{within}{near}. "
        "If it is not there, or if more than one could be meant, do not click: say so."
    )
