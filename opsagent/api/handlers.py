"""Turns functions into methods of the local API: parameters by annotation, results and streams, errors as codes."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, get_type_hints

import msgspec

from opsagent.store.codec import from_plain
from opsagent_tools.redact import redact

Handler = Callable[..., Any]
"""`async def f(plan: Plan, confirmed: bool) -> …`, or the same with `yield`, or a function that returns such a one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One callable of the API."""

    name: str
    handler: Handler
    parameters: type[msgspec.Struct]

    def arguments(self, params: Any) -> dict[str, Any]:
        """Return keyword arguments of the annotated types. Raises ValueError."""
        return msgspec.structs.asdict(from_plain(params, self.parameters))

    async def run(self, arguments: dict[str, Any]) -> AsyncGenerator[tuple[str, Any], None]:
        """Yield `("result", value)`, or `("item", value)` for each item and then `("end", True)`."""
        found = self.handler(**arguments)
        if not isinstance(found, AsyncIterator):
            yield "result", await found
            return
        async with _closing(found):
            async for item in found:
                yield "item", item
        yield "end", True

    @staticmethod
    def explain(error: Exception) -> tuple[str, str]:
        """Return code and message for an error of the handler."""
        text = redact(" ".join(str(error).split()))
        if isinstance(error, LookupError) and not isinstance(error, KeyError | IndexError):
            return "LookupError", text
        if type(error).__module__.startswith("opsagent"):
            return type(error).__name__, text or type(error).__name__
        return "internal", f"{type(error).__name__}: {text}"


def describe(name: str, handler: Handler) -> Method:
    """Return the method for a function. Raises TypeError where a parameter has no annotation."""
    hints = get_type_hints(handler)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for parameter in inspect.signature(handler).parameters.values():
        if parameter.name not in hints:
            raise TypeError(f"method {name}: parameter {parameter.name} has no annotation")
        kind = hints[parameter.name]
        required = parameter.default is parameter.empty
        fields.append((parameter.name, kind) if required else (parameter.name, kind, parameter.default))
    struct = msgspec.defstruct(f"{name}_params", fields, forbid_unknown_fields=True, kw_only=True)
    return Method(name=name, handler=handler, parameters=struct)


@asynccontextmanager
async def _closing(items: AsyncIterator[Any]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()
