"""Bytes to text."""

from __future__ import annotations

import pytest

from opsagent_memory.documents.encodings import decoded
from opsagent_memory.documents.unreadable import Unreadable

KOREAN = "결제 서비스는 새벽 1시에서 3시 사이에 재시작하지 않는다. (billing)"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_in_all_its_dresses(encoding: str) -> None:
    text = f"plain words first, then {KOREAN}" if encoding.endswith(("le", "be")) else KOREAN
    assert decoded(text.encode(encoding)) == text


def test_korean_of_windows() -> None:
    assert decoded(KOREAN.encode("cp949")) == KOREAN


def test_western_europe_of_windows() -> None:
    assert decoded("Prüfe die Größe – café".encode("cp1252")) == "Prüfe die Größe – café"


def test_a_page_may_name_its_encoding() -> None:
    page = f'<meta charset="euc-kr"><p>{KOREAN}'
    assert decoded(page.encode("euc-kr"), html=True) == page
    page = '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-2"><p>žluťoučký'
    assert decoded(page.encode("iso-8859-2"), html=True) == page
    assert decoded("<meta charset=nonsense>é".encode("cp1252"), html=True).endswith("é")


@pytest.mark.parametrize("data", [b"\x7fELF\0\0\0\1\2", bytes(range(32)) * 8, b"PK\3\4" + bytes(100)])
def test_what_is_no_text_is_told(data: bytes) -> None:
    with pytest.raises(Unreadable, match="binary"):
        decoded(data)
