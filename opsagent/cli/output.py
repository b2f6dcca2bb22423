"""The two streams of a command: results on standard output, everything else on standard error. Standard library only."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from opsagent.cli.errors import CliError
from opsagent.views.terminal import Screen, one_line, screen_of


class ReaderGone(Exception):
    """Whoever read the output has closed it (`| head`). No failure."""


class OutputLost(CliError):
    """The output cannot be written: the disk that it goes to is full, say."""


class Out:
    """Where a command writes. With `--json`, standard output carries JSON and nothing else."""

    wrote_json = False
    """A document has gone out (of any instance): an error must not add a second one."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.screen: Screen = Screen() if as_json else screen_of(sys.stdout)
        self.notes: Screen = screen_of(sys.stderr)
        self.closed = False
        """The reader has gone; what is written now is dropped."""

    def document(self, value: Any) -> None:
        """Write the one JSON document of this command."""
        Out.wrote_json = True
        self._write(json.dumps(plain(value), indent=2 if screen_of(sys.stdout).terminal else None))

    def item(self, value: Any) -> None:
        """Write one line of JSON Lines."""
        Out.wrote_json = True
        self._write(json.dumps(plain(value), separators=(", ", ": ")))

    def line(self, text: str = "") -> None:
        """Write one line for people; foreign text in it must be escaped already."""
        self._write(text)

    def lines(self, texts: list[str]) -> None:
        """Write several lines."""
        for text in texts:
            self._write(text)

    def note(self, text: str) -> None:
        """Say something beside the result, on standard error, escaped."""
        try:
            sys.stderr.write(one_line(text) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            pass

    def _write(self, text: str) -> None:
        if self.closed:
            return
        try:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            self.closed = True
            silence_stdout()
        except OSError as error:
            raise OutputLost(f"standard output cannot be written: {error.strerror or error}") from error


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: UTC times in ISO 8601, enums by value, records as objects."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if hasattr(value, "isoformat"):  # a datetime, whose module is not loaded for this question
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        if hasattr(value, "raw"):
            return str(value)
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return str(value)


def silence_stdout() -> None:
    """Let further output, and the interpreter's last flush, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def drop_unwritten() -> None:
    """Forget what could not be written, so that a later flush does not fail of it again; further output is tried anew."""
    number = sys.stdout.fileno()
    kept = os.dup(number)
    try:
        silence_stdout()
        sys.stdout.flush()
    finally:
        os.dup2(kept, number)
        os.close(kept)
