"""Which incidents are the same thing again: one unit, one kind of fault, one cause. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from opsagent.model import Fault
from opsagent.replay.words import Found, Recurring, Seen

_STEADY = 0.25
"""Gaps that differ by less than this share of the usual one are regular …"""
_STEADY_SHARE = 0.75
"""… if so many of them do."""
_LEAST = 3
"""Fewer gaps than this show no rhythm."""


def kind_of(fault: Fault) -> Fault:
    """Return the fault that stands for it: an app that dies once and one that dies again and again die of the same."""
    return Fault.CRASH if fault is Fault.CRASH_LOOP else fault


def recurring(incidents: Sequence[Found]) -> list[Recurring]:
    """Return what came more than once, the most frequent first."""
    groups: dict[tuple[str, str, str], list[Found]] = {}
    for one in incidents:
        key = one.cause.key if one.cause is not None else one.how
        groups.setdefault((str(one.unit), kind_of(one.fault).value, key), []).append(one)
    found = [_together(group) for group in groups.values() if len(group) > 1]
    return sorted(found, key=lambda one: (-one.count, -one.last_at, str(one.unit), one.key))


def merged(
    signatures: Iterable[Seen], resolve: Callable[[str], str], template: Callable[[str], str]
) -> tuple[Seen, ...]:
    """Return the signatures as they are known at the end: templates that were found to be one are one."""
    found: dict[str, Seen] = {}
    for seen in signatures:
        key = resolve(seen.key)
        if key in found:
            found[key].count += seen.count
        else:
            found[key] = replace(seen, key=key, template=template(key) or seen.template)
    return tuple(found.values())


def _together(group: Sequence[Found]) -> Recurring:
    newest = group[-1]
    worst = max(group, key=lambda one: (one.fault is Fault.CRASH_LOOP, one.began_at))
    cause = newest.cause
    return Recurring(
        fault=worst.fault,
        unit=newest.unit,
        summary=newest.summary,
        signature=cause.template if cause is not None else "",
        key=cause.key if cause is not None else "",
        count=len(group),
        first_at=group[0].began_at,
        last_at=newest.began_at,
        every_s=rhythm([one.began_at for one in group]),
        total_s=sum(max(0.0, (one.ended_at or one.began_at) - one.began_at) for one in group),
        incidents=tuple(one.id for one in group),
    )


def rhythm(times: Sequence[float]) -> float | None:
    """Return the interval at which these times come; None where they show none."""
    gaps = [after - before for before, after in pairwise(times)]
    if len(gaps) < _LEAST:
        return None
    usual = median(gaps)
    steady = sum(abs(gap - usual) <= _STEADY * usual for gap in gaps)
    return usual if usual > 0 and steady >= _STEADY_SHARE * len(gaps) else None
