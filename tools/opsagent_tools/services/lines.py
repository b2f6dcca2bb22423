"""Find the line of a key in TOML text, for error messages. tomllib gives no positions, so this looks for itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"\s*\[{1,2}\s*(?P<route>[^\[\]#]+?)\s*\]{1,2}\s*(?:#.*)?")
_KEY = re.compile(r"""\s*(?P<route>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def find_line(source: str, route: Sequence[str]) -> int | None:
    """Return the 1-based line where `route` (`("services", "api", "port")`) stands, or that of its nearest table.

    None where nothing of it but the first part is found (inline tables inside other tables, say).
    """
    wanted = tuple(route)
    table: tuple[str, ...] = ()
    best: tuple[int, int] | None = None
    for number, line in enumerate(source.splitlines(), start=1):
        header = _HEADER.fullmatch(line)
        if header:
            table = found = _parts(header["route"])
        else:
            key = _KEY.match(line)
            if key is None:
                continue
            found = (*table, *_parts(key["route"]))
        length = len(found)
        if found == wanted[:length] and (best is None or length > best[0]):
            best = (length, number)
    if best is None or (best[0] < 2 and best[0] < len(wanted)):
        return None
    return best[1]


def _parts(route: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(route))
