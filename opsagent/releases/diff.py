"""A unified diff for people: secrets masked before anything is compared, bounded, safe for a terminal."""

from __future__ import annotations

import difflib

from opsagent_tools.redact import redact
from opsagent_tools.text import escape_for_terminal

_LINES_LIMIT = 3000
"""Lines of a file that are compared; the effort grows with their square."""
_SHOWN_LIMIT = 60
"""Lines of one file's diff that are shown."""
_WIDTH_LIMIT = 240


def unified(name: str, now: bytes, then: bytes) -> str:
    """Return the diff that leads from `now` to `then`; a line that says why where it cannot be shown."""
    if b"\0" in now or b"\0" in then:
        return f"{name}: not text, {len(now)} bytes now, {len(then)} then"
    here, there = (_lines(content) for content in (now, then))
    if max(len(here), len(there)) > _LINES_LIMIT:
        return f"{name}: {len(here)} lines now, {len(there)} then; too long to show"
    found = list(difflib.unified_diff(here, there, f"{name} (now)", f"{name} (then)", n=2, lineterm=""))
    if not found:
        return f"{name}: only what is masked differs"
    shown = found[:_SHOWN_LIMIT]
    if len(found) > len(shown):
        shown.append(f"… and {len(found) - len(shown)} lines more")
    return "\n".join(line[:_WIDTH_LIMIT] for line in shown)


def _lines(content: bytes) -> list[str]:
    text = redact(content.decode("utf-8", "replace"))
    return [escape_for_terminal(line) for line in text.splitlines()]
