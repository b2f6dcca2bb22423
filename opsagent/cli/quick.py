"""Reads the values of plain options without pydantic, which typer would import for them (90 ms of a cold start).

typer ≥ 0.27 turns every value through a pydantic adapter that it builds on first use. For flags, text, paths and numbers a
plain call does the same. Where typer is built differently, nothing is changed and commands only start later.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

_WHAT: dict[type, str] = {bool: "yes or no", int: "a whole number", float: "a number", str: "a text", Path: "a path"}


class _Plain:
    """Stands where typer keeps the adapter of one parameter."""

    def __init__(self, kind: Callable[[Any], Any], what: str) -> None:
        self._kind = kind
        self._what = what

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value in the parameter's type. Raises typer.BadParameter."""
        if value is None:
            return None
        try:
            return self._kind(value)
        except ValueError:
            raise typer.BadParameter(f"{value!r} is not {self._what}", ctx=ctx, param=param) from None


class QuickCommand(TyperCommand):
    """A command whose plain parameters are read without pydantic."""

    def get_params(self, ctx: Any) -> Any:
        return _quicken(super().get_params(ctx))


class QuickGroup(TyperGroup):
    """A group of commands whose own plain parameters are read without pydantic."""

    def get_params(self, ctx: Any) -> Any:
        return _quicken(super().get_params(ctx))


def _quicken(params: Any) -> Any:
    for param in params:
        descriptor = getattr(param, "type_descriptor", None)
        kind: Any = getattr(descriptor, "annotation", None)
        single = not getattr(param, "multiple", False) and getattr(param, "nargs", 1) == 1
        if kind in _WHAT and single and getattr(param, "_runtime_param", descriptor) is None and _unbounded(param):
            param._runtime_param = _Plain(kind, _WHAT[kind])  # noqa: SLF001  # there is no public way
    return params


def _unbounded(param: Any) -> bool:
    info = getattr(param.type_descriptor, "parameter_info", None)
    asked = ("min", "max", "parser", "click_type", "exists", "resolve_path", "formats", "envvar")
    return not any(getattr(info, name, None) for name in asked)
