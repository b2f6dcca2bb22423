"""The values of `opsagent/model.py` as JSON-like data, and back. What comes back equals what went in.

The local API uses the same forms. Imports msgspec, nothing heavier.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from opsagent.model import Incident, Signal

SYMPTOMS_FIRST = 5
SYMPTOMS_LAST = 35
TEXT_MAX = 2000
"""Characters of one untrusted text that are kept."""

T = TypeVar("T")


def to_plain(value: object) -> Any:
    """Return dicts, lists and scalars that JSON can carry. Raises TypeError for what the model does not know."""
    return _finite(msgspec.to_builtins(value, enc_hook=_encode))


def from_plain(data: Any, kind: type[T]) -> T:
    """Return the value that `to_plain` took apart. Raises ValueError (msgspec.ValidationError) for anything else."""
    return msgspec.convert(data, kind, dec_hook=_decode)


def bounded(incident: Incident) -> Incident:
    """Return the incident with its first and its latest symptoms, each with a text of bearable length."""
    symptoms = incident.symptoms
    if len(symptoms) > SYMPTOMS_FIRST + SYMPTOMS_LAST:
        symptoms = (*symptoms[:SYMPTOMS_FIRST], *symptoms[-SYMPTOMS_LAST:])
    return replace(incident, symptoms=tuple(map(_short, symptoms)))


def utc(moment: datetime) -> datetime:
    """Return an aware time in UTC. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {moment}")
    return moment.astimezone(UTC)


def _short(signal: Signal) -> Signal:
    return signal if signal.text is None else replace(signal, text=signal.text.truncated(TEXT_MAX))


def _encode(value: object) -> object:
    if isinstance(value, MappingProxyType):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"cannot be stored: {type(value).__name__}")


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"cannot be read back: {kind.__name__}")


def _finite(data: Any) -> Any:
    """JSON has no infinity: such a number becomes text rather than an unreadable row."""
    if isinstance(data, float) and not math.isfinite(data):
        return str(data)
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_finite(item) for item in data]
    return data


@cache
def tuple_of(kind: type[T]) -> type[tuple[T, ...]]:
    """Return the type `tuple[kind, ...]`, for `from_plain`."""
    return tuple[kind, ...]  # type: ignore[valid-type]
