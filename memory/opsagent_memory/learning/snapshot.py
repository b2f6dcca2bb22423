"""A learner's state as bytes: versioned, checked, and read without running anything (no pickle).

    magic (16) · version (2) · SHA-256 of what follows (32) · length of the header (4) · header (JSON) · arrays

The header holds what is no array, and for each array its name, type and shape.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"opsagent-learner"
VERSION = 1
"""Goes up with every change of what is kept, or of what it means."""
_TYPES = frozenset({"<f4", "<f8", "<i4", "<i8", "<u8", "|b1"})
_PREFIX = struct.Struct("<16sH32sI")
_Arrays = Mapping[str, NDArray[Any]]


def pack(facts: Mapping[str, Any], arrays: _Arrays) -> bytes:
    """Return facts (JSON) and arrays as bytes."""
    kept = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header = {
        "facts": dict(facts),
        "arrays": [[name, array.dtype.newbyteorder("<").str, list(array.shape)] for name, array in kept.items()],
    }
    head = json.dumps(header).encode()
    body = head + b"".join(array.astype(array.dtype.newbyteorder("<")).tobytes() for array in kept.values())
    return _PREFIX.pack(MAGIC, VERSION, hashlib.sha256(body).digest(), len(head)) + body


def unpack(state: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what `pack` was given.

    Raises:
        ValueError: it is no such state, of another version, or broken.
    """
    if len(state) < _PREFIX.size:
        raise ValueError("not the state of a learner: too short")
    magic, version, digest, length = _PREFIX.unpack_from(state)
    body = state[_PREFIX.size :]
    if magic != MAGIC:
        raise ValueError("not the state of a learner")
    if version != VERSION:
        raise ValueError(f"the state of a learner of version {version}, not {VERSION}")
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("the state of a learner is broken")
    try:
        header = json.loads(body[:length])
        return header["facts"], _arrays(header["arrays"], body[length:])
    except (KeyError, TypeError, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"the state of a learner is broken: {error}") from error


def _arrays(listed: list[list[Any]], data: bytes) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    at = 0
    for name, kind, shape in listed:
        if kind not in _TYPES:
            raise ValueError(f"the state of a learner is broken: no arrays of {kind}")
        size = np.dtype(kind).itemsize * int(np.prod(shape, dtype=np.int64))
        found[name] = np.frombuffer(data[at : at + size], dtype=kind).reshape(shape).copy()
        at += size
    if at != len(data):
        raise ValueError("the state of a learner is broken: it is longer than it says")
    return found
