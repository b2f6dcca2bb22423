"""How one step is written: its verb is the key, beside it `on`, `to`, `expect`, `window`, `note`, `risky`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from opsagent_tools.gui.model import Fingerprint, Gesture, Verb
from opsagent_tools.gui.procedure import Expectation, ScreenStep, WindowRule
from opsagent_tools.gui.written.nodes import Map, Value
from opsagent_tools.gui.written.targets import target_data, target_of

_ON_ITSELF = (Verb.CLICK, Verb.DOUBLE, Verb.RIGHT, Verb.DRAG)
"""Verbs whose value is the target."""
_MOST_NOTCHES = 100
_LONGEST_WAIT_S = 600.0


def step_of(about: Map, program: str, secret: Collection[str]) -> ScreenStep:
    """Return a step. `program`: the procedure's; `secret`: names of its secret parameters. Raises ProcedureFileError."""
    verbs = [verb for verb in Verb if about.get(verb.value) is not None]
    if len(verbs) != 1:
        raise about.wrong(f"a step has one of: {', '.join(Verb)}")
    verb = verbs[0]
    value = about.need(verb.value)
    on = target_of(value) if verb in _ON_ITSELF else _target(about.get("on"))
    expected, window, note, risky = (about.get(key) for key in ("expect", "window", "note", "risky"))
    made = ScreenStep(
        gesture=_GESTURES[verb](value, about, secret),
        on=on,
        to=target_of(about.need("to")) if verb is Verb.DRAG else None,
        after=_expectation(expected) if expected is not None else None,
        window=_window(window, program) if window is not None else None,
        note=note.text() if note is not None else "",
        risky=risky.flag() if risky is not None else None,
    )
    about.done()
    if made.gesture.secret and made.on is None:
        raise about.wrong("a secret needs `on`: the field that it goes into")
    return made


def step_data(step: ScreenStep, program: str) -> dict[str, Any]:
    """Return a step as it is written."""
    gesture = step.gesture
    data: dict[str, Any] = {}
    match gesture.verb:
        case Verb.TYPE:
            data["type"] = {"secret": gesture.secret} if gesture.secret else gesture.text
            if not gesture.replace:
                data["replace"] = False
        case Verb.HOTKEY:
            data["hotkey"] = list(gesture.keys) if "+" in gesture.keys else "+".join(gesture.keys)
        case Verb.SCROLL:
            data["scroll"] = gesture.amount
        case Verb.WAIT:
            data["wait"] = gesture.seconds
        case verb:
            data[verb.value] = target_data(step.on or Fingerprint())
    if step.on is not None and gesture.verb not in _ON_ITSELF:
        data["on"] = target_data(step.on)
    if step.to is not None:
        data["to"] = target_data(step.to)
    if step.after is not None:
        data["expect"] = _expectation_data(step.after)
    if step.window is not None:
        rule: dict[str, Any] = {"program": step.window.program if step.window.program != program else ""}
        rule |= {"wm_class": step.window.wm_class, "title": step.window.title, "dialog": step.window.dialog}
        data["window"] = {key: value for key, value in rule.items() if value}
    if step.note:
        data["note"] = step.note
    return data | ({"risky": step.risky} if step.risky is not None else {})


def _type(value: Value, about: Map, secret: Collection[str]) -> Gesture:
    replace = about.get("replace")
    clear = replace.flag() if replace is not None else True
    if value.is_map():
        named = value.mapping()
        name = named.need("secret").text()
        named.done()
        return Gesture(verb=Verb.TYPE, secret=name, replace=clear)
    text = value.text()
    if text.startswith("{") and text.endswith("}") and text[1:-1] in secret:
        return Gesture(verb=Verb.TYPE, secret=text[1:-1], replace=clear)
    if not text:
        raise value.wrong("there is nothing to type")
    return Gesture(verb=Verb.TYPE, text=text, replace=clear)


def _hotkey(value: Value, about: Map, secret: Collection[str]) -> Gesture:
    del about, secret
    keys = (
        [one.strip().lower() for one in value.text().split("+")]
        if value.is_text()
        else [one.text().lower() for one in value.items()]
    )
    if not keys or not all(keys):
        raise value.wrong("must be like: ctrl+s")
    return Gesture(verb=Verb.HOTKEY, keys=tuple(keys))


def _scroll(value: Value, about: Map, secret: Collection[str]) -> Gesture:
    del about, secret
    amount = value.whole()
    if not 0 < abs(amount) <= _MOST_NOTCHES:
        raise value.wrong(f"must be from 1 to {_MOST_NOTCHES} notches, negative is up")
    return Gesture(verb=Verb.SCROLL, amount=amount)


def _wait(value: Value, about: Map, secret: Collection[str]) -> Gesture:
    del about, secret
    seconds = value.number()
    if not 0 < seconds <= _LONGEST_WAIT_S:
        raise value.wrong(f"must be from 0 to {_LONGEST_WAIT_S:g} seconds")
    return Gesture(verb=Verb.WAIT, seconds=seconds)


def _pointed(verb: Verb) -> Callable[[Value, Map, Collection[str]], Gesture]:
    return lambda _value, _about, _secret: Gesture(verb=verb)


_GESTURES: dict[Verb, Callable[[Value, Map, Collection[str]], Gesture]] = {
    Verb.TYPE: _type,
    Verb.HOTKEY: _hotkey,
    Verb.SCROLL: _scroll,
    Verb.WAIT: _wait,
    **{verb: _pointed(verb) for verb in _ON_ITSELF},
}


def _target(value: Value | None) -> Fingerprint | None:
    return target_of(value) if value is not None else None


def _expectation(value: Value) -> Expectation:
    if value.is_text():
        return Expectation(shows=value.text())
    about = value.mapping()
    texts = {key: given.text() for key in ("shows", "gone", "value", "window") if (given := about.get(key)) is not None}
    checked, closed, within = about.get("checked"), about.get("closed"), about.get("within_s")
    made = Expectation(
        **texts,
        checked=checked.flag() if checked is not None else None,
        closed=closed.flag() if closed is not None else False,
        within_s=within.number() if within is not None else Expectation().within_s,
    )
    about.done()
    if made == Expectation(within_s=made.within_s):
        raise about.wrong("expects nothing: shows, gone, value, checked, window or closed")
    if not 0 < made.within_s <= _LONGEST_WAIT_S:
        raise about.wrong(f"within_s must be from 0 to {_LONGEST_WAIT_S:g}")
    return made


def _expectation_data(one: Expectation) -> Any:
    if one == Expectation(shows=one.shows):
        return one.shows
    data: dict[str, Any] = {
        key: value
        for key, value in (("shows", one.shows), ("gone", one.gone), ("value", one.value), ("window", one.window))
        if value
    }
    if one.checked is not None:
        data["checked"] = one.checked
    if one.closed:
        data["closed"] = True
    return data | ({"within_s": one.within_s} if one.within_s != Expectation().within_s else {})


def _window(value: Value, program: str) -> WindowRule:
    if value.is_text():
        return WindowRule(program=program, title=value.text())
    about = value.mapping()
    given = {key: one.text() for key in ("program", "wm_class", "title") if (one := about.get(key)) is not None}
    dialog = about.get("dialog")
    about.done()
    return WindowRule(**({"program": program} | given), dialog=dialog.flag() if dialog is not None else False)
