"""Reads `[model]` of `config.toml` (docs/models.md). A key that stands there is an error: it is a secret."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping

from opsagent.config_notify import hosts, variable
from opsagent.model_settings import ALIASES, PROVIDERS, SEERS, ModelSettings, OneModel, Priced
from opsagent_tools.services import fields
from opsagent_tools.services.fields import Wrong

_NAME = '"anthropic:MODEL"'
_CURRENCY = re.compile(r"[A-Z]{3}")
_SECRETS = frozenset({"key", "api_key", "token"})
_FALLBACK = 'fallback = { name = "ollama:MODEL" }'


def read(table: Mapping[str, object]) -> ModelSettings:
    """Return the settings of `[model]`. Raises Wrong, with the key that is wrong."""
    return _read(table, _READERS, PROVIDERS)


def read_seer(table: Mapping[str, object]) -> ModelSettings:
    """Return the settings of `[screens.model]`: a model that looks at screens. Raises Wrong, with the key that is wrong."""
    found = _read(table, {key: _READERS[key] for key in _OF_SEERS}, SEERS)
    if found.first is not None and found.first.provider == "ui_tars" and not found.first.base_url:
        raise Wrong("is nowhere", 'write base_url = "http://127.0.0.1:8000/v1": the server that runs it', "base_url")
    return found


def _read(
    table: Mapping[str, object], readers: Mapping[str, Callable[[object], object]], providers: Iterable[str]
) -> ModelSettings:
    for key in table:
        if key not in readers and key not in _ONE:
            _refuse(key, (*_ONE, *readers), "")
    values = {key: _at(key, readers[key], table[key]) for key in readers if key in table}
    own = {key: table[key] for key in _ONE if key in table}
    first = _one(own, "") if own else None
    if first is None and values:
        raise Wrong("names no model", f"write name = {_NAME}")
    found = ModelSettings(first=first, **values)  # type: ignore[arg-type]  # each was read by its reader
    _known(found, tuple(providers))
    if found.monthly_limit is not None and any(one.price is None for one in found.models):
        nobody = next(one.name for one in found.models if one.price is None)
        mend = "write price = { in = 3.0, out = 15.0 } (for a million tokens), or monthly_tokens instead"
        raise Wrong(f"cannot be held: nothing says what {nobody} costs", mend, "monthly_limit")
    return found


def _known(found: ModelSettings, providers: tuple[str, ...]) -> None:
    for one, key in ((found.first, "name"), (found.fallback, "fallback.name")):
        if one is not None and one.provider not in providers:
            mend = f"use {', '.join(providers)}; a server that speaks OpenAI's language: openai: with base_url"
            raise Wrong(f"{one.provider!r} is no provider that is known here", mend, key)


def _one(table: Mapping[str, object], place: str) -> OneModel:
    at = f"{place}." if place else ""
    for key in table:
        if key not in _ONE:
            _refuse(key, tuple(_ONE), at)
    values = {key: _at(f"{at}{key}", _ONE[key], value) for key, value in table.items()}
    if not values.get("name"):
        raise Wrong("names no model", f"write name = {_NAME}", place)
    if values.get("key_file") and values.get("key_env"):
        raise Wrong("has key_file and key_env", "write one of them", place)
    return OneModel(**values)  # type: ignore[arg-type]  # each was read by its reader


def _refuse(key: str, known: tuple[str, ...], at: str) -> None:
    if key in _SECRETS:
        mend = 'write it into a file of mode 0600 and here key_file = "model.key", or key_env = "VARIABLE"'
        raise Wrong("a key is a secret and has no place in the configuration", mend, f"{at}{key}")
    raise Wrong("unknown key", f"known keys are {', '.join(known)}", f"{at}{key}")


def _at(place: str, reader: Callable[[object], object], value: object) -> object:
    try:
        return reader(value)
    except Wrong as wrong:
        raise Wrong(wrong.problem, wrong.mend, wrong.key or place) from None


def _name(value: object) -> object:
    found = fields.text(value, _NAME).strip()
    provider, _, model = found.partition(":")
    if not provider or not model.strip():
        raise Wrong(f"{found!r} names no model", f"write {_NAME}: the provider, a colon, the provider's name of it")
    if ALIASES.get(provider.lower(), provider.lower()) not in {*PROVIDERS, *SEERS}:
        mend = f"use {', '.join(PROVIDERS)}; a server that speaks OpenAI's language: openai: with base_url"
        raise Wrong(f"{provider!r} is no provider that is known", mend)
    return found


def _url(value: object) -> object:
    found = fields.http_url(value) if value else ""
    if "@" in found.partition("://")[2].partition("/")[0]:
        mend = 'write the key into a file of mode 0600 and here key_file = "model.key"'
        raise Wrong("a name or password in it is a secret and has no place in the configuration", mend)
    return found


def _price(value: object) -> object:
    example = "price = { in = 3.0, out = 15.0 }"
    table = fields.table(value, example)
    if set(table) != {"in", "out"}:
        raise Wrong("must say what a million tokens cost, in and out", f"write {example}")
    return Priced(tokens_in=_amount(table["in"]), tokens_out=_amount(table["out"]))


def _amount(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise Wrong("must be an amount of money, 0 or more", "write for example 20.0")
    return float(value)


def _currency(value: object) -> object:
    found = fields.text(value, '"USD"').strip().upper()
    if not _CURRENCY.fullmatch(found):
        raise Wrong(f"{found!r} is no currency", 'write its three letters: "USD", "KRW"')
    return found


def _accept(value: object) -> object:
    if value not in ("never", "safe"):
        raise Wrong(f"{value!r} is not known here", 'write "never" or "safe"')
    return value


def _fallback(value: object) -> object:
    if isinstance(value, str):
        return OneModel(name=str(_name(value)))
    return _one(fields.table(value, _FALLBACK), "fallback")


def _line(value: object) -> object:
    return fields.text(value, '"model.key"').strip()


_ONE: Mapping[str, Callable[[object], object]] = {
    "name": _name,
    "key_file": _line,
    "key_env": variable,
    "base_url": _url,
    "hosts": hosts,
    "price": _price,
}
_READERS: Mapping[str, Callable[[object], object]] = {
    "send": fields.boolean,
    "fallback": _fallback,
    "unattended": fields.boolean,
    "accept": _accept,
    "monthly_limit": _amount,
    "monthly_tokens": lambda value: fields.integer(value, 1, 10**12, "2_000_000"),
    "currency": _currency,
    "calls_per_question": lambda value: fields.integer(value, 1, 50, "8"),
    "timeout_s": lambda value: fields.seconds(value, "60"),
}
_OF_SEERS = ("monthly_limit", "monthly_tokens", "currency", "calls_per_question", "timeout_s")
"""Which of them models that look at screens have, too: whether anything is sent is said by `[screens] send`."""
