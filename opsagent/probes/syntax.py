"""Reads configuration as its own format would: whether it parses, and which of its keys have other values. Pure.

A format is believed where the last good content parses as it: only then does it say something that the current one does
not. Nothing is evaluated, no entity is followed, and what is large is not read.
"""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

from opsagent_tools.redact import secret_name

_LIMIT = 256 * 1024
_DEEP = 24
_KEY_LINE = re.compile(r"(?:export\s+)?(?P<key>[A-Za-z_][\w.\-]*)\s*[=:]\s*(?P<value>.*)")
_SECRET_FILE = re.compile(
    r"passw|secret|token|credential|apikey|api[-_.]?key|auth|\bpin\b|\.key$|\.pem$|geheim|kennwort|mot[-_]?de[-_]?passe",
    re.IGNORECASE,
)
_ONE_WORD = re.compile(rb"\S{4,512}\s*")
_FIGURE = re.compile(r"-?\d{0,6}(?:\.\d{1,6})?\s?(?:[a-z]{1,3}|%)?|true|false|on|off|yes|no|none|null")
Read = Callable[[str], Mapping[str, str]]


class Broken(ValueError):
    """It is not what it is to be; one line says where."""


def why_broken(path: PurePath, good: bytes, current: bytes) -> str:
    """Return in one line why `current` cannot be read in the format in which `good` can; empty: it can, or none is known."""
    if len(good) > _LIMIT or len(current) > _LIMIT or good == current:
        return ""
    for name, read in _formats(path):
        try:
            read(_text(good))
        except Broken:
            continue
        try:
            read(_text(current))
        except Broken as error:
            return f"it is no {name} any more ({error})"
        return ""
    return ""


def changed_keys(path: PurePath, good: bytes, current: bytes) -> dict[str, str]:
    """Return the keys whose values differ, with the value of `current` (empty where there is none). Empty: not known."""
    if len(good) > _LIMIT or len(current) > _LIMIT:
        return {}
    for _, read in _formats(path):
        try:
            was, now = read(_text(good)), read(_text(current))
        except Broken:
            continue
        names = sorted({*was, *now})
        return {name: now.get(name, "") for name in names if was.get(name) != now.get(name)}
    return {}


def is_plain(path: PurePath, good: bytes, current: bytes) -> bool:
    """Tell whether nothing but figures and switches differ: nobody's password, and nobody's address."""
    before, after = changed_keys(path, current, good), changed_keys(path, good, current)
    values = (*before.values(), *after.values())
    return bool(values) and all(_FIGURE.fullmatch(value.strip().lower()) for value in values)


def is_secret(path: PurePath, good: bytes, current: bytes) -> bool:
    """Tell whether what differs is a secret: a file that holds nothing else, or values of keys that are named so."""
    keys = changed_keys(path, good, current)
    if keys:
        return all(_is_secret_key(key) for key in keys)
    if not current.strip():
        return False
    one_word = bool(_ONE_WORD.fullmatch(good) and _ONE_WORD.fullmatch(current))
    return one_word and bool(_SECRET_FILE.search(path.name) or _SECRET_FILE.search(path.parent.name))


def new_values(path: PurePath, good: bytes, current: bytes) -> tuple[str, ...]:
    """Return the values that are new in `current`, long enough to be told from others."""
    values = list(changed_keys(path, good, current).values())
    if not values and _ONE_WORD.fullmatch(current) and _ONE_WORD.fullmatch(good):
        values = [_text(current).strip()]
    return tuple(dict.fromkeys(value for value in values if len(value) >= _TELLING))


_TELLING = 6
"""A value of fewer characters (`true`, `8080`) stands in many files."""


def _is_secret_key(key: str) -> bool:
    last = key.rpartition("/")[2]
    return secret_name(last) is not None or bool(_SECRET_FILE.search(last))


def _formats(path: PurePath) -> Iterator[tuple[str, Read]]:
    """Yield the formats that the file may have, likeliest first."""
    suffix = path.suffix.lower()
    name = path.name.lower()
    if suffix == "" or name.startswith(".env"):
        suffix = ".env" if name.startswith(".env") or name.endswith("env") else suffix
    order = _BY_SUFFIX.get(
        suffix, ("JSON",) if suffix in {".js", ".jsonc"} else ("JSON", "TOML", "INI", "list of settings")
    )
    yield from ((name, _READERS[name]) for name in order)


def _text(content: bytes) -> str:
    if b"\0" in content:
        return "\0"
    return content.decode("utf-8-sig", "replace")


def _json(text: str) -> Mapping[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Broken(_line(error)) from None
    return dict(_flat(found))


def _toml(text: str) -> Mapping[str, str]:
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Broken(_line(error)) from None
    if not found and text.strip():
        raise Broken("it says nothing")
    return dict(_flat(found))


def _yaml(text: str) -> Mapping[str, str]:
    import yaml

    try:
        found = yaml.load(text, Loader=_yaml_loader())  # noqa: S506  # a safe loader, without aliases
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise Broken(where + str(getattr(error, "problem", None) or type(error).__name__)[:80]) from None
    if not isinstance(found, dict | list):
        raise Broken("it is one text, and no table")
    return dict(_flat(found))


def _yaml_loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.events.AliasEvent):
                raise yaml.YAMLError("an alias")
            return super().compose_node(parent, index)

    return Loader


def _ini(text: str) -> Mapping[str, str]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, interpolation=None)
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError) as error:
        raise Broken(_line(error)) from None
    found = {f"{section}/{key}": value or "" for section in parser.sections() for key, value in parser.items(section)}
    if not found:
        raise Broken("it has no section with a value")
    return found


def _settings(text: str) -> Mapping[str, str]:
    """Read lines of `KEY=value` or `key: value`, with comments."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;!":
            continue
        matched = _KEY_LINE.fullmatch(stripped)
        if matched is None:
            raise Broken(f"line {number} sets nothing")
        value = matched["value"].strip()
        if value[:1] in {"'", '"'} and (len(value) < 2 or value.find(value[0], 1) < 0):
            raise Broken(f"line {number}: a quotation mark is not closed")
        found[matched["key"]] = value.strip("'\"")
    if not found:
        raise Broken("it sets nothing")
    return found


def _flat(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > _DEEP:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}/{key}" if name else str(key), depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{name}/{number}", depth + 1)
    else:
        yield name, "" if value is None else str(value)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:100] or type(error).__name__


_READERS: Mapping[str, Read] = MappingProxyType(
    {"JSON": _json, "TOML": _toml, "YAML": _yaml, "INI": _ini, "list of settings": _settings}
)
_BY_SUFFIX: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        ".json": ("JSON",),
        ".toml": ("TOML",),
        ".yaml": ("YAML",),
        ".yml": ("YAML",),
        ".ini": ("INI", "list of settings"),
        ".cfg": ("INI", "list of settings", "JSON"),
        ".conf": ("INI", "list of settings", "JSON", "TOML"),
        ".env": ("list of settings",),
        ".properties": ("list of settings",),
    }
)
