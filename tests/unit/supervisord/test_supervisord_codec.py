"""XML-RPC as supervisord speaks it: everything goes there and back, and nothing that is no XML-RPC gets through."""

from __future__ import annotations

import time
import xmlrpc.client

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_tools.supervisors.supervisord.codec import BadAnswer, Fault, Value, dumps, loads

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))
_SENT: st.SearchStrategy[Value] = st.recursive(
    st.booleans() | st.integers(-(2**31), 2**31 - 1) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(st.text("abcXYZ.", min_size=1, max_size=20), st.lists(_SENT, max_size=4))
def test_a_call_is_what_the_standard_library_reads(method: str, params: list[Value]) -> None:
    read, name = xmlrpc.client.loads(dumps(method, params).decode())
    assert (list(read), name) == (params, method)


@settings(deadline=None, max_examples=60)
@given(_SENT)
def test_an_answer_of_the_standard_library_is_read(value: Value) -> None:
    assert loads(xmlrpc.client.dumps((value,), methodresponse=True).encode()) == value


def test_every_type_of_an_answer_is_read() -> None:
    body = b"<methodResponse><params><param><value><array><data>%s</data></array></value></param></params></methodResponse>"
    values = (
        b"<value><i4>-4</i4></value><value><double>1.5</double></value><value><nil/></value><value>plain</value>"
        b"<value><base64>AAE=</base64></value><value><boolean>1</boolean></value><value></value>"
        b"<value><dateTime.iso8601>20261128T15:00:00</dateTime.iso8601></value><value><string>a&amp;b</string></value>"
    )
    assert loads(body % values) == [-4, 1.5, None, "plain", b"\x00\x01", True, "", "20261128T15:00:00", "a&b"]


def test_a_fault_is_raised_with_its_code() -> None:
    body = xmlrpc.client.dumps(xmlrpc.client.Fault(10, "BAD_NAME: api"), methodresponse=True)
    with pytest.raises(Fault, match="BAD_NAME") as error:
        loads(body.encode())
    assert error.value.code == 10


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300))
def test_noise_is_refused_and_never_more(noise: bytes) -> None:
    with pytest.raises(BadAnswer):
        loads(noise)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_damaged_answer_is_refused_or_still_a_value(data: st.DataObject) -> None:
    body = bytearray(xmlrpc.client.dumps(({"name": "api", "pid": [1, 2, True]},), methodresponse=True).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        loads(bytes(body[: data.draw(st.integers(0, len(body)))]))
    except (BadAnswer, Fault):
        return


_LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    "document",
    [
        f'<!DOCTYPE x [<!ENTITY a0 "ha">{_LAUGHS}]><methodResponse><params><param><value>&a11;</value></param></params></methodResponse>',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><methodResponse><params><param><value>&e;</value></param></params></methodResponse>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><methodResponse/>',
    ],
    ids=["expanding", "file", "network"],
)
def test_documents_that_declare_entities_are_refused_at_once(document: str) -> None:
    before = time.monotonic()
    with pytest.raises(BadAnswer, match="document type"):
        loads(document.encode())
    assert time.monotonic() - before < 1.0


def test_nesting_has_an_end() -> None:
    deep = "<value><array><data>" * 10_000
    with pytest.raises(BadAnswer, match="nested"):
        loads(f"<methodResponse><params><param>{deep}".encode())


@pytest.mark.parametrize(
    "inner",
    [
        "<value><script>x</script></value>",
        "<value><boolean>2</boolean></value>",
        "<value><int>many</int></value>",
        "<value><struct><member><name>a</name></member></struct></value>",
        "<value>1</value><value>2</value>",
        "",
    ],
)
def test_what_is_no_single_value_is_refused(inner: str) -> None:
    with pytest.raises(BadAnswer):
        loads(f"<methodResponse><params><param>{inner}</param></params></methodResponse>".encode())


def test_a_call_carries_nothing_but_plain_values() -> None:
    with pytest.raises(TypeError):
        dumps("supervisor.x", [b"bytes"])
