"""D-Bus messages: compared with another implementation, in both directions, and fed with what is broken."""

from __future__ import annotations

import io
import struct
from typing import Any, cast

import pytest
from dbus_fast import Message as OtherMessage
from dbus_fast import MessageType
from dbus_fast import Variant as OtherVariant
from dbus_fast._private.unmarshaller import Unmarshaller
from dbus_fast.unpack import unpack_variants
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_tools.supervisors.systemd import wire

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
_PATH = st.lists(st.from_regex(r"[A-Za-z0-9_]{1,6}", fullmatch=True), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
_BASIC: dict[str, st.SearchStrategy[Any]] = {
    "y": st.integers(0, 255),
    "b": st.booleans(),
    "n": st.integers(-(2**15), 2**15 - 1),
    "q": st.integers(0, 2**16 - 1),
    "i": st.integers(-(2**31), 2**31 - 1),
    "u": st.integers(0, 2**32 - 1),
    "x": st.integers(-(2**63), 2**63 - 1),
    "t": st.integers(0, 2**64 - 1),
    "d": st.floats(allow_nan=False),
    "s": _TEXT,
    "o": _PATH,
    "g": st.sampled_from(["", "s", "a{sv}", "(iu)", "aay"]),
}


def _types(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    keys = st.sampled_from("ybnqiuxtsog")
    return st.one_of(
        inner.map(lambda one: f"a{one}"),
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: f"({''.join(parts)})"),
        st.tuples(keys, inner).map(lambda pair: f"a{{{pair[0]}{pair[1]}}}"),
    )


_ONE = st.recursive(st.sampled_from([*"ybnqiuxtdsogv"]), _types, max_leaves=6)


def _values(one: str, depth: int = 0) -> st.SearchStrategy[Any]:
    code = one[0]
    if code in _BASIC:
        return _BASIC[code]
    if code == "v":
        inner = st.sampled_from([*"ybtsog", "as", "a{sv}", "(si)"] if depth < 2 else [*"ybts"])
        return inner.flatmap(lambda kind: _values(kind, depth + 1).map(lambda value: wire.Variant(kind, value)))
    if code == "(":
        return st.tuples(*(_values(part, depth + 1) for part in wire.types_of(one[1:-1])))
    if one[1] == "{":
        key, item = wire.types_of(one[2:-1])
        return st.dictionaries(_values(key, depth + 1), _values(item, depth + 1), max_size=3)
    if one == "ay":
        return st.binary(max_size=9)
    return st.lists(_values(one[1:], depth + 1), max_size=3)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, tuple[Any, ...]]:
    kinds = draw(st.lists(_ONE, max_size=4))
    return "".join(kinds), tuple(draw(_values(kind)) for kind in kinds)


def plain(value: Any) -> Any:
    """A value as it is read again: the types of variants are gone."""
    if isinstance(value, wire.Variant):
        return plain(value.value)
    if isinstance(value, tuple):
        return tuple(plain(one) for one in value)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value


def theirs(value: Any) -> Any:
    """The same for the other implementation, which takes lists for structures and classes of its own for variants."""
    if isinstance(value, wire.Variant):
        return OtherVariant(value.signature, theirs(value.value))
    if isinstance(value, (tuple, list)):
        return [theirs(one) for one in value]
    if isinstance(value, dict):
        return {key: theirs(one) for key, one in value.items()}
    return value


def listed(value: Any) -> Any:
    """Without the difference between lists and tuples."""
    if isinstance(value, (tuple, list)):
        return [listed(one) for one in value]
    return {key: listed(one) for key, one in value.items()} if isinstance(value, dict) else value


def returned(signature: str, body: tuple[Any, ...]) -> bytes:
    """An answer, as the other implementation sends it."""
    message = OtherMessage(
        message_type=MessageType.METHOD_RETURN, reply_serial=7, signature=signature, body=[theirs(one) for one in body]
    )
    message.serial = 3
    return bytes(message._marshall(False))


@settings(max_examples=60, deadline=None)
@given(bodies())
def test_what_is_sent_is_what_others_read(content: tuple[str, tuple[Any, ...]]) -> None:
    signature, body = content

    raw = wire.encode_call(5, "org.example.One", "/org/example", "org.example.Two", "Do", signature, *body)

    found = Unmarshaller(cast("Any", io.BytesIO(raw))).unmarshall()
    assert found is not None
    assert (found.destination, found.path, found.interface) == ("org.example.One", "/org/example", "org.example.Two")
    assert (found.member, found.serial, found.signature) == ("Do", 5, signature)
    assert listed(unpack_variants(found.body)) == listed(plain(body))
    assert wire.length_of(raw[: wire.HEADER]) == len(raw)


@settings(max_examples=60, deadline=None)
@given(bodies())
def test_what_others_send_is_read(content: tuple[str, tuple[Any, ...]]) -> None:
    signature, body = content
    raw = returned(signature, body)

    found = wire.decode(raw)

    assert (found.kind, found.serial, found.reply_to) == (wire.RETURN, 3, 7)
    assert found.body == plain(body)
    assert wire.length_of(raw[: wire.HEADER]) == len(raw)


@settings(max_examples=150, deadline=None)
@given(bodies(), st.data())
def test_broken_bytes_are_one_kind_of_error(content: tuple[str, tuple[Any, ...]], data: st.DataObject) -> None:
    raw = bytearray(returned(*content))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    try:
        wire.decode(bytes(raw))
    except wire.ProtocolError:
        return


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_one_kind_of_error(raw: bytes) -> None:
    try:
        wire.decode(raw)
    except wire.ProtocolError:
        return


def test_the_order_of_bytes_is_the_senders() -> None:
    head = struct.pack(">cBBBII", b"B", wire.SIGNAL, 0, 1, 4, 9) + struct.pack(">I", 7) + b"\x08\x01g\x00\x01u\x00\x00"

    assert wire.decode(head + struct.pack(">I", 77)).body == (77,)


@pytest.mark.parametrize("length", [wire.MESSAGE_MAX + 1, 2**32 - 1])
def test_what_is_too_long_is_never_waited_for(length: int) -> None:
    with pytest.raises(wire.ProtocolError, match="a message of"):
        wire.length_of(struct.pack("<cBBBIII", b"l", 2, 0, 1, length, 1, 0))


@pytest.mark.parametrize(
    "signature", ["a" * 40 + "y", "(" * 40 + "y" + ")" * 40, "a", "(", "()", "{sv}", "a{v}", "z", "a{vs}y)"]
)
def test_signatures_that_are_none(signature: str) -> None:
    with pytest.raises(wire.ProtocolError):
        wire.types_of(signature)


def test_variants_in_variants_end_somewhere() -> None:
    deep = b"\x01v\x00" * 100 + b"\x01y\x00\x05"
    head = struct.pack("<cBBBII", b"l", wire.RETURN, 0, 1, len(deep), 1)
    raw = head + struct.pack("<I", 7) + b"\x08\x01g\x00\x01v\x00\x00" + deep

    with pytest.raises(wire.ProtocolError, match="deep"):
        wire.decode(raw)
