"""Phrases that several texts share: what something cost, who says so, what became of a plan. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsagent.telling.account import moment_of
from opsagent.telling.words import Words


def cost(total: Mapping[str, float], words: Words) -> str:
    """Return `14 restarts, 3,100 failed requests, 42 min without service`; `-` where nothing was counted."""
    return ", ".join(_costs(total, words)) or "-"


def _costs(total: Mapping[str, float], words: Words) -> Iterator[str]:
    for key, word in (
        ("restarts", "restart"),
        ("failed_requests", "failed_request"),
        ("failed_probes", "failed_probe"),
        ("errors", "error_line"),
    ):
        if total.get(key):
            yield words.count(word, round(total[key]))
    if total.get("down_s"):
        yield words("down_for", time=words.duration(total["down_s"]))


def status(account: Mapping[str, Any], words: Words) -> str:
    """Return the state of an incident, with who looks after it."""
    parts = [words(f"status.{account['status']}")]
    acked, snoozed = account.get("acked"), account.get("snoozed")
    if acked:
        parts.append(words("status.acked", by=acked["by"]))
    if snoozed:
        until = moment_of(snoozed["until"])
        parts.append(
            words("status.snoozed", by=snoozed["by"], until=words.short(until))
            if until is not None
            else words("status.snoozed_open", by=snoozed["by"])
        )
    return ", ".join(parts)


def fault_of(account: Mapping[str, Any], words: Words) -> str:
    """Return what the trouble is called."""
    return words.fault(str(account["fault"]))


def named(units: object) -> str:
    """Return the names of units by their ids."""
    from opsagent.naming import name_in

    return ", ".join(name_in(str(unit)) for unit in units) if isinstance(units, (list, tuple)) else ""
