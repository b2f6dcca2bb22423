"""The durable part of one log line by itself: what stays the same when the same thing happens again, elsewhere, later.

Stateless: it depends on nothing but that line. The masks are those of the miner (`masking.py`), which also knows what
only many lines show.
"""

from __future__ import annotations

from opsagent_tools.logs.masking import mask, outline, settle
from opsagent_tools.logs.reading import LineReader

_LIMIT = 200


def signature(line: str) -> str:
    """Return the signature of a line: header stripped, every value masked, at most 200 characters."""
    event = LineReader().read(line.encode("utf-8", "surrogatepass"))
    return template_of(event.message)[:_LIMIT]


def template_of(message: str) -> str:
    """Return a message with every value masked. Not redacted."""
    return settle(mask(outline(message)))
