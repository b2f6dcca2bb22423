"""What both ends of the local API share: frames and the version.

One frame is one line of JSON. A request is `{"v", "id", "method", "params"}`; the answer `{"v", "id", "result"}`, or
`{"v", "id", "error": {"code", "message"}}`, or for streams some `{"v", "id", "item"}` and one `{"v", "id", "end": true}`.
"""

from __future__ import annotations

import json
from typing import Any

PROTOCOL = 1
REQUEST_MAX = 1024 * 1024
"""Bytes of one request line."""
ANSWER_MAX = 32 * 1024 * 1024
"""Bytes of one answer line."""


class BadFrame(ValueError):
    """A line that is no frame."""


def encode(frame: dict[str, Any]) -> bytes:
    """Return the line of a frame; values of the model are taken apart. Raises TypeError for other things."""
    # ASCII only: half characters from somebody's log survive as escapes.
    return json.dumps(frame, default=_plain, separators=(",", ":")).encode() + b"\n"


def _plain(value: object) -> object:
    from opsagent.store.codec import to_plain  # most calls carry nothing that needs it

    return to_plain(value)


def decode(line: bytes) -> dict[str, Any]:
    """Return the frame of a line. Raises BadFrame."""
    try:
        frame = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadFrame("no JSON") from error
    if not isinstance(frame, dict):
        raise BadFrame("no JSON object")
    return frame
