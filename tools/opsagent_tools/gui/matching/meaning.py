"""Whether a changed name means what the old one meant. A small table, on purpose: what it does not know is not the same."""

from __future__ import annotations

import re
from functools import lru_cache

from opsagent_tools.gui.matching.names import plain

_SAME_FIELDS = (
    "name|full name|your name|display name",
    "user|username|user name|login|login name|account|account name|user id",
    "host|hostname|host name|server|server name|server address|host address",
    "email|e-mail|mail|email address|e-mail address|mail address",
    "phone|telephone|phone number|telephone number|tel|mobile|mobile number",
    "folder|directory|dir|location|save in folder",
    "file|filename|file name|name of file",
    "comment|comments|note|notes|remark|remarks|description",
    "amount|sum|total amount|value",
    "start|start date|from|begin|from date|since",
    "end|end date|to|until|to date|till",
    "search|find|search for|find what|query|search text",
    "city|town",
    "zip|zip code|postcode|postal code",
    "surname|last name|family name",
    "first name|given name|forename",
    "street|address|street address",
    "port|port number|tcp port",
    "date|day",
    "title|subject|heading",
)
_SAME_BUTTONS = (
    "ok|okay",
    "cancel|abort dialog|dismiss",
    "quit|exit",
    "search|find",
    "settings|preferences|options",
    "log in|login|sign in|log on",
    "log out|logout|sign out|log off",
    "refresh|reload view|update view",
    "browse|choose file|select file|choose",
    "yes|yes please",
    "help|help contents",
    "about|about this program",
)
_EMPTY_WORDS = frozenset(
    {"the", "a", "an", "your", "please", "enter", "this", "file", "document", "now", "field", "text"}
)
_OTHERWISE = frozenset(
    "not no old new confirm repeat again proxy source target destination backup second secondary alternate alternative other "
    "local remote billing shipping minimum maximum min max first last next previous default from to group file key range".split()
)
"""Words that make another field of one: `Host`, `Proxy host`."""
_WORD = re.compile(r"[^\W_]+")
_NO_WORDS = frozenset({"the", "a", "an", "your", "please", "enter", "this", "field", "text"})
_TELLING = _OTHERWISE | {word for line in _SAME_FIELDS for word in _WORD.findall(line)}
"""What names a field by itself makes another one of it: `Address`, `Email address`."""


@lru_cache(maxsize=4096)
def words(name: str) -> frozenset[str]:
    """Return the words of a name that mean something."""
    every = frozenset(_WORD.findall(plain(name)))
    return every - _EMPTY_WORDS or every


def same_field(old: str, new: str) -> bool:
    """Tell whether a field that was called `old` may now be called `new`: more or fewer words, or known other words."""
    if _together(old, new, _SAME_FIELDS):
        return True
    before, after = (frozenset(_WORD.findall(plain(one))) - _NO_WORDS for one in (old, new))
    return bool(before and after and (before <= after or after <= before)) and not (_TELLING & (before ^ after))


def other_words_for(old: str, new: str) -> bool:
    """Tell whether both are known words for one thing."""
    return _together(old, new, _SAME_FIELDS + _SAME_BUTTONS)


def same_button(old: str, new: str) -> bool:
    """Tell whether a button that was called `old` does the same when it is called `new`. `Save as` is not `Save`."""
    return _said(old) == _said(new) or _together(old, new, _SAME_BUTTONS)


def _said(name: str) -> list[str]:
    return [one for one in _WORD.findall(plain(name)) if one in words(name)]


def _together(old: str, new: str, table: tuple[str, ...]) -> bool:
    return any({plain(old), plain(new)} <= set(line.split("|")) for line in table)
