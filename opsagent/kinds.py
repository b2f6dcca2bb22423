"""Which kind each supervisor of this machine got, kept in the home: ids must mean the same tomorrow. Light."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

_FILE = "supervisors.json"


def load(home: Path) -> dict[str, str]:
    """Return kind by `Found.key`; empty where nothing was kept, or what was cannot be read."""
    try:
        kept = json.loads((home / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        _warn("%s cannot be read: %s", home / _FILE, error)
        return {}
    if not isinstance(kept, dict):
        return {}
    return {key: kind for key, kind in kept.items() if isinstance(kind, str)}


def save(home: Path, kinds: Mapping[str, str]) -> None:
    """Keep these beside those that are kept already. Only the owner of the home may call it."""
    together = {**load(home), **kinds}
    beside = home / f".{_FILE}.{os.getpid()}"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            json.dump(together, file, indent=1, sort_keys=True)
        beside.replace(home / _FILE)
    except OSError as error:  # a full disk: they are given again in the same order
        _warn("%s cannot be written: %s", home / _FILE, error)
        with contextlib.suppress(OSError):
            beside.unlink()


def _warn(text: str, *values: object) -> None:
    import logging  # `opsagent ps` comes along here, and does without

    logging.getLogger(__name__).warning(text, *values)
