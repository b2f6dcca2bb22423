"""YAML as values that know their line. Every key is asked for, or it is an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml

_DEEPEST = 12


class ProcedureFileError(ValueError):
    """A procedure that cannot be read: `SOURCE:LINE: what is wrong`."""

    def __init__(self, source: str, line: int, problem: str) -> None:
        super().__init__(f"{source}:{line}: {problem}")
        self.line = line
        self.problem = problem


class Value:
    """One value of a file."""

    def __init__(self, node: yaml.Node, source: str, key: str) -> None:
        self.node = node
        self.source = source
        self.key = key

    @property
    def raw(self) -> str:
        """The text as it stands; empty where it is none."""
        return self.node.value if isinstance(self.node.value, str) else ""

    def wrong(self, problem: str) -> ProcedureFileError:
        """Return the error that says what is wrong here."""
        named = f"{self.key}: " if self.key else ""
        return ProcedureFileError(self.source, self.node.start_mark.line + 1, f"{named}{problem}")

    def _tag(self) -> str:
        return str(self.node.tag).rpartition(":")[2]

    def is_text(self) -> bool:
        """Tell whether it is a single value and neither a list nor a mapping."""
        return isinstance(self.node.value, str) and self._tag() != "null"

    def is_map(self) -> bool:
        """Tell whether it is a mapping."""
        return self._tag() == "map"

    def text(self) -> str:
        """Return a text; numbers and dates are taken as they are written."""
        if not self.is_text() or self._tag() == "bool":
            raise self.wrong("must be a text" + (" (put it in quotes)" if self._tag() in {"bool", "null"} else ""))
        return self.raw

    def flag(self) -> bool:
        """Return true or false."""
        if self._tag() != "bool":
            raise self.wrong("must be true or false")
        return self.raw.lower() in {"true", "yes", "on"}

    def whole(self) -> int:
        """Return a whole number."""
        try:
            return int(self.text())
        except ValueError:
            raise self.wrong("must be a whole number") from None

    def number(self) -> float:
        """Return a number from 0 to 3600 (seconds), or a small one of either sign (an offset)."""
        try:
            found = float(self.text())
        except ValueError:
            raise self.wrong("must be a number") from None
        if not -10_000 < found < 10_000:
            raise self.wrong("is too large")
        return found

    def items(self) -> list[Value]:
        """Return the values of a list."""
        if self._tag() != "seq":
            raise self.wrong("must be a list")
        return [Value(one, self.source, self.key) for one in self.node.value]

    def mapping(self, *, empty: bool = False) -> Map:
        """Return it as a mapping. `empty`: nothing counts as an empty one."""
        if empty and self._tag() == "null":
            return Map(self, {})
        if not self.is_map():
            raise self.wrong("must be a mapping of keys and values")
        found: dict[str, Value] = {}
        for key, value in self.node.value:
            name = key.value if isinstance(key.value, str) else ""
            if not name or name in found:
                raise Value(key, self.source, self.key).wrong(f"“{name}” is there twice" if name else "must be a name")
            found[name] = Value(value, self.source, name)
            found[name].node.start_mark = key.start_mark
        return Map(self, found)


class Map:
    """A mapping, with the keys that were not asked for yet."""

    def __init__(self, value: Value, found: dict[str, Value]) -> None:
        self._value = value
        self._found = found
        self._asked: set[str] = set()

    def get(self, key: str) -> Value | None:
        """Return the value of a key; None where it is missing."""
        self._asked.add(key)
        return self._found.get(key)

    def need(self, key: str) -> Value:
        """Return the value of a key that must be there."""
        found = self.get(key)
        if found is None:
            raise self.wrong(f"`{key}` is missing")
        return found

    def pairs(self) -> Iterator[tuple[str, Value]]:
        """Yield all keys, whatever they are called."""
        self._asked.update(self._found)
        yield from self._found.items()

    def done(self) -> None:
        """Refuse keys that nobody asked for."""
        for key, value in self._found.items():
            if key not in self._asked:
                known = ", ".join(sorted(self._asked))
                raise ProcedureFileError(
                    self._value.source, value.node.start_mark.line + 1, f"“{key}” is not known here: one of {known}"
                )

    def wrong(self, problem: str) -> ProcedureFileError:
        """Return the error that says what is wrong with the whole."""
        return self._value.wrong(problem)

    def texts(self) -> Iterator[Value]:
        """Yield every text in it, at any depth."""
        yield from _texts(self._value)


def parsed(text: str, source: str) -> Value:
    """Return the one document that `text` is. Raises ProcedureFileError."""
    import yaml

    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if getattr(event, "anchor", None):
                raise ProcedureFileError(source, _line(event), "anchors and aliases are not allowed")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(error.problem or error.context or "not understood").split())
        raise ProcedureFileError(source, mark.line + 1 if mark else 1, f"no YAML: {problem}") from None
    except yaml.YAMLError as error:
        raise ProcedureFileError(source, 1, f"no YAML: {' '.join(str(error).split())[:200]}") from None
    except RecursionError:
        raise ProcedureFileError(source, 1, "nested too deeply") from None
    if node is None:
        raise ProcedureFileError(source, 1, "is empty")
    _check_depth(node, source, 0)
    return Value(node, source, "")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _check_depth(node: yaml.Node, source: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise ProcedureFileError(source, node.start_mark.line + 1, "nested too deeply")
    for one in node.value if not isinstance(node.value, str) else ():
        for each in one if isinstance(one, tuple) else (one,):
            _check_depth(each, source, depth + 1)


def _texts(value: Value) -> Iterator[Value]:
    if value.is_map():
        for _, one in value.mapping().pairs():
            yield from _texts(one)
    elif isinstance(value.node.value, list):
        for one in value.items():
            yield from _texts(one)
    else:
        yield value
