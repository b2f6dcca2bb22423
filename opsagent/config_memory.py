"""Reads `[memory]` of `config.toml` (docs/config.md): one reader for each key, as in `services.fields`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opsagent.memory_settings import BUILT_IN, SIZES, SWITCHES, MemorySettings
from opsagent_tools.services import fields
from opsagent_tools.services.fields import Wrong


def settings(values: Mapping[str, object]) -> MemorySettings:
    """Return the settings of a table whose values were read by READERS."""
    sizes = {key: value for key, value in values.items() if key in SIZES}
    others = {key: value for key, value in values.items() if key not in SIZES}
    return MemorySettings(sizes=sizes, **others)  # type: ignore[arg-type]  # each was read by its reader


_MODEL = f'"{BUILT_IN}", "PROVIDER:MODEL", or {{ langchain = "PROVIDER:MODEL", base_url = "…" }}'


def _embeddings(value: object) -> object:
    """Read which model embeds: the one inside, or by name one that LangChain reaches, with its settings."""
    if not isinstance(value, dict):
        found = fields.text(value, f'"{BUILT_IN}"').strip()
        return found if found == BUILT_IN else _model(found)
    table = {key: _setting(key, one) for key, one in value.items()}
    _model(str(table.get("langchain", "")), "langchain")
    return table


def _model(name: str, key: str = "") -> str:
    if not all(part.strip() for part in name.partition(":")):
        raise Wrong(f"{name!r} names no model" if name else "names no model", f"write {_MODEL}", key)
    return name


def _setting(key: str, value: object) -> object:
    if not isinstance(value, str | int | float | bool):
        raise Wrong(f"is {fields.name_of_type(value)}, must be a text, a number or a boolean", f"write {_MODEL}", key)
    return value


def _learning(value: object) -> object:
    table = fields.table(value, "learning = { momentum = false }")
    found = {}
    for key, on in table.items():
        if key not in SWITCHES:
            raise Wrong("unknown key", f"known keys are {', '.join(SWITCHES)}", key)
        if not isinstance(on, bool):
            raise Wrong(f"is {fields.name_of_type(on)}, must be a boolean", "write for example true or false", key)
        found[key] = on
    return found


def _count(low: int, high: int, example: str) -> Callable[[object], object]:
    return lambda value: fields.integer(value, low, high, example)


READERS: Mapping[str, Callable[[object], object]] = {
    "learn": fields.boolean,
    "explore": fields.boolean,
    "consolidate": fields.boolean,
    "quote": fields.boolean,
    "embeddings": _embeddings,
    "learning": _learning,
    "max_records": _count(1_000, 10_000_000, "100000"),
    "keep_detail_days": _count(1, 36_500, "90"),
    "keep_archived_days": _count(1, 36_500, "400"),
    "repeats_kept": _count(1, 1_000, "5"),
}
