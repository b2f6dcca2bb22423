"""What a person adds to the masking of secrets, or takes away from it: `[redact]` in `config.toml`.

Secrets that are told by their shape or by the name before them are always masked; only e-mail addresses and card
numbers can be left as they are. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from opsagent_tools.redact_mask import Rule, mask
from opsagent_tools.redact_pattern import safe
from opsagent_tools.redact_rules import named_rule

LABEL = re.compile(r"[a-z0-9][a-z0-9 -]{0,38}[a-z0-9]|[a-z0-9]")
"""How what was masked may be called."""
FIELD = re.compile(r"[A-Za-z_][\w.-]{0,60}")
_BEGIN = re.compile(r"(?:\(\?i\))?(?:\\b)?(?P<text>[A-Za-z0-9@#:/=_-]{2,})(?![?*{])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """What is masked beside the secrets that always are."""

    emails: bool = True
    """False: e-mail addresses stay."""
    cards: bool = True
    """False: card numbers stay."""
    patterns: tuple[tuple[str, str], ...] = ()
    """Label and regular expression of what else is masked. Raises redact_pattern.Unsafe when it is used."""
    fields: tuple[str, ...] = ()
    """Names of fields whose values are masked, in text (`iban=…`, `"iban": "…"`) and in data."""

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule for each pattern, and one for all fields."""
        found = [Rule((_needle(pattern),), safe(pattern), _whole(label)) for label, pattern in self.patterns]
        return (*((named_rule(self.fields, field_label),) if self.fields else ()), *found)

    def label_of(self, name: str) -> str | None:
        """Return how the value of a field is called if it is one of `fields`."""
        low = name.lower()
        return next((field_label(field) for field in self.fields if field.lower() == low), None)


def field_label(name: str) -> str:
    """Return what stands in the mask for a field of this name."""
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()[:40] or "field"


def _whole(label: str) -> Callable[[re.Match[str]], str]:
    return lambda _: mask(label)


def _needle(pattern: str) -> str:
    """Return a lower-case text that whatever matches contains; empty where none is sure."""
    begin = _BEGIN.match(pattern)
    return begin["text"].lower() if begin is not None and "|" not in pattern else ""
