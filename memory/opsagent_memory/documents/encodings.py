"""Bytes to text: UTF-8, UTF-16, UTF-32 and CP949 (Korean), then Western Europe's."""

from __future__ import annotations

import codecs
import re

from opsagent_memory.documents.unreadable import Unreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_SAMPLE = 4096
_BINARY_SHARE = 0.01


def decoded(data: bytes, *, html: bool = False) -> str:
    """Return the text that these bytes are; `html` may say so itself.

    Raises:
        Unreadable: they are no text.
    """
    text = _decoded(data, html)
    controls = len(_CONTROLS.findall(text[: 16 * _SAMPLE]))
    if controls > _BINARY_SHARE * min(len(text), 16 * _SAMPLE):
        raise Unreadable("binary, no text")
    return text.removeprefix("\ufeff")


def _decoded(data: bytes, html: bool) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if (wide := _wide(data[:_SAMPLE])) is not None:
        return data.decode(wide, "replace")
    if b"\0" in data[:_SAMPLE]:
        raise Unreadable("binary, no text")
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    if html and (said := _said(data)) is not None:
        return said
    try:
        korean = data.decode("cp949")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
    # CP949 makes something of nearly any pair of bytes: it is Korean if it says something in Korean.
    foreign = [letter for letter in korean if letter > "\x7f"]
    return korean if len(_HANGUL.findall(korean)) * 2 > len(foreign) else data.decode("cp1252", "replace")


def _wide(sample: bytes) -> str | None:
    """Return which UTF-16 it is where there is no mark: Western text has a zero in every other byte."""
    pairs = len(sample) // 2
    if pairs < 2:
        return None
    even, odd = sample[: 2 * pairs : 2].count(0), sample[1 : 2 * pairs : 2].count(0)
    if odd > 0.4 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    if even > 0.4 * pairs and odd < 0.05 * pairs:
        return "utf-16-be"
    return None


def _said(data: bytes) -> str | None:
    """Return the text in the encoding that the page names, if that is one."""
    found = _CHARSET.search(data[:_SAMPLE])
    if found is None:
        return None
    try:
        text: str = data.decode(found[1].decode("ascii"), "replace")
    except (LookupError, UnicodeDecodeError, TypeError):
        return None
    return text
