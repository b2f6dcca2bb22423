"""A runbook of a person's own in Python: `RUNBOOK`, a dict like the TOML, whose conditions may be functions.

    from opsagent.runbooks.writing import Against, Fit, fits

    RUNBOOK = {
        "title": "…", "cause": "…", "answers": ["crash"], "looks_for": "…", "never": "…",
        "remedy": [{"name": "renew", "does": "…", "expects": "…", "undo": "…", "step": [{"action": "restart"}]}],
    }

    @fits("renew")
    def _(findings, target):
        return Fit(target=target, why="…")

It is code of the agent's own user, and runs inside the agent: it is read from the very file that was checked, into a
module of its own that nothing can import. What it raises makes the runbook unusable, and nothing else. Its steps are
typed actions like everybody's.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from opsagent.runbooks.case import Target
from opsagent.runbooks.findings import Findings, NotAsked
from opsagent.runbooks.library.card import Card, RemedyCard, RunbookError
from opsagent.runbooks.library.reading import card_from
from opsagent.runbooks.remedy import Against, Fit
from opsagent_tools.redact import redact

FITS = "__opsagent_fits__"
"""Attribute of a function: name of the remedy that it is the condition of."""
_Judge = Callable[[Findings, Target], Fit | Against]


def card_of(source: str, path: Path) -> Card:
    """Run the file and return its runbook. Raises RunbookError."""
    module = types.ModuleType(f"opsagent_own_runbook_{path.stem}")
    module.__file__, module.__package__ = str(path), ""
    module.__dict__["print"] = partial(print, file=sys.stderr)  # standard output is whose who asked: JSON, say
    try:
        exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102  # the user's own
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        said = redact(" ".join(str(error).split()))  # what somebody's code says may quote what it read
        raise RunbookError(f"{path}: {_line_of(error, path)}{type(error).__name__}: {said}: mend that") from error
    document = module.__dict__.get("RUNBOOK")
    if not isinstance(document, dict):
        raise RunbookError(f"{path}: has no RUNBOOK: write RUNBOOK = {{…}}, as a runbook's TOML would say it")
    judges: dict[str, _Judge] = {
        getattr(value, FITS): value for value in module.__dict__.values() if callable(value) and hasattr(value, FITS)
    }
    card = card_from(_plain(document, path), name=path.stem, source=str(path), own=True, judged=frozenset(judges))
    strangers = judges.keys() - {one.name for one in card.remedies}
    if strangers:
        raise RunbookError(f"{path}: @fits({min(strangers)!r}): there is no such remedy: name one of RUNBOOK's")
    return replace(card, remedies=tuple(_judged(one, judges.get(one.name)) for one in card.remedies))


def _plain(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return a copy of plain values only, tuples as lists."""
    try:
        found = json.loads(json.dumps(document, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise RunbookError(f"{path}: RUNBOOK: {error}: write texts, numbers, lists and dicts only") from error
    assert isinstance(found, dict)
    return found


def _judged(said: RemedyCard, judge: Callable[[Findings, Target], object] | None) -> RemedyCard:
    if judge is None:
        return said

    def guarded(findings: Findings, target: Target) -> Fit | Against:
        try:
            found = judge(findings, target)
        except (NotAsked, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001  # somebody's own code must not end a decision, nor the agent
            return Against(f"{said.counts_as} broke: {type(error).__name__}")
        if not isinstance(found, Fit | Against):
            return Against(f"{said.counts_as} says neither that it fits nor why not")
        if isinstance(found, Fit) and found.target.unit.id != target.unit.id:
            return Against(f"{said.counts_as} names another unit than it aims at")
        return found

    return replace(said, judge=guarded)


def _line_of(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError) and error.lineno:
        return f"line {error.lineno}: "
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"line {line}: " if line else ""
