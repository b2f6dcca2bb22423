"""Which versions were accepted, in one small file: what runbooks plan by, without asking the memory.

The memory decides: whoever plays a procedure looks it up there, and refuses what is not the same. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsagent.screens.names import FOLDER

if TYPE_CHECKING:
    from opsagent.screens.shelf import Row

FILE = "accepted.json"


def accepted_file(home: Path) -> Path:
    """Return where it is."""
    return home / FOLDER / FILE


def read_accepted(home: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return what is accepted by name: `version`, `digest`, `risky` (in words), `parameters`; nothing where there is no file."""
    try:
        found = json.loads(accepted_file(home).read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(name): one for name, one in found.items() if isinstance(one, dict)} if isinstance(found, dict) else {}


def write_accepted(home: Path, rows: Iterable[Row]) -> None:
    """Write down what is accepted now. Raises OSError."""
    from opsagent.screens import files
    from opsagent.screens.risky import in_words

    found = {}
    for row in rows:
        kept = row.accepted
        if kept is not None:
            found[row.name] = {
                "version": kept.version,
                "digest": kept.digest,
                "risky": in_words(kept.procedure),
                "parameters": {
                    one.name: {"pattern": one.pattern, "default": one.default, "secret": one.secret}
                    for one in kept.procedure.parameters
                },
            }
    files.write_json(accepted_file(home), found)
