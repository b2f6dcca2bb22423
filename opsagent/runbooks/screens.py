"""Steps of runbooks that run a procedure on a screen, for the service that the runbook is about. Pure.

The file names the procedure and what it is told; which version is accepted is put beside it when the file is read. The hand
plays that version and no other, so a plan that was approved is what is done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from opsagent.model import Scalar, Step
from opsagent.runbooks.library.card import RunbookError
from opsagent.screen_settings import OWN
from opsagent_tools.units import Unit

PROCEDURE = "procedure"
_VERSION, _DIGEST, _RISKY, _PATTERNS, _ORDER = "@version", "@digest", "@risky", "@patterns", "@order"
_OURS = frozenset({PROCEDURE, _VERSION, _DIGEST, _RISKY, _PATTERNS, _ORDER})


def bound(args: Mapping[str, Scalar], accepted: Mapping[str, Mapping[str, Any]]) -> dict[str, Scalar]:
    """Return the arguments of such a step with the version that is accepted. Raises RunbookError, with the mend."""
    name = str(args.get(PROCEDURE, ""))
    if not name:
        raise RunbookError('names no procedure: write args = { procedure = "export report", month = "march" }')
    found = accepted.get(name)
    if found is None:
        raise RunbookError(f"{name!r} is no accepted procedure: `opsagent gui list` shows them")
    takes: Mapping[str, Any] = found.get("parameters", {})
    told = {key: value for key, value in args.items() if key not in _OURS}
    unknown = next((key for key in told if key not in takes), None)
    if unknown is not None:
        raise RunbookError(f"{name} takes no {unknown!r}: it takes {', '.join(takes) or 'nothing'}")
    defaults = {key: _default(key, one) for key, one in takes.items() if key not in told}
    missing = next((key for key, value in defaults.items() if value is None), None)
    if missing is not None:
        raise RunbookError(f"{name} has to be told {missing}: write it into args")
    patterns = {key: str(one["pattern"]) for key, one in takes.items() if one.get("pattern") and not one.get("secret")}
    return {
        **args,
        **{key: value for key, value in defaults.items() if value is not None},
        _VERSION: int(found["version"]),
        _DIGEST: str(found["digest"]),
        _RISKY: str(found.get("risky", "")),
        _PATTERNS: json.dumps(patterns),
        _ORDER: json.dumps(list(takes)),
    }


def _default(name: str, parameter: Mapping[str, Any]) -> str | None:
    """Return what is told where a file says nothing: of a secret, the one that is called like the parameter."""
    if parameter.get("default") is not None:
        return str(parameter["default"])
    return name if parameter.get("secret") else None


def procedure_step(unit: Unit, args: Mapping[str, Scalar], why: str) -> Step:
    """Return the step. Raises ValueError where what was looked up may not be told to it, KeyError where it is not bound."""
    from opsagent.screens.planning import as_told, step_of  # few runbooks need it

    if _ORDER not in args:
        raise ValueError("an accepted version of its procedure, which is looked up when the file lies in `runbooks/`")
    told = {key: _word(value) for key, value in args.items() if key not in _OURS}
    for key, pattern in json.loads(str(args[_PATTERNS])).items():
        if not re.fullmatch(pattern, told[key]):
            raise ValueError(f"a {key} that {args[PROCEDURE]} takes: it is {told[key][:40]!r}")
    made: dict[str, Scalar] = {
        "procedure": str(args[PROCEDURE]),
        "version": int(args[_VERSION]),
        "digest": str(args[_DIGEST]),
        "told": as_told(json.loads(str(args[_ORDER])), told),
        "display": OWN,  # a runbook never touches a desktop that people share
    }
    if args[_RISKY]:
        made["risky"] = str(args[_RISKY])
    return step_of(unit.id, made, why)


def _word(value: Scalar) -> str:
    """What was looked up is data: one line that can be shown."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) > 2000 or not text.isprintable():
        raise ValueError(f"a value that may be typed (it is {text[:40]!r})")
    return text
