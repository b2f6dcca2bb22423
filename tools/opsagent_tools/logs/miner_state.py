"""A template as it is kept over a restart: plain values, nothing of any message but the redacted template."""

from __future__ import annotations

from typing import Any

from opsagent_tools.logs.masking import untyped
from opsagent_tools.logs.miner_book import ALIASES, Group

_LONGEST = 4000


def kept(group: Group) -> dict[str, Any]:
    """Return a template as plain values, without what is empty."""
    one: dict[str, Any] = {"template": group.signature.template, "count": group.count}
    if group.aliases:
        one["aliases"] = list(group.aliases)
    if group.places:
        one["places"] = list(group.places)
    return one


def taken_up(one: Any) -> Group | None:
    """Return the template that was kept; None where it cannot be read."""
    if not isinstance(one, dict) or not isinstance(one.get("template"), str) or len(one["template"]) > _LONGEST:
        return None
    group = Group(tuple(untyped(one["template"]).split(" ")), one["template"])
    count, aliases = one.get("count"), one.get("aliases", ())
    group.count = count if isinstance(count, int) and count > 0 else 0
    group.aliases = (
        {key: None for key in aliases[:ALIASES] if isinstance(key, str)} if isinstance(aliases, list) else {}
    )
    group.places = _places(group, one.get("places", []))
    return group


def _places(group: Group, given: Any) -> tuple[int, ...]:
    if not isinstance(given, list):
        return ()
    return tuple(sorted({at for at in given if isinstance(at, int) and 0 <= at < len(group.tokens)}))
