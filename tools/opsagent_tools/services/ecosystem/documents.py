"""JSON and YAML as data, with the line of each part. PM2's JSON may hold comments and trailing commas."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

_DEEPEST = 20
_MOST_VALUES = 20_000
_STRING = r'"(?:[^"\\\n]|\\.)*+"?'
_COMMENTS = re.compile(_STRING + r"|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_TRAILING = re.compile(_STRING + r"|,(?=\s*+[\]}])", re.DOTALL)


class Broken(ValueError):
    """The text is no such document."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


def parse_json(text: str) -> object:
    """Return what the text says. Raises Broken."""
    try:
        return _plain(_json(text))
    except json.JSONDecodeError as first:
        try:
            return _plain(_json(_strict(text)))
        except json.JSONDecodeError:
            raise Broken(f"broken JSON: {first.msg.lower()}", first.lineno) from None
    except RecursionError:
        raise Broken("broken JSON: nested too deeply") from None
    except ValueError as error:
        raise error if isinstance(error, Broken) else Broken(f"broken JSON: {error}") from None


def parse_yaml(text: str) -> object:
    """Return what the text says. Raises Broken."""
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _refuse_twins(node)
            return _plain(loader.construct_document(node))
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(error.problem or error.context or "not understood").split())
        raise Broken(f"broken YAML: {problem}", mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise Broken(f"broken YAML: {' '.join(str(error).split())[:200]}") from None
    except RecursionError:
        raise Broken("broken YAML: nested too deeply") from None
    except (ValueError, OverflowError, TypeError) as error:
        if isinstance(error, Broken):
            raise
        raise Broken(f"broken YAML: {error}") from None


def line_of(text: str, route: Sequence[str | int]) -> int | None:
    """Return the line (from 1) of a part of a JSON or YAML text, or of the nearest thing around it that is there."""
    import yaml

    try:
        node: yaml.Node | None = yaml.compose(_strict(text), yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        try:
            node = yaml.compose(text, yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError, ValueError):
            return None
    line = None
    for step in route:
        found = _child(node, step)
        if found is None:
            break
        key, node = found
        line = key.start_mark.line + 1
    return line


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    import yaml

    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key, value
    return None


def _strict(text: str) -> str:
    """Return it without comments and trailing commas, line by line as it was. Takes time in proportion to its length."""
    return _TRAILING.sub(_without, _COMMENTS.sub(_without, text))


def _without(match: re.Match[str]) -> str:
    """Return a string as it is, and a comment or a comma as the line breaks that it holds."""
    text = match[0]
    return text if text.startswith('"') else "\n" * text.count("\n") or " "


def _json(text: str) -> object:
    return json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twin = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Broken(f"has {twin!r} twice in one object")
    return found


def _constant(name: str) -> object:
    raise Broken(f"has {name}, which is no number")


def _refuse_twins(top: yaml.Node) -> None:
    import yaml

    seen_nodes: set[int] = set()
    stack = [top]
    while stack:
        node = stack.pop()
        if id(node) in seen_nodes:
            continue
        seen_nodes.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            stack.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                stack.append(value)
                if not isinstance(key, yaml.ScalarNode):
                    raise Broken("has a key that is no text", key.start_mark.line + 1)
                if key.value in seen and key.value != "<<":
                    raise Broken(f"has {key.value!r} twice in one mapping", key.start_mark.line + 1)
                seen.add(key.value)


def _plain(value: object) -> object:
    """Return the value if it is bounded and made of what JSON knows. Raises Broken."""
    count = 0
    stack: list[tuple[object, int]] = [(value, 0)]
    while stack:
        one, depth = stack.pop()
        count += 1
        if count > _MOST_VALUES:
            raise Broken(f"has more than {_MOST_VALUES} values (or repeats itself without end)")
        if depth > _DEEPEST:
            raise Broken("is nested too deeply")
        if isinstance(one, dict):
            for key, inner in one.items():
                if not isinstance(key, str):
                    raise Broken(f"has the key {key!r}, which is no text: put it in quotation marks")
                stack.append((inner, depth + 1))
        elif isinstance(one, list):
            stack.extend((inner, depth + 1) for inner in one)
        elif isinstance(one, float) and not math.isfinite(one):
            raise Broken(f"has {one}, which is no number")
        elif not isinstance(one, str | int | float | bool | None):
            raise Broken(f"has a {type(one).__name__} ({str(one)[:40]}): put it in quotation marks")
    return value
