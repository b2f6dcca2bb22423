"""What was typed, and what of it may be kept: nothing of a secret field, nothing that may have gone into one. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import replace

from opsagent_tools.gui.matching.roles import FIELDS, SECRET
from opsagent_tools.gui.model import Element, Fingerprint, Gesture, Verb
from opsagent_tools.gui.recording.eyes import Seen
from opsagent_tools.gui.secret_words import asks_for_secret

_BULLETS = frozenset("•●∙*⚫")


def settled(gesture: Gesture, seen: Seen | None, now: Element | None, *, moved: bool = False) -> Gesture:
    """Return a TYPE with the value that its field holds by now, or without any where it must not, or cannot, be known.

    Args:
        gesture: as it was heard.
        seen: the field that had the focus when it began.
        now: the field afterwards; None: it is gone.
        moved: the focus went elsewhere while it was typed.
    """
    nothing = replace(gesture, text="")
    if gesture.verb is not Verb.TYPE or seen is None:
        return nothing if gesture.verb is Verb.TYPE else gesture
    if is_secret(seen.element) or (now is not None and is_secret(now)):
        return replace(nothing, secret=slug(seen.element.label or seen.element.name) or "password")
    if now is not None and now.value is not None:
        return replace(gesture, text=now.value, replace=True)
    if moved or any(is_secret(one) for one in seen.look.elements):
        return nothing
    return replace(gesture, text=composed(gesture.text), replace=seen.element.value in ("", None))


def is_secret(element: Element) -> bool:
    """Tell whether what is typed there must never be kept: it hides its text, or its name says so."""
    if element.role in SECRET or "secret" in element.states:
        return True
    value = element.value or ""
    if value and set(value) <= _BULLETS:
        return True
    return element.role in FIELDS and asks_for_secret(element.label, element.name)


def composed(text: str) -> str:
    """Return a text whose accents came from dead keys, before their letters, as it is read."""
    made: list[str] = []
    accents = ""
    for char in text:
        if unicodedata.combining(char):
            accents += char
        elif accents:
            made.append(_SPACING.get(accents, "") if char == " " else unicodedata.normalize("NFC", char + accents))
            accents = ""
        else:
            made.append(char)
    return "".join(made)


_SPACING = {"\u0300": "`", "\u0301": "´", "\u0302": "^", "\u0303": "~", "\u0308": "¨", "\u0327": "¸", "\u030a": "°"}


def without_typed(fingerprint: Fingerprint, typed: Collection[str]) -> Fingerprint:
    """Return a fingerprint without what people typed: a picture does not always tell a value from a label."""
    values = {text.casefold().strip() for text in typed}

    def is_value(text: str) -> bool:
        return text.casefold().strip() in values or (bool(text) and set(text) <= _BULLETS)

    return replace(
        fingerprint,
        label="" if is_value(fingerprint.label) else fingerprint.label,
        anchor=None if fingerprint.anchor is not None and is_value(fingerprint.anchor.text) else fingerprint.anchor,
        neighbours=tuple(one for one in fingerprint.neighbours if not is_value(one)),
    )


def literal(text: str) -> str:
    """Return a text that is typed as it stands, whatever braces are in it."""
    return text.replace("{", "{{").replace("}", "}}")


def slug(text: str) -> str:
    """Return a name for a parameter of what a field is called: letters of ASCII, digits, `_`; empty where nothing is left."""
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40]
    return f"_{name}" if name[:1].isdigit() else name
