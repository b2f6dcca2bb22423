"""LangGraph's filters: what a value must hold. Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from langgraph.store.base import MatchCondition

_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def holds(value: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    """Say whether a value passes a filter: each key equal to, or under an operator with, what is wanted."""
    return all(_matches(value.get(key), want) for key, want in (wanted or {}).items())


def _matches(value: Any, want: Any) -> bool:
    if isinstance(want, Mapping):
        if any(key.startswith("$") for key in want):
            return all(_compares(value, name, than) for name, than in want.items())
        return isinstance(value, Mapping) and all(_matches(value.get(key), one) for key, one in want.items())
    if isinstance(want, list | tuple):
        if not isinstance(value, list | tuple) or len(value) != len(want):
            return False
        return all(map(_matches, value, want))
    return bool(value == want)


def _compares(value: Any, name: str, than: Any) -> bool:
    if name == "$eq":
        return bool(value == than)
    if name == "$ne":
        return bool(value != than)
    if name not in _ORDER:
        raise ValueError(f"unknown operator {name}; there are $eq, $ne, $gt, $gte, $lt, $lte")
    try:
        return _ORDER[name](float(value), float(than))
    except (TypeError, ValueError):
        return False  # what has no order lies on no side


def matches(namespace: tuple[str, ...], condition: MatchCondition) -> bool:
    """Say whether a namespace begins or ends as a condition says; `*` stands for any label."""
    path = tuple(condition.path)
    if len(namespace) < len(path):
        return False
    if condition.match_type not in {"prefix", "suffix"}:
        raise ValueError(f"unknown match type {condition.match_type!r}; there are prefix and suffix")
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(want in ("*", label) for label, want in zip(part, path, strict=True))
