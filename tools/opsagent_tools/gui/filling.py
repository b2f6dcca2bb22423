"""Parameters put into a procedure: `{month}` in a text becomes its value, `{{` and `}}` are braces. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from opsagent_tools.gui.model import Fingerprint, Gesture
from opsagent_tools.gui.procedure import EffectCheck, Expectation, ScreenProcedure, ScreenStep, WindowRule

_PLACE = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LONGEST_VALUE = 10_000


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of the parameters that a text asks for."""
    return tuple(found.group(1) for found in _PLACE.finditer(text) if found.group(1))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return the text with its parameters' values; a name that is not given stays as it stands."""

    def value(found: re.Match[str]) -> str:
        if found.group(1) is None:
            return found.group()[0]
        return values.get(found.group(1), found.group())

    return _PLACE.sub(value, text)


def given(procedure: ScreenProcedure, values: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return the values that the procedure is played with, defaults among them, and what is wrong with them (or nothing).

    Secrets are no values: they are fetched by name when they are typed.
    """
    wanted = {one.name: one for one in procedure.parameters if not one.secret}
    secret = {one.name for one in procedure.parameters if one.secret}
    played: dict[str, str] = {}
    for name, one in wanted.items():
        value = values.get(name, one.default)
        if value is None:
            return {}, f"the parameter {name} is not given" + (f" (like {one.example})" if one.example else "")
        if len(value) > _LONGEST_VALUE or any(ord(char) < 32 and char != "\t" for char in value):
            return {}, f"the parameter {name} is not one line of text"
        if one.pattern and re.fullmatch(one.pattern, value) is None:
            return {}, f"the parameter {name} is not like {one.pattern}"
        played[name] = value
    unknown = sorted(set(values) - set(wanted) - secret)
    return (played, "") if not unknown else ({}, f"{procedure.name} has no parameter {unknown[0]}")


def filled_step(step: ScreenStep, values: Mapping[str, str]) -> ScreenStep:
    """Return a step as it is done with these values."""
    return replace(
        step,
        gesture=_gesture(step.gesture, values),
        on=filled_fingerprint(step.on, values) if step.on else None,
        to=filled_fingerprint(step.to, values) if step.to else None,
        after=_expectation(step.after, values) if step.after else None,
        window=filled_rule(step.window, values) if step.window else None,
    )


def filled_fingerprint(one: Fingerprint, values: Mapping[str, str]) -> Fingerprint:
    """Return a fingerprint with the values in its texts."""
    return replace(
        one,
        name=filled(one.name, values),
        label=filled(one.label, values),
        within=filled(one.within, values),
        anchor=replace(one.anchor, text=filled(one.anchor.text, values)) if one.anchor else None,
        neighbours=tuple(filled(name, values) for name in one.neighbours),
    )


def filled_rule(rule: WindowRule, values: Mapping[str, str]) -> WindowRule:
    """Return a rule for windows with the values in its title."""
    return replace(rule, title=filled(rule.title, values))


def filled_effects(effects: tuple[EffectCheck, ...], values: Mapping[str, str]) -> tuple[EffectCheck, ...]:
    """Return effects with the values in their paths and texts."""
    return tuple(
        replace(
            one,
            file=filled(one.file, values),
            contains=filled(one.contains, values),
            log=filled(one.log, values),
            absent=filled(one.absent, values),
        )
        for one in effects
    )


def _gesture(gesture: Gesture, values: Mapping[str, str]) -> Gesture:
    return replace(gesture, text=filled(gesture.text, values))


def _expectation(one: Expectation, values: Mapping[str, str]) -> Expectation:
    return replace(
        one,
        shows=filled(one.shows, values),
        gone=filled(one.gone, values),
        value=filled(one.value, values),
        window=filled(one.window, values),
    )
