"""Checked readers for the single keys of a `[services.NAME]` table. Standard library only.

Each takes the raw value and returns the value of the spec, or raises `Wrong` with the problem and its mend;
who calls knows file, place and line.
"""

from __future__ import annotations

import math
import os.path
import re
import shlex
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import cast, get_args
from urllib.parse import urlsplit

from opsagent_tools.services.dateformat import date_format
from opsagent_tools.services.patterns import Ignored
from opsagent_tools.services.spec import LogType, Mode

MODES: tuple[Mode, ...] = get_args(Mode)
RISKS_WITH_MODE = ("safe", "disruptive", "destructive")
SET_BY_ENGINE = frozenset({"OPSAGENT_UNIT", "OPSAGENT_ENGINE", "OPSAGENT_INSTANCE", "LISTEN_FD"})
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmMgGtT]?)(?:i?[bB])?")
_FACTORS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_NO_ENDING = frozenset({"SIGSTOP", "SIGCONT", "SIGCHLD", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGWINCH", "SIGURG"})
_TOML_NAMES = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    list: "a list",
    dict: "a table",
}


class Wrong(Exception):
    """A value is not what its key wants."""

    def __init__(self, problem: str, mend: str = "", key: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.mend = mend
        self.key = key
        """Key below the one that was read (`interval_s` in `health`)."""


def name_of_type(value: object) -> str:
    """Return what TOML calls the type of `value`."""
    return _TOML_NAMES.get(type(value), type(value).__name__)


def _wrong_type(value: object, wanted: str, example: str) -> Wrong:
    return Wrong(f"is {name_of_type(value)}, must be {wanted}", f"write for example {example}")


def text(value: object, example: str) -> str:
    """Return a string without NUL, in characters that a file or a command line can hold."""
    if not isinstance(value, str):
        raise _wrong_type(value, "a string", example)
    if "\0" in value:
        raise Wrong("contains a NUL character", "remove it")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise Wrong("contains half a character (a lone surrogate)", "remove it")
    return value


def texts(value: object, example: str) -> tuple[str, ...]:
    """Return a list of strings without NUL."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong_type(value, "a list of strings", example)
    return tuple(text(item, example) for item in value)


def boolean(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise _wrong_type(value, "a boolean", "true or false")
    return value


def integer(value: object, low: int, high: int, example: str) -> int:
    """Return an integer within `low`..`high`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(value, "an integer", example)
    if not low <= value <= high:
        raise Wrong(f"is {value}, must be from {low} to {high}", f"write for example {example}")
    return value


def seconds(value: object, example: str, *, zero: bool = False) -> float:
    """Return a finite number of seconds, above zero (or zero where that means something)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(value, "a number of seconds", example)
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise Wrong(f"is {value}, must be {'0 or more' if zero else 'above 0'} seconds", f"write for example {example}")
    return float(value)


def exit_codes(value: object) -> tuple[int, ...]:
    """Return exit codes, from one or from a list."""
    example = "stop_exit_codes = [0]"
    if not isinstance(value, list):
        return (integer(value, 0, 255, example),)
    return tuple(dict.fromkeys(integer(item, 0, 255, example) for item in value))


def variable(value: object) -> str:
    """Return the name of a variable that the engine may set; empty: none."""
    found = text(value, '"NODE_APP_INSTANCE"')
    if found and not _VARIABLE.fullmatch(found):
        raise Wrong(f"{found!r} cannot be the name of a variable", "use letters, digits and _")
    if found in SET_BY_ENGINE:
        raise Wrong(f"{found} is set by the engine", "choose another name")
    return found


def watched(value: object, cwd: Path) -> tuple[Path, ...]:
    """Return what is watched: true is the folder that the service runs in."""
    if isinstance(value, bool):
        return (cwd,) if value else ()
    if not isinstance(value, list):
        raise _wrong_type(value, "true, false or a list of paths", 'watch = ["src"]')
    return tuple(dict.fromkeys(paths(value, cwd)))


def patterns(value: object) -> tuple[str, ...]:
    """Return patterns of `ignore_watch`."""
    found = texts(value, '["logs", "*.tmp"]')
    for pattern in found:
        try:
            Ignored([pattern], Path("/"))
        except ValueError as error:
            raise Wrong(f"{pattern!r} {error}", 'write for example ["logs", "*.tmp"]') from None
    return found


def schedule(value: object) -> str:
    """Return a schedule as written; its zone is checked with it."""
    return text(value, '"0 3 * * *"').strip()


def date_pattern(value: object) -> str:
    """Return a format for dates in logs."""
    found = text(value, '"YYYY-MM-DD HH:mm:ss"')
    try:
        date_format(found)
    except ValueError as error:
        raise Wrong(f"{found!r} {error}", 'write for example "YYYY-MM-DD HH:mm:ss Z"') from None
    return found


def log_type(value: object) -> LogType:
    """Return how lines are written."""
    for known in get_args(LogType):
        if value == known:
            return cast("LogType", known)
    raise Wrong(f"{value!r} is no type of log", 'use "raw" or "json"')


def table(value: object, example: str) -> Mapping[str, object]:
    """Return a table."""
    if not isinstance(value, dict):
        raise _wrong_type(value, "a table", example)
    return value


def command(value: object) -> tuple[str, ...]:
    """Return argv. A string is split like a shell would, but no shell ever runs it."""
    example = 'command = ["python3", "app.py"]'
    if isinstance(value, str):
        try:
            argv = tuple(shlex.split(text(value, example)))
        except ValueError as error:
            raise Wrong(f"cannot be split into words ({error})", "close the quotation, or write a list") from None
    else:
        if not isinstance(value, list):
            raise _wrong_type(value, "a list of strings or a string", example)
        argv = texts(value, example)
    if not argv or not argv[0]:
        raise Wrong("is empty", f"write for example {example}")
    return argv


def environment(value: object) -> dict[str, str]:
    """Return the service's own variables. Integers may be written bare."""
    found: dict[str, str] = {}
    for key, raw in table(value, 'env = { LEVEL = "info" }').items():
        if not key or "=" in key or "\0" in key:
            raise Wrong(f"{key!r} cannot be the name of a variable", "use letters, digits and _", key)
        if key in SET_BY_ENGINE:
            raise Wrong("is set by the engine", "remove it", key)
        if isinstance(raw, bool) or not isinstance(raw, str | int):
            raise Wrong(f"is {name_of_type(raw)}, must be a string", f'write for example {key} = "{raw}"', key)
        found[key] = text(str(raw), "")
    return found


def size(value: object) -> int:
    """Return bytes, from an integer or from text such as 300M (K, M, G, T are powers of 1024)."""
    example = '"300M"'
    if isinstance(value, int) and not isinstance(value, bool):
        return integer(value, 1, 2**60, example)
    if not isinstance(value, str):
        raise _wrong_type(value, "a size", example)
    match = _SIZE.fullmatch(value.strip())
    found = int(float(match[1]) * _FACTORS[match[2].upper()]) if match else 0
    if found < 1:
        raise Wrong(f"{value!r} is no size", f"write for example {example} (K, M, G or T)")
    return found


_ABOUT_LOGS = frozenset({"SIGHUP", "SIGUSR1", "SIGUSR2"})


def stop_signal(value: object) -> str:
    """Return the full name of a signal that can end a process."""
    example = '"SIGTERM"'
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _wrong_type(value, "the name of a signal", example)
    try:
        if isinstance(value, int):
            found = signal.Signals(value).name
        else:
            wanted = value.strip().upper()
            found = signal.Signals[wanted if wanted.startswith("SIG") else f"SIG{wanted}"].name
    except (KeyError, ValueError):
        raise Wrong(f"{value!r} is no signal", f"write for example {example}") from None
    if found in _NO_ENDING:
        raise Wrong(f"{found} does not end a process", f"write for example {example}")
    return found


def log_signal(value: object) -> str:
    """Return the full name of a signal that programs handle as a wish about their logs."""
    example = '"SIGHUP"'
    wanted = value.strip().upper() if isinstance(value, str) else ""
    found = wanted if wanted.startswith("SIG") else f"SIG{wanted}"
    if found not in _ABOUT_LOGS:
        raise Wrong(f"{value!r} is no signal about logs", f"write for example {example} (SIGHUP, SIGUSR1 or SIGUSR2)")
    return found


def path(value: object, base: Path) -> Path:
    """Return an absolute path; relative ones start at `base`, a leading ~ is the home."""
    raw = text(value, '"data/app.log"')
    if not raw:
        raise Wrong("is empty", "write a path, or remove the key")
    try:
        return Path(os.path.normpath(base / Path(raw).expanduser()))
    except RuntimeError as error:
        raise Wrong(str(error).rstrip("."), "write the path in full") from None


def log_path(value: object, base: Path) -> Path:
    """Return the path of a file that the engine writes; of the devices only /dev/null."""
    found = path(value, base)
    if found.is_relative_to("/dev") and str(found) != os.devnull:
        raise Wrong("is a device, and the engine's own output is nobody's", "name a file, or read it by opsagent logs")
    return found


def whole_path(value: object) -> str:
    """Return an absolute path as text."""
    raw = text(value, '"/etc/ssl/own-ca.pem"')
    if not raw.startswith("/"):
        raise Wrong("is no absolute path", "write the path in full")
    return os.path.normpath(raw)


def paths(value: object, base: Path) -> tuple[Path, ...]:
    """Return a list of absolute paths."""
    return tuple(path(item, base) for item in texts(value, '["data/app.log"]'))


def mode(value: object) -> Mode | dict[str, Mode]:
    """Return one mode, or one per risk."""
    if isinstance(value, dict):
        for key in value:
            if key not in RISKS_WITH_MODE:
                raise Wrong("is no risk that has a mode", f"use {', '.join(RISKS_WITH_MODE)}", str(key))
        return {key: _one_mode(raw, key) for key, raw in value.items()}
    return _one_mode(value, "")


def _one_mode(value: object, key: str) -> Mode:
    for known in MODES:
        if value == known:
            return known
    shown = repr(value) if isinstance(value, str) else name_of_type(value)
    raise Wrong(f"{shown} is no mode", f"use {', '.join(MODES)}", key)


def http_url(value: object) -> str:
    """Return an http(s) URL with a host."""
    example = '"http://127.0.0.1:8000/health"'
    raw = text(value, example)
    try:
        parts = urlsplit(raw)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fine = False
    if not fine or any(char.isspace() for char in raw):
        raise Wrong(f"{raw!r} is no http address", f"write for example {example}")
    return raw


def tcp_address(value: object) -> str:
    """Return `host:port`."""
    raw = text(value, '"127.0.0.1:8000"')
    host, _, port = raw.rpartition(":")
    if not host or any(char.isspace() for char in raw) or not port.isdecimal() or not 0 < int(port) < 65536:
        raise Wrong(f"{raw!r} is not host:port", 'write for example "127.0.0.1:8000"')
    return raw
