"""The arithmetic of the log: what is committed to, and how events are tied together."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent_memory import Fact, chain
from opsagent_memory.log import content_of

AT = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
FACT = Fact(id="fa-1", scope="s", text="포트 8080", fields={"b": 1.0, "a": [None, True]}, created_at=AT, trust=1)


def test_the_forms_never_change() -> None:
    """Every log that was ever written depends on them: these figures are for ever."""
    assert chain.canonical(content_of(FACT, None)).decode() == (
        '{"created_at":"2026-03-01T12:00:00.000005+00:00","fields":{"a":[null,true],"b":1.0},"id":"fa-1","kind":"fact",'
        '"scope":"s","source":"agent","text":"포트 8080","trust":1.0}'
    )
    committed = chain.commitment(b"0123456789abcdef", content_of(FACT, None))
    assert committed == sha256(b"0123456789abcdef" + chain.canonical(content_of(FACT, None))).digest()
    linked = chain.link(chain.START, 1, chain.Event.ADD, "fa-1", at=AT, committed=committed)
    assert committed.hex()[:16] == "f265b2331357f9ef"
    assert linked.hex()[:16] == "1b3f99418ea45709"


def test_what_is_none_is_left_out_and_what_is_not_counts() -> None:
    imported = content_of(FACT, AT)
    assert imported.keys() - content_of(FACT, None).keys() == {"imported_at"}
    assert chain.canonical(imported) != chain.canonical(content_of(FACT, None))


def test_a_time_is_told_the_same_in_every_zone() -> None:
    seoul = AT.astimezone(timezone(timedelta(hours=9)))
    assert chain.stamp(seoul) == chain.stamp(AT) == "2026-03-01T12:00:00.000005+00:00"


@given(record_id=st.text(), seq=st.integers(1, 10**12))
def test_a_link_is_over_the_canonical_list(record_id: str, seq: int) -> None:
    said = ["00" * 32, seq, "end", record_id, chain.stamp(AT), "11" * 32]
    try:
        expected = sha256(chain.canonical(said)).digest()
    except UnicodeEncodeError:
        return  # lone surrogates: no record has such an id
    assert chain.link(chain.START, seq, "end", record_id, at=AT, committed=bytes.fromhex("11" * 32)) == expected


@given(st.dictionaries(st.text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()))
def test_what_a_database_gives_back_is_canonically_the_same(fields: dict[str, object]) -> None:
    back = json.loads(json.dumps(fields))
    try:
        told = chain.canonical(fields)
    except UnicodeEncodeError:
        return
    assert chain.canonical(back) == told


def test_salts_differ_and_hide() -> None:
    assert chain.new_salt() != chain.new_salt()
    assert len(chain.new_salt()) == 16
    assert chain.commitment(b"a" * 16, {"x": 1}) != chain.commitment(b"b" * 16, {"x": 1})


def test_a_head_can_be_noted_and_read_back() -> None:
    assert chain.head_of(chain.head_text(7, chain.NOTHING)) == (7, chain.NOTHING)
    for rubbish in ("", "7", "7:xyz", "x:" + "00" * 32, "7:" + "00" * 31, "-1:" + "00" * 32):
        with pytest.raises(ValueError, match=r".*"):
            chain.head_of(rubbish)
