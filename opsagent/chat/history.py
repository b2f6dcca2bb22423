"""What a person said before, for the arrow keys and Ctrl-R: one private file of the home, secrets masked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import History

from opsagent_tools.redact import redact

_MOST = 2000
"""Texts that are kept; the file is cut to them when it has twice as many."""


class PrivateHistory(History):
    """One JSON string a line, oldest first; 0600. What cannot be written is not kept: a conversation goes on without."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def load_history_strings(self) -> Iterable[str]:
        """Yield the texts, newest first."""
        texts = _read(self._path)
        if len(texts) > 2 * _MOST:
            _rewrite(self._path, texts[-_MOST:])
        return reversed(texts[-_MOST:])

    def append_string(self, string: str) -> None:
        """Keep what was said, as it may be kept."""
        super().append_string(redact(string))

    def store_string(self, string: str) -> None:
        """Write it down."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(self._path, flags, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(json.dumps(string, ensure_ascii=False) + "\n")
        except OSError:
            return


def _read(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="backslashreplace").splitlines()
    except OSError:
        return []
    texts = []
    for line in lines:
        try:
            text = json.loads(line)
        except ValueError:  # a line that a full disk cut short
            continue
        if isinstance(text, str):
            texts.append(text)
    return texts


def _rewrite(path: Path, texts: list[str]) -> None:
    fresh = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(json.dumps(text, ensure_ascii=False) + "\n" for text in texts)
        fresh.replace(path)
    except OSError:
        return
