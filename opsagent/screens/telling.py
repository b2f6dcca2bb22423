"""What a procedure is told when it is called: by name, or as people say it in a command. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from opsagent.screens.errors import WrongParameters
from opsagent_tools.gui.procedure import Parameter, ScreenProcedure

_LONGEST = 2000
_PAIR = re.compile(r"([^\W\d][\w-]*)\s*(?:=|:)\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s,;]+))")


def told_by_name(procedure: ScreenProcedure, given: Mapping[str, str]) -> dict[str, str]:
    """Return every parameter's value: as it is given, else its default. Raises WrongParameters.

    Of a secret it is the name under `[screens.secrets]`; where none is given, the one that is called like the parameter.
    """
    known = {one.name: one for one in procedure.parameters}
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            mend = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known) or 'nothing'}"
            raise WrongParameters(f"{procedure.name} takes no {name!r}: {mend}")
    found: dict[str, str] = {}
    missing = []
    for name, parameter in known.items():
        value = given.get(name, name if parameter.secret and parameter.default is None else parameter.default)
        if value is None:
            missing.append(parameter)
        else:
            found[name] = _checked(procedure, parameter, value)
    if missing:
        raise WrongParameters(f"{procedure.name} has to be told {' and '.join(_wanted(one) for one in missing)}")
    return found


def told_by_text(procedure: ScreenProcedure, text: str) -> dict[str, str]:
    """Return every parameter's value from what a person said: `march`, `month=march year=2026`. Raises WrongParameters."""
    said = text.strip()
    if not said:
        return told_by_name(procedure, {})
    names = {one.name for one in procedure.parameters}
    pairs = {name: next(filter(None, values), "") for name, *values in _PAIR.findall(said)}
    rest = _PAIR.sub("", said).strip(" ,;")
    if pairs and not rest and set(pairs) <= names:
        return told_by_name(procedure, pairs)
    plain = [one for one in procedure.parameters if not one.secret]
    wanted = [one for one in plain if one.default is None] or plain
    if len(wanted) == 1:
        first, _, value = said.partition(" ")
        value = value if first.lower() == wanted[0].name.lower() and value.strip() else said  # `month march`
        return told_by_name(procedure, {wanted[0].name: value.strip()})
    if not wanted:
        raise WrongParameters(f"{procedure.name} takes nothing, and was told {said!r}")
    example = " ".join(f"{one.name}={one.example or '…'}" for one in wanted)
    raise WrongParameters(f"{procedure.name} takes {len(wanted)} values: say which is which: {example}")


def _checked(procedure: ScreenProcedure, parameter: Parameter, value: str) -> str:
    if len(value) > _LONGEST or not all(char.isprintable() for char in value):
        raise WrongParameters(
            f"{parameter.name} of {procedure.name} has to be one line of at most {_LONGEST:,} letters"
        )
    if parameter.secret:
        return value.removeprefix("@")  # the name of a secret, never the secret
    if parameter.pattern and not re.fullmatch(parameter.pattern, value):
        example = f", like {parameter.example}" if parameter.example else ""
        raise WrongParameters(
            f"{parameter.name} of {procedure.name} cannot be {value!r}: it has to be {parameter.pattern}{example}"
        )
    return value


def _wanted(parameter: Parameter) -> str:
    if parameter.secret:
        return f"{parameter.name} (the name of a secret under [screens.secrets])"
    return parameter.name + (f" (like {parameter.example})" if parameter.example else "")
