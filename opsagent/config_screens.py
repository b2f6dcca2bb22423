"""Reads `[screens]` of `config.toml` (docs/screens.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from opsagent.screen_settings import OWN, ScreenSettings, SecretPlace
from opsagent_tools.services import fields
from opsagent_tools.services.fields import Wrong

_NAME = re.compile(r"[A-Za-z][\w-]{0,63}")
_DISPLAY = re.compile(r":\d{1,5}(\.\d)?")
_EXAMPLE = 'console_password = { file = "console_password" }'


def read(table: Mapping[str, object]) -> ScreenSettings:
    """Return the settings. Raises Wrong, with the key that is wrong."""
    values: dict[str, object] = {}
    for key, value in table.items():
        if key not in _READERS:
            raise Wrong("unknown key", f"known keys are {', '.join(_READERS)}", key)
        try:
            values[key] = _READERS[key](value)
        except Wrong as wrong:
            raise Wrong(wrong.problem, wrong.mend, ".".join(filter(None, (key, wrong.key)))) from None
    return ScreenSettings(**values)  # type: ignore[arg-type]  # each was read by its reader


def _display(value: object) -> object:
    found = fields.text(value, '"own"').strip()
    if found != OWN and not _DISPLAY.fullmatch(found):
        raise Wrong(f"{found!r} is no display of this machine", 'write "own", or the name of a desktop: ":0"')
    return found


def _names(example: str) -> Callable[[object], object]:
    return lambda value: fields.texts(value, example)


def _secrets(value: object) -> object:
    found: dict[str, SecretPlace] = {}
    for name, place in fields.table(value, "[screens.secrets]").items():
        if not _NAME.fullmatch(name):
            raise Wrong(f"{name!r} cannot be the name of a secret", "use letters, digits, _ and -", name)
        if not isinstance(place, dict) or set(place) - {"file", "env"} or len(place) != 1:
            raise Wrong("says where the secret is, and nothing else", f"write {_EXAMPLE}", name)
        try:
            found[name] = _place(place)
        except Wrong as wrong:
            raise Wrong(wrong.problem, wrong.mend, name) from None
    return found


def _model(value: object) -> object:
    from opsagent.config_model import read_seer

    return read_seer(fields.table(value, 'model = { name = "anthropic:MODEL", key_file = "screens.key" }'))


def _place(place: Mapping[str, object]) -> SecretPlace:
    if "env" in place:
        return SecretPlace(env=fields.variable(place["env"]))
    return SecretPlace(file=fields.text(place["file"], '"console_password"').strip())


_READERS: Mapping[str, Callable[[object], object]] = {
    "display": _display,
    "width": lambda value: fields.integer(value, 640, 7680, "1280"),
    "height": lambda value: fields.integer(value, 480, 4320, "800"),
    "programs": _names('programs = ["galculator"]'),
    "unattended": _names('unattended = ["export report"]'),
    "answer_s": lambda value: fields.seconds(value, "300", zero=True),
    "pictures": fields.boolean,
    "keep_days": lambda value: fields.integer(value, 0, 3650, "30"),
    "keep_mb": lambda value: fields.integer(value, 1, 100_000, "200"),
    "send": fields.boolean,
    "model": _model,
    "secrets": _secrets,
}
