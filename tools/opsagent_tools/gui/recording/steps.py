"""From what was done to a procedure: fingerprints, values generalised into parameters, secrets by name. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from opsagent_tools.gui.fingerprints import fingerprint_of
from opsagent_tools.gui.matching.roles import CHOICES, FIELDS, PRESSED, SECRET, is_on
from opsagent_tools.gui.model import Element, Fingerprint, Gesture, Look, Point, Verb, Window
from opsagent_tools.gui.procedure import Parameter, ScreenProcedure, ScreenStep, WindowRule
from opsagent_tools.gui.recording.eyes import Seen
from opsagent_tools.gui.recording.values import literal, slug, without_typed
from opsagent_tools.gui.recording.windows import expected_after, main_window, other_window, switches
from opsagent_tools.redact import redact

_CARET = frozenset("left right up down home end delete backspace".split())
_EDITS = frozenset({("ctrl", "a"), ("ctrl", "v"), ("ctrl", "c"), ("ctrl", "x"), ("shift", "insert"), ("ctrl", "z")})
_BY_KEY = frozenset({("space",), ("return",), ("kp_enter",)})
_TO_NEXT = frozenset({("tab",), ("shift", "tab"), ("shift", "iso_left_tab")})
_UNKNOWN = "unknown"
"""Role of what nobody saw: nothing is of it, so that a step on it is never done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """One gesture, and what it was done to."""

    gesture: Gesture
    """A TYPE holds no text where the field is secret, or where it is not known which field it was."""
    window: Window | None = None
    seen: Seen | None = None
    to: Seen | None = None
    now: Element | None = None
    """The element after it: of a field, or of what can be checked."""
    read: Look | None = None
    """What was recognised on the window just before, where that is another way to look at it."""
    closed: bool = False
    """Afterwards no window of the program was there any more."""
    point: Point | None = None
    """Where the pointer was."""

    @property
    def where(self) -> Window | None:
        """The window that it was done to; of a popup, the one that it belongs to, where that is known."""
        return self.seen.look.window if self.seen is not None else self.window

    @property
    def said(self) -> str:
        """Return it in words, without what was typed."""
        on = self.seen.element if self.seen else None
        what = " + ".join(self.gesture.keys) or (f"{self.gesture.amount} notches" if self.gesture.amount else "")
        called = f"{on.role} “{on.name or on.label}”" if on else "something that is not known"
        return " ".join(filter(None, (self.gesture.verb.value, what, "" if what and not on else called)))


@dataclass(frozen=True, slots=True)
class Recording:
    """All that was done, in order."""

    done: tuple[Did, ...]
    ignored: tuple[str, ...] = ()
    """What was done that a procedure has no word for."""

    def procedure(self, name: str, *, title: str = "", keep: Collection[str] = ()) -> Recorded:
        """Return the procedure that was shown.

        Args:
            name: of the procedure.
            title: for people.
            keep: names of parameters that are no parameters: what was typed is typed each time.
        """
        return _Making(self, keep).made(name, title)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A procedure as it was recorded, its pictures, and what a person should look at."""

    procedure: ScreenProcedure
    crops: dict[str, bytes]
    """File name → PNG, as `Fingerprint.crop` names them."""
    notes: tuple[str, ...]


def clicked_field(did: Did) -> Seen | None:
    """Return the field that a click gave the keys to; None: it was no such click."""
    on_field = did.seen is not None and did.seen.element.role in FIELDS | SECRET
    return did.seen if on_field and did.gesture.verb in {Verb.CLICK, Verb.DOUBLE} else None


@dataclass(slots=True)
class _Making:
    """The making of one procedure."""

    recording: Recording
    keep: Collection[str]
    parameters: list[Parameter] = field(default_factory=list)
    crops: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def made(self, name: str, title: str) -> Recorded:
        done = list(_joined(self.recording.done))
        main = main_window(done)
        rule = WindowRule(program="") if main is None else WindowRule(program=main.program, wm_class=main.wm_class)
        if main is None:
            self.notes.append("no window was used whose program is known: name it in `window`")
        steps: list[ScreenStep] = []
        for number, one in enumerate(done):
            if one.where is not None and one.where.program != rule.program:
                self.notes.append(f"left out, as it was done on another program ({one.where.program}): {one.said}")
                continue
            following = done[number + 1] if number + 1 < len(done) else None
            steps.append(self._step(len(steps) + 1, one, main, following))
        self.notes.extend(f"left out, as a procedure has no word for it: {what}" for what in self.recording.ignored)
        sources = {one.seen.look.source for one in done if one.seen is not None}
        made = ScreenProcedure(
            name=name, title=title, window=rule, steps=tuple(steps), parameters=tuple(self.parameters),
            surface=sources.pop() if len(sources) == 1 else None,
        )  # fmt: skip
        return Recorded(made, self.crops, tuple(self.notes))

    def _step(self, number: int, one: Did, main: Window | None, following: Did | None) -> ScreenStep:
        gesture = self._generalised(one) if one.gesture.verb is Verb.TYPE else one.gesture
        needs = gesture.verb not in {Verb.HOTKEY, Verb.WAIT}
        on = self._fingerprint(number, one.seen, one.read) if needs or _pressed_in_field(one) else None
        to = self._fingerprint(number, one.to, None)
        note = ""
        if needs and (on is None or (gesture.verb is Verb.DRAG and to is None)):
            note = "what this was done to is not known: describe it"
            self.notes.append(f"step {number} ({gesture.verb}): {note}")
            on = on or Fingerprint(role=_UNKNOWN)
        if switches(one) and one.now is not None and is_on(one.now) is None:
            self.notes.append(
                f"step {number} ({gesture.verb}): its picture does not tell whether it is set: a run clicks it"
            )
        window = other_window(one, main)
        return ScreenStep(gesture=gesture, on=on, to=to, after=expected_after(one, following), note=note, window=window)

    def _fingerprint(self, number: int, seen: Seen | None, read: Look | None) -> Fingerprint | None:
        if seen is None:
            return None
        made = without_typed(fingerprint_of(seen.element, seen.look, read=_without_values(seen, read)), self._typed())
        if not seen.crop:
            return made
        stem = f"{number:02}-{slug(made.name or made.label or made.role)[:24] or 'target'}"
        crop = f"{_unused(stem, [name.removesuffix('.png') for name in self.crops])}.png"
        self.crops[crop] = seen.crop
        return replace(made, crop=crop)

    def _typed(self) -> list[str]:
        return [one.gesture.text for one in self.recording.done if one.gesture.verb is Verb.TYPE and one.gesture.text]

    def _generalised(self, one: Did) -> Gesture:
        """Return the typing of a parameter's value, or of a secret's."""
        element = one.seen.element if one.seen else None
        wanted = one.gesture.secret or slug((element.label or element.name) if element else "") or "text"
        name = _unused(wanted, [each.name for each in self.parameters])
        if one.gesture.secret:
            self.parameters.append(Parameter(name=name, secret=True))
            return replace(one.gesture, secret=name)
        if name in self.keep and one.gesture.text:
            return replace(one.gesture, text=literal(one.gesture.text))
        shown = one.gesture.text if redact(one.gesture.text) == one.gesture.text else ""
        if not shown:
            self.notes.append(f"what was typed for “{name}” was not kept: it must be given")
        self.parameters.append(Parameter(name=name, example=shown))
        return replace(one.gesture, text=f"{{{name}}}")


def _without_values(seen: Seen, read: Look | None) -> Look | None:
    """Return what was recognised, without what stands in fields: it is no sign to know a place by, and nobody's business."""
    if read is None:
        return None
    fields = [one.box for one in seen.look.elements if one.role in FIELDS | SECRET]
    texts = [one for one in read.elements if not any(box.holds(one.box.center) for box in fields)]
    return replace(read, elements=tuple(texts))


def _joined(done: Sequence[Did]) -> Iterator[Did]:
    """Yield what was meant: a click into a field that is then typed into is part of the typing, caret's keys too."""
    waiting: Did | None = None
    for one in map(_by_pointer, done):
        if waiting is None:
            waiting = one
            continue
        joined = _as_one(waiting, one)
        if joined is None:
            yield waiting
        waiting = joined or one
    if waiting is not None:
        yield waiting


def _as_one(first: Did, then: Did) -> Did | None:
    """Return one gesture for two that belong together, else None."""
    if then.gesture.verb is Verb.TYPE and then.seen is not None:
        if first.gesture.verb in {Verb.CLICK, Verb.DOUBLE} and (_same(first, then) or _pointed_into(first, then.seen)):
            return then
        if first.gesture.verb is Verb.HOTKEY and first.gesture.keys in _TO_NEXT:
            return then
        if first.gesture.verb is Verb.TYPE and _same(first, then):
            return _typed(first, then)
    if (
        _edits(then)
        and first.gesture.verb in {Verb.TYPE, Verb.CLICK, Verb.DOUBLE}
        and _same(first, then)
        and _is_field(first)
    ):
        return first if first.gesture.verb is Verb.TYPE else then
    if _edits(first) and then.gesture.verb is Verb.TYPE and _same(first, then):
        return then
    return None


def _pointed_into(click: Did, field: Seen) -> bool:
    """Tell whether a click that was faster than any look was into the field that had the keys after it."""
    return (
        click.seen is None
        and click.point is not None
        and field.element.role in FIELDS | SECRET
        and field.element.box.holds(click.point)
        and (click.window is None or click.window.id == field.look.window.id)
    )


def _typed(first: Did, then: Did) -> Did:
    """Return two goes at one field as one: the later value is the whole of it, where it was read from the field."""
    if then.now is not None and then.now.value is not None:
        return then
    if then.gesture.secret or first.gesture.secret:
        return then if then.gesture.secret else first
    both = first.gesture.text + then.gesture.text
    return replace(then, gesture=replace(first.gesture, text=both if first.gesture.text and then.gesture.text else ""))


def _by_pointer(one: Did) -> Did:
    """Return Space or Return on a focused button as the click that it stands for."""
    on = one.seen.element if one.seen else None
    pressed = on is not None and on.role in (PRESSED | CHOICES if one.gesture.keys == ("space",) else PRESSED)
    if one.gesture.verb is Verb.HOTKEY and one.gesture.keys in _BY_KEY and pressed:
        return replace(one, gesture=Gesture(verb=Verb.CLICK))
    return one


def _pressed_in_field(one: Did) -> bool:
    """Tell whether a key says something to the field that has the keys, and not to the window as ctrl+s does."""
    return one.gesture.verb is Verb.HOTKEY and _is_field(one) and not {"ctrl", "alt", "super"} & {*one.gesture.keys}


def _edits(one: Did) -> bool:
    keys = one.gesture.keys
    plain = tuple(key for key in keys if key not in {"shift", "ctrl"})
    return one.gesture.verb is Verb.HOTKEY and (keys in _EDITS or (len(plain) == 1 and plain[0] in _CARET))


def _is_field(one: Did) -> bool:
    return one.seen is not None and one.seen.element.role in FIELDS | SECRET


def _same(one: Did, other: Did) -> bool:
    """Tell whether both were done to the same element."""
    if one.seen is None or other.seen is None or one.seen.look.window.id != other.seen.look.window.id:
        return False
    first, second = one.seen.element, other.seen.element
    alike = (first.role, first.name, first.label) == (second.role, second.name, second.label)
    return first.id == second.id or (alike and first.box.holds(second.box.center))


def _unused(name: str, used: Collection[str]) -> str:
    number = next(count for count in range(1, len(used) + 2) if (f"{name}_{count}" if count > 1 else name) not in used)
    return f"{name}_{number}" if number > 1 else name
