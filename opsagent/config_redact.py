"""Reads the keys of `[redact]` in `config.toml` (docs/config.md): one reader each, as in `services.fields`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opsagent_tools.redact_custom import FIELD, LABEL
from opsagent_tools.redact_pattern import Unsafe, safe
from opsagent_tools.services import fields
from opsagent_tools.services.fields import Wrong

_EXAMPLE = 'patterns = [{ label = "customer number", pattern = "CUST-\\\\d{8}" }]'
_MOST = 50


def _patterns(value: object) -> object:
    if not isinstance(value, list):
        raise Wrong(f"is {fields.name_of_type(value)}, must be a list of tables", f"write {_EXAMPLE}")
    if len(value) > _MOST:
        raise Wrong(f"has more than {_MOST} patterns", "join some of them with |")
    return tuple(_pattern(one) for one in value)


def _pattern(one: object) -> tuple[str, str]:
    table = fields.table(one, _EXAMPLE)
    for key in table:
        if key not in {"label", "pattern"}:
            raise Wrong("unknown key", "known keys are label, pattern", key)
    label, pattern = (fields.text(table.get(key, ""), _EXAMPLE) for key in ("label", "pattern"))
    if not LABEL.fullmatch(label):
        raise Wrong(f"label {label!r} is not up to 40 of a-z, 0-9, space and -", f"write {_EXAMPLE}", "label")
    try:
        safe(pattern)
    except Unsafe as unsafe:
        raise Wrong(f"pattern {pattern!r} {unsafe}", "see docs/config.md for what it may have", "pattern") from None
    return label, pattern


def _fields(value: object) -> object:
    found = fields.texts(value, '["iban", "customer_id"]')
    for name in found:
        if not FIELD.fullmatch(name):
            raise Wrong(f"names {name!r}, which is no name of a field", 'write for example ["iban", "customer_id"]')
    if len(found) > _MOST:
        raise Wrong(f"has more than {_MOST} names", "write those that matter")
    return found


READERS: Mapping[str, Callable[[object], object]] = {
    "emails": fields.boolean,
    "cards": fields.boolean,
    "patterns": _patterns,
    "fields": _fields,
}
