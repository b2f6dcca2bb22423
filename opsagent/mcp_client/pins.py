"""What each foreign tool said of itself when it was first used. One that says something else is not used until a person looks.

PinsUnreadable
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FILE = "pins.json"


class PinsUnreadable(Exception):
    """What was said first is not known any more. One line."""


def digest_of(tool: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a tool says of itself: name, description, arguments, whether it only reads."""
    said = {key: tool.get(key) for key in ("name", "description", "schema", "reads")}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


class Pins:
    """The digests, in a file of the home (0600)."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._known: dict[str, dict[str, str]] = _load(self._path)

    def holds(self, server: str, tool: Mapping[str, Any]) -> bool:
        """Tell whether a tool is what it was; one that was never seen is kept as it is now."""
        of_server = self._known.setdefault(server, {})
        digest = digest_of(tool)
        known = of_server.get(str(tool["name"]))
        if known is None:
            of_server[str(tool["name"])] = digest
            self._save()
        return known in {None, digest}

    def accept(self, server: str, tools: list[Mapping[str, Any]]) -> None:
        """Keep how these tools are now: a person has looked."""
        self._known[server] = {str(tool["name"]): digest_of(tool) for tool in tools}
        self._save()

    def _save(self) -> None:
        self._path.parent.mkdir(0o700, exist_ok=True)
        fresh = self._path.with_name(f".{_FILE}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(self._known, file, indent=1, sort_keys=True)
        fresh.replace(self._path)


def _load(path: Path) -> dict[str, dict[str, str]]:
    """Return what is kept. A file that cannot be read is no reason to trust anybody: PinsUnreadable."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise PinsUnreadable(f"{path}: cannot be read") from error
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise PinsUnreadable(f"{path}: is not what opsagent wrote there: look, and remove it")
    return {str(server): {str(k): str(v) for k, v in tools.items()} for server, tools in found.items()}
