"""The mark that an engine leaves in the environment of its workers, so that they are known again without it."""

from __future__ import annotations

from pathlib import Path

MARK = "OPSAGENT_UNIT"


def mark_of(pid: int, name: str = MARK) -> str | None:
    """Return the value of the environment variable `name` that `pid` was started with; None if it has none.

    None too where the process is gone or belongs to a user whose environment we may not read. Read only what was
    asked for: environments carry secrets.
    """
    prefix = name.encode() + b"="
    try:
        items = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    found = (item[len(prefix) :] for item in items if item.startswith(prefix))
    value = next(found, None)
    return value.decode("utf-8", "replace") if value is not None else None
