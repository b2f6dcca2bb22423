"""What words mean on a terminal: a secret is asked for; a label is a label."""

from __future__ import annotations

import re

from opsagent_tools.gui.secret_words import asks_for_secret
from opsagent_tools.gui.terminal.cells import read

_BAR = re.compile(r"(\s+[▮▒░▓█■↓↑▲▼]|\s{2,}[\^v])\s*$")
_STARS = re.compile(r"[*•●·∙]{2,}")


def means_secret(*said: str) -> bool:
    """One of the texts beside a field asks for a secret."""
    return asks_for_secret(*said)


def is_masked(value: str) -> bool:
    """The value is shown as stars."""
    return bool(_STARS.fullmatch(value.strip()))


def tidy(text: str) -> str:
    """Return a piece of a row as a person reads it: without halves of wide characters, blanks once."""
    return " ".join(read(text).split())


def label(text: str) -> str:
    """Return a label without the sign that ends it."""
    return tidy(text).rstrip(":=?> ").strip()


def bare(text: str) -> str:
    """Return a piece of a row without the scroll bar at its end; columns stay what they are."""
    return _BAR.sub("", text)
