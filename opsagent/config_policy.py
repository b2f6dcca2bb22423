"""Reads `[policy]` of `config.toml` (docs/policy.md): each key by its reader, which says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opsagent.maintenance import BadWindow, Weekly, weekly
from opsagent.quiet import QuietHours
from opsagent_tools.services import fields
from opsagent_tools.services.fields import Wrong

QUIET_KEYS = ("from", "to", "weekdays", "zone")
_QUIET = 'from = "22:00", to = "07:00"'


def values(read: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of a Policy for the keys that were read."""
    found = dict(read)
    if "outside" in found:
        said = found.pop("outside")
        modes = said if isinstance(said, dict) else {"own": said, "machine": said}
        found |= {f"outside_{what}": mode for what, mode in modes.items()}
    if "quiet_hours" in found:
        found["quiet"] = found.pop("quiet_hours")
    return found


def one_mode(value: object) -> object:
    """Return one mode."""
    if isinstance(value, dict):
        raise Wrong("is a table, must be one mode", f"use {', '.join(fields.MODES)}")
    return fields.mode(value)


def _count(value: object) -> int:
    return fields.integer(value, 0, 10_000, "5")


def _at_least_one(value: object) -> int:
    return fields.integer(value, 1, 10_000, "3")


def _seconds(value: object) -> float:
    return fields.seconds(value, "600")


def _part(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"is {fields.name_of_type(value)}, must be a number", "write for example 0.25")
    if not 0 < value <= 1:
        raise Wrong(f"is {value}, must be above 0 and at most 1", "write for example 0.25, a quarter")
    return float(value)


def _globs(value: object) -> tuple[str, ...]:
    found = fields.texts(value, '["/srv/shop/data/**"]')
    for glob in found:
        if not glob.startswith(("/", "**/")):
            raise Wrong(f"{glob!r} is no absolute path", 'write for example "/srv/shop/data/**" or "**/*.key"')
    return tuple(dict.fromkeys(found))


def _commands(value: object) -> tuple[str, ...]:
    found = fields.texts(value, '["certs/renew"]')
    for name in found:
        file, _, remedy = name.partition("/")
        if not file or not remedy or "/" in remedy:
            raise Wrong(f"{name!r} is no remedy of a runbook", 'write FILE/NAME, for example "certs/renew"')
    return tuple(dict.fromkeys(found))


def _outside(value: object) -> object:
    if not isinstance(value, dict):
        return fields.mode(value)
    for key in value:
        if key not in {"own", "machine"}:
            raise Wrong("unknown key", "known keys are own, machine", key)
    return {key: _below(key, mode) for key, mode in value.items()}


def _below(key: str, value: object) -> object:
    try:
        return one_mode(value)
    except Wrong as wrong:
        raise Wrong(wrong.problem, wrong.mend, key) from None


def _quiet_hours(value: object) -> QuietHours:
    table = fields.table(value, f"[policy.quiet_hours] with {_QUIET}")
    for key in table:
        if key not in QUIET_KEYS:
            raise Wrong("unknown key", f"known keys are {', '.join(QUIET_KEYS)}", key)
    for key in ("from", "to"):
        if key not in table:
            raise Wrong(f"has no {key}", f"write for example {_QUIET}")
    begins, ends = (_text(table, key, '"22:00"') for key in ("from", "to"))
    days, zone = _weekdays(table.get("weekdays", "")), _zone(table.get("zone", ""))
    try:
        return QuietHours(_weekly(begins, ends, days, zone))
    except BadWindow as error:
        raise Wrong(str(error), f'write for example {_QUIET}, weekdays = "Mon-Fri"') from None


def _weekly(begins: str, ends: str, days: str, zone: str) -> Weekly:
    return weekly(f"{days} {begins}-{ends}", zone)


def _text(table: Mapping[str, object], key: str, example: str) -> str:
    try:
        return fields.text(table[key], example).strip()
    except Wrong as wrong:
        raise Wrong(wrong.problem, wrong.mend, key) from None


def _weekdays(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(fields.texts(value, '["Mon", "Tue"]'))
    try:
        return fields.text(value, '"Mon-Fri"')
    except Wrong as wrong:
        raise Wrong(wrong.problem, wrong.mend, "weekdays") from None


def _zone(value: object) -> str:
    from opsagent.config_maintenance import zone

    try:
        return zone(value)
    except Wrong as wrong:
        raise Wrong(wrong.problem, wrong.mend, "zone") from None


READERS: Mapping[str, Callable[[object], object]] = {
    "budget_actions": _count,
    "budget_window_s": _seconds,
    "global_budget_actions": _count,
    "induced_budget_actions": _count,
    "induced_global_budget_actions": _count,
    "breaker_failures": _at_least_one,
    "breaker_window_s": _seconds,
    "breaker_trial_s": _seconds,
    "blast_radius": _part,
    "two_person": fields.boolean,
    "outside": _outside,
    "protected_paths": _globs,
    "safe_commands": _commands,
    "quiet_hours": _quiet_hours,
    "trust_min": _at_least_one,
    "digest": fields.boolean,
    "digest_days": _count,
    "release_good_after_s": _seconds,
    "deploy_watch_s": _seconds,
    "canary_s": _seconds,
    "rollback_failed_deploys": fields.boolean,
    "engine_mode": one_mode,
}
"""Key of `[policy]` → its reader; each raises Wrong."""
