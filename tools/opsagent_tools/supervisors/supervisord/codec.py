"""XML-RPC (xmlrpc.com/spec), as far as supervisord speaks it: calls to bytes, answers to plain values.

Smaller, lighter and stricter than `xmlrpc.client`: documents with a DTD are refused (entities could grow without
bounds, or read files), so are unknown types and nesting without end.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeAlias
from xml.parsers import expat

Value: TypeAlias = "str | int | float | bool | bytes | list[Value] | dict[str, Value] | None"

_DEEPEST = 64
_KNOWN = frozenset(
    "methodResponse params param fault value array data struct member name "
    "i4 i8 int boolean double string base64 nil dateTime.iso8601".split()
)


class BadAnswer(Exception):
    """The answer is not what XML-RPC allows."""


class Fault(Exception):
    """The server answered with a fault.

    >>> Fault(10, "BAD_NAME: api").code
    10
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def dumps(method: str, params: Sequence[Value] = ()) -> bytes:
    """Return the body of a call. Raises TypeError for what XML-RPC cannot carry."""
    inner = "".join(f"<param>{_dump(value)}</param>" for value in params)
    head = "<?xml version='1.0'?><methodCall>"
    return f"{head}<methodName>{_escape(method)}</methodName><params>{inner}</params></methodCall>".encode()


def _escape(text: str) -> str:
    """Return text as it stands in an element (xml.sax.saxutils has the same, and imports half an HTTP client)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _dump(value: Value) -> str:
    match value:
        case bool():
            return f"<value><boolean>{int(value)}</boolean></value>"
        case int():
            return f"<value><int>{value}</int></value>"
        case str():
            return f"<value><string>{_escape(value)}</string></value>"
        case list():
            return f"<value><array><data>{''.join(map(_dump, value))}</data></array></value>"
        case dict():
            members = "".join(f"<member><name>{_escape(k)}</name>{_dump(v)}</member>" for k, v in value.items())
            return f"<value><struct>{members}</struct></value>"
        case _:
            raise TypeError(f"not sent to supervisord: {type(value).__name__}")


def loads(body: bytes) -> Value:
    """Return the value of an answer. Raises Fault where it is one, BadAnswer where it is no answer."""
    reader = _Reader()
    try:
        found = reader.read(body)
    except (expat.ExpatError, ValueError, LookupError, TypeError, binascii.Error) as error:
        raise BadAnswer(f"no XML-RPC: {str(error)[:200]}") from error
    if reader.is_fault:
        if not isinstance(found, dict):
            raise BadAnswer("a fault without its struct")
        code, text = found.get("faultCode"), found.get("faultString")
        raise Fault(code if isinstance(code, int) else 0, str(text))
    return found


class _Reader:
    """Turns the elements of one document into one value, without recursion."""

    def __init__(self) -> None:
        self.is_fault = False
        self._text: list[str] = []
        self._stack: list[str] = []
        self._open: list[tuple[list[Value], list[str]]] = []
        """Values and member names of each array or struct that is not closed yet."""
        self._typed: list[bool] = []
        """For each open <value>: whether a type element was seen in it."""
        self._values: list[Value] = []

    def read(self, body: bytes) -> Value:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.EntityDeclHandler = _refuse_doctype
        parser.buffer_text = True
        parser.Parse(body, True)
        if len(self._values) != 1 or self._open:
            raise ValueError(f"{len(self._values)} values instead of one")
        return self._values[0]

    def _start(self, tag: str, _: dict[str, str]) -> None:
        if tag not in _KNOWN:
            raise ValueError(f"unknown element <{tag[:40]}>")
        self._stack.append(tag)
        if len(self._stack) > _DEEPEST * 4:
            raise ValueError("nested too deeply")
        if tag == "value":
            self._typed.append(False)
        elif self._typed and self._stack[-2] == "value":
            self._typed[-1] = True
        if tag in {"array", "struct"}:
            self._open.append((self._values, []))
            self._values = []
        elif tag == "fault":
            self.is_fault = True
        self._text.clear()

    def _end(self, tag: str) -> None:
        self._stack.pop()
        text = "".join(self._text)
        self._text.clear()
        if tag in _SCALARS:
            self._values.append(_SCALARS[tag](text))
        elif tag == "value":
            if not self._typed.pop():
                self._values.append(text)
        elif tag == "name":
            self._open[-1][1].append(text)
        elif tag in {"array", "struct"}:
            inner = self._values
            self._values, names = self._open.pop()
            if tag == "array":
                self._values.append(inner)
            else:
                self._values.append(dict(zip(names, inner, strict=True)))


def _refuse_doctype(*_: object) -> None:
    raise ValueError("a document type declaration")


def _boolean(text: str) -> bool:
    if text.strip() not in {"0", "1"}:
        raise ValueError(f"no boolean: {text[:20]!r}")
    return text.strip() == "1"


_SCALARS: dict[str, Callable[[str], Value]] = {
    "i4": int,
    "i8": int,
    "int": int,
    "boolean": _boolean,
    "double": float,
    "string": str,
    "base64": lambda text: base64.b64decode(text.encode("ascii")),
    "nil": lambda text: None,
    "dateTime.iso8601": str,
}
