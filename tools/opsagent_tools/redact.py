"""Masks secrets in text before it is stored, shown or sent; the mask says what it was: `«redacted: aws key»`.

The rules stand in `redact_rules.py`. A text is lowered once and searched for the rules' needles (plain substrings, far
cheaper than their regular expressions), so that a harmless line costs a few microseconds. `redact` is idempotent, and
masks that are there already are never touched. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from opsagent_tools.redact_custom import Redaction
from opsagent_tools.redact_mask import MASK, Rule, mask
from opsagent_tools.redact_personal import CARD, EMAIL
from opsagent_tools.redact_rules import GROUPS, KEY_LINE, KEY_LINE_CHARS, SECRET_NAME, label_of, worth_masking
from opsagent_tools.text import UntrustedText

_NESTED_MAX = 64
_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class _Active:
    """What a person asked for, for this whole process."""

    def __init__(self) -> None:
        self.use(Redaction())

    def use(self, wanted: Redaction) -> None:
        self.wanted = wanted
        self.custom = wanted.rules()
        self.groups = (
            GROUPS
            if wanted.emails
            else tuple((gate, tuple(rule for rule in rules if rule is not EMAIL)) for gate, rules in GROUPS)
        )


_ACTIVE = _Active()


def configure(wanted: Redaction) -> None:
    """Mask what a person asked for from now on, in this whole process. Raises redact_pattern.Unsafe."""
    _ACTIVE.use(wanted)


def redact(text: str) -> str:
    """Return `text` with keys, tokens, passwords, private keys, cookies, e-mail addresses and card numbers masked.

    Where colours stand within a secret, or between it and its name, they go.
    """
    masked = _settled(text)
    if "\x1b" not in masked:
        return masked
    plain = _COLOURS.sub("", masked)
    uncovered = _settled(plain)
    return masked if uncovered == plain else uncovered


def _settled(text: str) -> str:
    while True:
        masked = _once(text)
        if masked == text:
            return text
        text = masked  # Taking one secret away may uncover another. Every round masks characters, so this ends.


def redact_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables with the values of secret-sounding names masked, and secrets in the others."""
    return {name: _field(name, value) for name, value in env.items()}


def redact_data(data: Any) -> Any:
    """Return JSON-like data with every string in it redacted, and every text under a secret-sounding key masked.

    Mappings become dicts; lists, tuples and sets keep their kind, UntrustedText stays UntrustedText.
    """
    return _data(data, "", 0)


def secret_name(name: str) -> str | None:
    """Return what a field of this name holds (`password`, `token` …) if the name sounds like a secret, else None."""
    custom = _ACTIVE.wanted.label_of(name)
    if custom is not None:
        return custom
    found = SECRET_NAME.search(name)
    return label_of(found["key"]) if found and name.lower() not in {"pwd", "oldpwd"} else None


def _once(text: str) -> str:
    low = text.lower()
    for gate, rules in _ACTIVE.groups:
        if gate in low:
            for rule in rules:
                for needle in rule.needles:
                    if needle in low:
                        text = _apply(rule, text)
                        break
    for rule in _ACTIVE.custom:
        if any(needle in low for needle in rule.needles):
            text = _apply(rule, text)
    if len(text) >= KEY_LINE_CHARS:
        text = _apply(KEY_LINE, text)
    return _apply(CARD, text) if _ACTIVE.wanted.cards and CARD.pattern.search(text) else text


def _apply(rule: Rule, text: str) -> str:
    if "«" not in text:
        return rule.pattern.sub(rule.masked, text)
    # MASK has one group, so every other piece is a mask that is there already.
    pieces = MASK.split(text)
    pieces[::2] = [rule.pattern.sub(rule.masked, piece) for piece in pieces[::2]]
    return "".join(pieces)


def _field(name: str, value: str) -> str:
    label = secret_name(name)
    if label is None or not worth_masking(value) or (label == "token" and value.isdigit()):
        return redact(value)
    return value if MASK.fullmatch(value) else mask(label)


def _data(data: Any, name: str, depth: int) -> Any:
    if isinstance(data, str):
        masked = _field(name, data) if name else redact(data)
        return data if masked == data else masked  # an unchanged StrEnum stays what it is
    if isinstance(data, UntrustedText):
        return UntrustedText(_data(data.raw, name, depth))
    if isinstance(data, int) and not isinstance(data, bool):
        label = secret_name(name) if name else None
        hidden = label == "password" or (label is not None and _ACTIVE.wanted.label_of(name) is not None)
        return mask(label) if label is not None and hidden else data
    if depth > _NESTED_MAX:
        return mask("nested too deeply")
    if isinstance(data, Mapping):
        return _mapping(data, name, depth)
    if isinstance(data, list | tuple | AbstractSet):
        kind: Any = type(data) if type(data) in {list, tuple, set, frozenset} else list
        return kind(_data(item, name, depth + 1) for item in data)
    return data


def _mapping(data: Mapping[Any, Any], name: str, depth: int) -> dict[Any, Any]:
    cleaned: dict[Any, Any] = {}
    inherited = name if name and secret_name(name) else ""
    for key, value in data.items():
        shown = redact(key) if isinstance(key, str) else key
        while shown in cleaned:  # two keys that differed only in what was masked
            shown = f"{shown} (another)"
        own = key if isinstance(key, str) and (secret_name(key) or not inherited) else inherited
        cleaned[shown] = _data(value, own, depth + 1)
    return cleaned
