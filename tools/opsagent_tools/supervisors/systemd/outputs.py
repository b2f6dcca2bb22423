"""Where a unit's output goes: to files (`StandardOutput=append:/path`), or to the journal.

Over D-Bus systemd says only that it is a file. Which one stands in the unit file; where that uses specifiers that we do
not know, the kernel says what the running process has open.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from opsagent_tools.supervisors.systemd import reading

_KINDS = ("append:", "file:", "truncate:")
_SETTING = re.compile(r"(?P<name>StandardOutput|StandardError)\s*=\s*(?P<value>.*)")
_SPECIFIER = re.compile(r"%(.)")
_UNIT_FILE_MAX = 1024 * 1024


def log_files(properties: reading.Properties) -> tuple[Path, ...]:
    """Return the files that it writes its output and its errors to, in order."""
    found = [_file(properties, name, descriptor) for descriptor, name in ((1, "StandardOutput"), (2, "StandardError"))]
    return tuple(dict.fromkeys(path for path in found if path is not None))


def uses_journal(properties: reading.Properties) -> bool:
    """Tell whether its output, or its errors, can be read in the journal."""
    out, errors = (str(properties.get(name, "")) for name in ("StandardOutput", "StandardError"))
    return out.startswith("journal") or out in {"", "inherit"} or errors.startswith("journal")


def _file(properties: reading.Properties, name: str, descriptor: int) -> Path | None:
    said = str(properties.get(name, ""))
    if f"{said.partition(':')[0]}:" not in _KINDS:
        return None
    if ":" not in said:
        said = _settings(properties).get(name, "")
    path = _expand(said.partition(":")[2], properties)
    if path is None or not path.startswith("/"):
        return _opened(reading.pid_of(properties), descriptor)
    return Path(path)


def _settings(properties: reading.Properties) -> Mapping[str, str]:
    files = [str(properties.get("FragmentPath", "")), *(str(one) for one in properties.get("DropInPaths") or ())]
    found: dict[str, str] = {}
    for path in filter(None, files):
        try:
            info = Path(path).stat()
        except OSError:
            continue
        if info.st_size <= _UNIT_FILE_MAX:
            found.update(_read(path, info.st_mtime_ns))
    return found


@lru_cache(maxsize=1024)
def _read(path: str, _changed_ns: int) -> Mapping[str, str]:
    try:
        lines = Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return {}
    matches = (_SETTING.fullmatch(line.strip()) for line in lines)
    return {match["name"]: match["value"].strip() for match in matches if match}


def _expand(path: str, properties: reading.Properties) -> str | None:
    """Put in what `%n`, `%i` … stand for; None where one is unknown."""
    known = _specifiers(str(properties.get("Id", "")))
    if any(match[1] not in known for match in _SPECIFIER.finditer(path)):
        return None
    return _SPECIFIER.sub(lambda match: known[match[1]], path)


def _specifiers(unit: str) -> Mapping[str, str]:
    stem = unit.removesuffix(".service")
    prefix, _, instance = stem.partition("@")
    found: dict[str, Any] = {"%": "%", "n": unit, "N": stem, "p": prefix, "i": instance, "j": prefix.rpartition("-")[2]}
    if "\\x" not in stem and "-" not in instance:  # else these are the unescaped ones
        found |= {"P": prefix, "I": instance}
    return found


def _opened(pid: int, descriptor: int) -> Path | None:
    try:
        target = os.readlink(f"/proc/{pid}/fd/{descriptor}") if pid else ""  # noqa: PTH115  no path yet: it may be a socket
    except OSError:
        return None
    return Path(target) if target.startswith("/") and not target.startswith("/dev/") else None
