"""What the clauses of one text have to do with each other: what is forbidden, shared, or done at one time. Pure."""

from __future__ import annotations

from dataclasses import replace

from opsagent.commands.clauses import Doubt, Why
from opsagent.commands.frames import ONES, Call
from opsagent.commands.tags import Role

NEED_UNITS = ONES | {"scale", "hold", "kill", "touch"}
LOOK_AT_UNITS = frozenset({"tail_logs", "search_logs", "describe_process"})


def ruled(calls: list[Call], doubts: list[Doubt]) -> list[Call]:
    """Settle what clauses have to do with each other: what is forbidden, who is shared, when all of it is done."""
    if calls and calls[-1].goes_on:
        doubts.append(Doubt(Why.MIXED, calls[-1].tool))
    calls = _shared(calls)
    touched = [replace(call, forbidden=call.forbidden or call.leaves) for call in calls] if len(calls) > 1 else calls
    wanted = [call for call in touched if not call.forbidden]
    forbidden = [call for call in touched if call.forbidden]
    if forbidden and any(call.changes for call in wanted):
        after = wanted[0].join if touched[0].forbidden else ""
        plain = after in {"instead", "but", "."} or (after == "," and _is_same(forbidden, wanted))
        others = [call for call in forbidden if not _spares_others(call, wanted)]
        if others and (not plain or any(call.join == "instead" for call in others)):
            doubts.append(Doubt(Why.MIXED, forbidden[0].tool))
    if forbidden and not wanted:
        doubts.append(Doubt(Why.FORBIDS, forbidden[0].tool))
    touched = [_except_these(call, forbidden) for call in touched]
    if any(call.asks for call in wanted) and any(call.changes for call in wanted):
        doubts.append(Doubt(Why.ASKS))
    return _timed(touched, doubts)


def _spares_others(call: Call, wanted: list[Call]) -> bool:
    """`restart api, but don't touch worker`: what is left alone is named, and is nobody that anything is done to."""
    plain = [tag for one in (call, *wanted) if one.changes for tag in one.targets]
    named = all(one.targets for one in wanted if one.changes) and bool(call.targets)
    apart = not {tag.value for tag in call.targets} & {tag.value for one in wanted for tag in one.targets}
    return call.leaves and named and apart and all(tag.role is Role.UNIT and not tag.form for tag in plain)


def _except_these(call: Call, forbidden: list[Call]) -> Call:
    """`restart everything, but don't touch api`: all of them but those."""
    every = [tag.role for tag in call.targets] == [Role.ALL]
    spared = tuple(tag for one in forbidden if one.leaves for tag in one.targets if tag.role is Role.UNIT)
    return replace(call, left_out=(*call.left_out, *spared)) if every and call.changes and not call.forbidden else call


def _is_same(forbidden: list[Call], wanted: list[Call]) -> bool:
    """`don't stop api, restart it`: one thing instead of the other, of the same unit."""
    if len(forbidden) != 1 or len(wanted) != 1 or wanted[0].join != ",":
        return False
    named = {tag.value for tag in wanted[0].targets if tag.role is not Role.PRONOUN}
    return bool(wanted[0].targets) and named <= {tag.value for tag in forbidden[0].targets}


def _shared(calls: list[Call]) -> list[Call]:
    """`stop and start api`: verbs that stand together share who is meant."""
    for at in range(len(calls) - 2, -1, -1):
        one, other = calls[at], calls[at + 1]
        alike = one.changes == other.changes
        if (
            not one.targets
            and other.targets
            and alike
            and other.join in {"and", ",", "then"}
            and one.tool in NEED_UNITS | LOOK_AT_UNITS
        ):
            calls[at] = replace(one, targets=other.targets)
    return calls


def _starts_later(changes: list[Call]) -> bool:
    """`stop api, and start it again in 10 minutes`: the time can be meant of one of them only."""
    if [call.tool for call in changes] != ["stop", "start"] or "if" in changes[0].args or "if" in changes[1].args:
        return False
    one, other = changes
    same = [tag.role for tag in other.targets] == [Role.PRONOUN] or [tag.value for tag in one.targets] == [
        tag.value for tag in other.targets
    ]
    return same and "at" not in one.args and str(other.args.get("at", "")).startswith("in ")


def _timed(calls: list[Call], doubts: list[Doubt]) -> list[Call]:
    """A time or a condition of one of several changes may be meant for all of them."""
    changes = [call for call in calls if call.changes and not call.forbidden]
    for key in ("at", "if"):
        with_it = [call for call in changes if key in call.args]
        if with_it and len(with_it) < len(changes) and not _starts_later(changes):
            doubts.append(Doubt(Why.WHEN, str(with_it[0].args[key])))
            calls = [
                replace(call, args={**call.args, key: with_it[0].args[key]})
                if call.changes and key not in call.args
                else call
                for call in calls
            ]
    return calls
