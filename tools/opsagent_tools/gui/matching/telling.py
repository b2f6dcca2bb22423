"""Which texts say where one is: a name does; a number, a time, a size or a piece of a frame is another one at the next look."""

from __future__ import annotations

import re
from functools import lru_cache

from opsagent_tools.gui.matching.roles import IN_LISTS, STATIC
from opsagent_tools.gui.model import Element

_DAYS = (
    "(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|satu?r?|sun)(?:day)?|jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?"
    "|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
_UNITS = "[kmgtp]i?b?(?:/s|ps)?|b|bytes?|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s|ms|us|µs|ns|hz|[kmg]hz|c|f|w|v|a"
_PASSES = re.compile(
    rf"\b(?:{_DAYS})\.?,?\s+\d{{1,4}}\b|\b\d{{1,4}}\.?\s+(?:{_DAYS})\b"
    r"|\b\d{4}-\d\d-\d\dt?|\b(?:a\.?m|p\.?m|utc|gmt)\b\.?"
    rf"|[-+~]?\d[\d.,:'/]*\s?°?(?:{_UNITS})?(?![^\W\d_])|\b0x[\da-f]+\b|\b(?=[a-f]*\d)[\da-f]{{12,}}\b",
    re.IGNORECASE,
)
"""What has passed at the next look: dates, times, and numbers with their units, addresses and digests."""
_READ_OUT = re.compile(r"\d\s?%|\d:\d\d|\d\s?[kmgt]i?b\b", re.IGNORECASE)
_STATES = frozenset(
    "running started starting stopped stopping failed failing fatal error errors warning critical ok okay good bad healthy unhealthy "
    "active inactive activating enabled disabled idle busy up down online offline on off yes no true false pending queued waiting "
    "paused suspended done finished complete completed ready unknown none open closed locked dead exited killed crashed backoff "
    "restarting created degraded maintenance success succeeded passed new low medium high normal info connected disconnected "
    "läuft gestoppt fehler aktiv inaktiv bereit an aus ja nein actif inactif arrêté oui non activo inactivo detenido sí "
    "실행중 중지됨 실패 활성 비활성 예 아니오 実行中 停止 失敗 有効 無効 运行中 已停止 失败".split()
)
"""What rows of tables say of how they are: another row may say so next time."""
_IDENTITY = re.compile(r"\d{4,}|\d+(?:\.\d+){3}")
"""Numbers that are names: of an order, of a process, of a machine."""
_LONGEST_KEPT = 200
"""Signs of a text that is remembered."""
_SHORT = re.compile(r"\d{1,2}|[^\w\s\u2500-\u259f]{1,2}")
"""May be what a key of a calculator is called, or a day of a calendar; lines and blocks are none."""


def tells(name: str) -> bool:
    """Tell whether a text may be the name of something, so that it says where one is."""
    return bool(_SHORT.fullmatch(name.strip())) or _says(name)


def reads_out(name: str) -> bool:
    """Tell whether a text shows how much or how late it is now (`CPU: 7 %`): it labels nothing."""
    return bool(_READ_OUT.search(name))


def steady(name: str) -> str:
    """Return what of a text is the same at the next look."""
    return _PASSES.sub(" ", name)


def tells_where(element: Element) -> bool:
    """Tell whether the name of `element` says where one is. What is pressed may be called by a number; a row is not."""
    if element.role in IN_LISTS:
        return _says(element.name)
    return element.role not in STATIC or tells(element.name)


def names_a_row(name: str) -> bool:
    """Tell whether a row may be known by a text: no state that another row may be in, no number that another may show, and
    nothing that shows how much or how late it is.
    """
    if name.strip(" .:*()[]").casefold() in _STATES or reads_out(name):
        return False
    return _says(name) or _IDENTITY.search(name) is not None


def _says(name: str) -> bool:
    return _says_kept(name) if len(name) <= _LONGEST_KEPT else _has_words(name)


def _has_words(name: str) -> bool:
    return any(one.isalpha() for one in steady(name))


_says_kept = lru_cache(maxsize=8192)(_has_words)
