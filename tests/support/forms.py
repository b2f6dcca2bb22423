"""Random forms as scripted windows, and what may happen to them between recording and replay. Identity is the key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from opsagent_tools.gui.fake import Control, FakeProgram, FakeWindow, look_of
from opsagent_tools.gui.model import Box, Located, Look, SurfaceKind

_LABELS = (
    "Name Host Port User Email Phone City Street Amount Date Comment Path Title Owner Region Zone Queue Topic Retries Timeout "
    "Prefix Suffix Weight Height Width Depth Colour Language Currency Account"
).split()
_TWO_WORDS = (
    "Host name",
    "File name",
    "User name",
    "Start date",
    "End date",
    "Max size",
    "Min size",
    "Log level",
    "Report type",
)
_BUTTONS = (
    "OK",
    "Cancel",
    "Export",
    "Export all",
    "Import",
    "Browse…",
    "Add",
    "Edit",
    "Close",
    "Help",
    "Details",
    "Start",
    "Stop",
)
_CHECKS = ("Enable logging", "Use proxy", "Keep files", "Show hidden", "Remember me", "Verbose", "Disable cache")
_GROUPS = ("Source", "Destination", "Network", "General", "Advanced", "Output")
_RENAMES = {
    "Name": "Full name",
    "Host": "Server",
    "Email": "E-mail address",
    "Phone": "Telephone",
    "Comment": "Remarks",
}
_NONSENSE = ("Zorb", "Quux", "Fnord", "Blarg")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a form: a labelled field, a check box, a label, or some buttons side by side."""

    kind: str
    """field, password, check, label or buttons"""
    key: str
    text: str
    value: str = ""
    buttons: tuple[tuple[str, str], ...] = ()
    """Key and name of buttons beside a field, or of a row of them."""
    disabled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
    """A part of a form, with a frame if it has a name."""

    key: str
    name: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A form as its program means it, whatever it looks like."""

    title: str
    groups: tuple[Group, ...]
    rows: tuple[tuple[str, str], ...] = ()
    """A table: key and name of each row; a row has the buttons Edit and Delete."""
    left: int = 40
    top: int = 30
    width: int = 700
    font: float = 1.0
    above: bool = False
    """Labels stand above their fields."""
    floating: tuple[tuple[str, str], ...] = field(default=())
    """Role and name of things that are drawn beside it: tooltips, a status line."""
    called: str = ""
    """What the target was called when it was recorded: decoys take that name."""
    home: str = ""
    """Name of the group that it was in; empty where that cannot be seen."""


def recorded(form: Form, key: str) -> Form:
    """Return the form with a note of what the target is called, and where it is."""
    inside = [
        group.name for group in form.groups if any(key == one.key or key in dict(one.buttons) for one in group.items)
    ]
    return replace(form, called=name_of(form, key), home=inside[0] if inside else "")


def random_form(random: Random) -> Form:
    """Return a form of one to three groups, perhaps with a table."""
    labels = random.sample([*_LABELS, *_TWO_WORDS], 14)
    names = random.sample(_GROUPS, 3)
    groups: list[Group] = []
    count = 0
    for number in range(random.randint(1, 3)):
        items: list[Item] = []
        for _ in range(random.randint(2, 5)):
            # A label may come again in another group: two equal fields that only their groups tell apart.
            again = groups and random.random() < 0.2
            text = random.choice(groups[0].items).text if again else labels.pop() if labels else f"Field {count}"
            if text not in [one.text for one in items] and text:
                items.append(_item(random, f"i{count}", text))
                count += 1
        named = names[number] if random.random() < 0.7 else ""
        if random.random() < 0.5:
            items.append(_button_row(random, f"b{count}", random.randint(1, 3)))
            count += 1
        groups.append(Group(f"g{number}", named, tuple(items)))
    last = Group("last", "", (_button_row(random, "last", random.randint(2, 4)),))
    rows = tuple((f"r{n}", name) for n, name in enumerate(random.sample(("alpha", "beta", "gamma", "delta"), 3)))
    return Form("Form", (*groups, last), rows if random.random() < 0.4 else (), above=random.random() < 0.3)


def _item(random: Random, key: str, text: str) -> Item:
    kind = random.choices(("field", "check", "password"), (8, 2, 0.5))[0]
    if kind == "check":
        return Item("check", key, random.choice(_CHECKS))
    beside = ((f"{key}.browse", "Browse…"),) if random.random() < 0.15 else ()
    return Item(kind, key, text, random.choice(("", "", "42", "some text")), beside)


def _button_row(random: Random, key: str, count: int) -> Item:
    names = random.sample(_BUTTONS, count)
    return Item("buttons", key, "", buttons=tuple((f"{key}.{n}", name) for n, name in enumerate(names)))


def window(form: Form) -> FakeWindow:
    """Lay the form out as an accessible program shows it."""
    line, char = round(20 * form.font), round(8 * form.font)
    root = Control("window", "window", form.title, box=Box(form.left, form.top, form.width, 900))
    controls = [root]
    y = form.top + 12
    for group in form.groups:
        frame = Control(group.key, "group", group.name, box=Box(form.left + 4, y, form.width - 8, 0), parent="window")
        controls.append(frame)
        y += line if group.name else 4
        wide = max((len(one.text) for one in group.items if one.kind in {"field", "password"}), default=4) * char
        for item in group.items:
            at = Box(form.left + 12, y, form.width - 24, line)
            made, y = _laid_out(item, group.key, at, 0 if form.above else wide, char)
            controls += made
        frame.box = replace(frame.box, height=y - frame.box.top)
        y += 8
    for key, name in form.rows:
        controls += _row(key, name, Box(form.left + 12, y, form.width - 24, line + 6), char)
        y += line + 8
    for number, (role, name) in enumerate(form.floating):
        box = Box(form.left + 30 + 90 * number, y + 4, len(name) * char + 8, line)
        controls.append(Control(f"float{number}", role, name, box=box, parent="window"))
    root.box = replace(root.box, height=y + 2 * line - root.box.top)
    return FakeWindow(form.title, controls, root.box)


def _laid_out(item: Item, parent: str, at: Box, wide: int, char: int) -> tuple[list[Control], int]:
    """Return the controls of a line and where the next one begins; labels stand `wide` before their fields, or above them."""
    line, gap = at.height, 10
    y = at.top
    made: list[Control] = []
    if item.kind == "label":
        box = Box(at.left, y, len(item.text) * char, line)
        return [Control(item.key, "label", item.text, box=box, parent=parent)], y + line + 6
    if item.kind == "check":
        box = Box(at.left, y, len(item.text) * char + line, line)
        return [Control(item.key, "check box", item.text, box=box, parent=parent)], y + line + 6
    x = at.left
    if item.kind in {"field", "password"}:
        made.append(
            Control(
                f"{item.key}.label",
                "label",
                f"{item.text}:",
                box=Box(x, y + 3, (len(item.text) + 1) * char, line),
                parent=parent,
            )
        )
        if not wide:
            y += line + 4
        else:
            x += wide + char + gap
        role = "text field" if item.kind == "field" else "password field"
        states = frozenset({"enabled", "visible", "editable", *({"secret"} if item.kind == "password" else ())})
        spare = sum(len(name) * char + 34 for _, name in item.buttons)
        box = Box(x, y, max(60, at.right - x - spare), line + 8)
        made.append(Control(item.key, role, "", item.text, item.value, box, parent, states))
        x = box.right + 8
    for key, name in item.buttons:
        states = frozenset({"visible"} if key in item.disabled else {"visible", "enabled"})
        box = Box(x, y, len(name) * char + 24, line + 8)
        made.append(Control(key, "button", name, box=box, parent=parent, states=states))
        x = box.right + 10
    return made, y + line + 14


def _row(key: str, name: str, at: Box, char: int) -> list[Control]:
    cell = Control(key, "table cell", name, box=Box(at.left, at.top, 200, at.height), parent="window")
    edit = Control(
        f"{key}.edit", "button", "Edit", box=Box(at.left + 220, at.top, 4 * char + 24, at.height), parent="window"
    )
    delete = Control(
        f"{key}.delete",
        "button",
        "Delete",
        box=Box(edit.box.right + 10, at.top, 6 * char + 24, at.height),
        parent="window",
    )
    return [cell, edit, delete]


Drift = Callable[[Form, str, Random], Form]


def moved(form: Form, key: str, random: Random) -> Form:
    """Elsewhere on the screen."""
    return replace(form, left=form.left + random.randint(5, 300), top=form.top + random.randint(5, 200))


def resized(form: Form, key: str, random: Random) -> Form:
    """Narrower or wider."""
    return replace(form, width=random.randint(480, 1100))


def bigger_font(form: Form, key: str, random: Random) -> Form:
    """Font x1.4 or x2."""
    return replace(form, font=random.choice((1.4, 2.0)))


def reordered(form: Form, key: str, random: Random) -> Form:
    """Fields of a group change places, rows of the table too."""
    groups = tuple(replace(one, items=tuple(random.sample(one.items, len(one.items)))) for one in form.groups)
    return replace(form, groups=groups, rows=tuple(random.sample(form.rows, len(form.rows))))


def extra_fields(form: Form, key: str, random: Random) -> Form:
    """One to three more fields."""
    taken = {item.text for group in form.groups for item in group.items} | {form.called}
    spare = [one for one in (*_LABELS, *_TWO_WORDS) if one not in taken]
    groups = list(form.groups)
    for number in range(random.randint(1, 3)):
        at = random.randrange(len(groups))
        items = list(groups[at].items)
        items.insert(
            random.randint(0, len(items)), Item("field", f"x{number}", spare.pop(random.randrange(len(spare))))
        )
        groups[at] = replace(groups[at], items=tuple(items))
    return replace(form, groups=tuple(groups))


def renamed(form: Form, key: str, random: Random) -> Form:
    """The target's label is another one."""
    taken = {item.text for group in form.groups for item in group.items}

    def other(text: str) -> str:
        return next(one for one in (_RENAMES.get(text, ""), *random.sample(_NONSENSE, 4)) if one and one not in taken)

    return _changed(form, key, lambda item: replace(item, text=other(item.text)) if item.text else item)


def decoys(form: Form, key: str, random: Random) -> Form:
    """The target's name comes again: as a label, a tooltip, a button elsewhere, a disabled twin, or as part of a longer one.

    Where the target itself is gone or renamed, none of its role is put where it was: nobody could tell that one from it.
    """
    name, groups = form.called, list(form.groups)
    here = [one.key for one in window(form).controls if one.key == key and form.called in {one.name, one.label}]
    for number in range(random.randint(1, 3)):
        at = random.randrange(len(groups))
        items = list(groups[at].items)
        twin = f"d{number}"
        off = frozenset({f"{twin}.x"}) if random.random() < 0.5 else frozenset()
        others = [
            Item("label", twin, name),
            Item("label", twin, f"{name} of the others"),
            Item("buttons", twin, "", buttons=((f"{twin}.x", f"{name} all"),)),
        ]
        if here or (form.home and groups[at].name not in {form.home, ""}):
            others += [
                Item("buttons", twin, "", buttons=((f"{twin}.x", name),), disabled=off),
                Item("check", twin, name),
            ]
        items.insert(random.randint(0, len(items)), random.choice(others))
        groups[at] = replace(groups[at], items=tuple(items))
    floating = (("tooltip", name),) if random.random() < 0.5 else ()
    return replace(form, groups=tuple(groups), floating=floating)


def removed(form: Form, key: str, random: Random) -> Form:
    """The target is gone. Whatever is found then is wrong."""
    groups = tuple(
        replace(
            group,
            items=tuple(
                replace(item, buttons=tuple(one for one in item.buttons if one[0] != key))
                for item in group.items
                if item.key != key
            ),
        )
        for group in form.groups
    )
    row = key.partition(".")[0]
    return replace(form, groups=groups, rows=tuple(one for one in form.rows if one[0] != row))


def _changed(form: Form, key: str, change: Callable[[Item], Item]) -> Form:
    groups = tuple(
        replace(group, items=tuple(change(item) if item.key == key else item for item in group.items))
        for group in form.groups
    )
    return replace(form, groups=groups)


def name_of(form: Form, key: str) -> str:
    """Return what the target is called."""
    for control in window(form).controls:
        if control.key == key:
            return control.name or control.label
    raise KeyError(key)


def targets(form: Form) -> list[str]:
    """Return the keys of all that a step could be about."""
    roles = {"text field", "password field", "check box", "button"}
    return [one.key for one in window(form).controls if one.role in roles]


def read(shown: FakeWindow, random: Random, *, noise: float = 0.0, edges: float = 1.0) -> FakeWindow:
    """Return the window as it is read from pixels: texts with tight boxes, perhaps misread, and shapes with what they hold.

    noise: part of the texts in which one letter is confused. edges: part of the buttons, fields and marks whose shapes are
    found; of the others only the text is.
    """
    made: list[Control] = []
    for one in shown.controls:
        found = random.random() < edges
        text = _misread(one.name, random) if random.random() < noise else one.name
        if one.role in {"text field", "password field"} and found:
            states = one.states | {"editable"}
            made.append(Control(one.key, one.role, "", one.label, one.value, one.box, None, states, 0.95))
        elif one.role in {"text field", "password field"}:
            made += [_text(f"{one.key}=", one.value, one.box, 6)] if one.value else []
        elif one.role in {"button", "check box"} and found:
            made.append(Control(one.key, one.role, text, box=one.box, score=0.95))
        elif one.role != "window" and one.name:
            inset = 12 if one.role == "button" else 2
            made.append(_text(f"{one.key}=", text, replace(one.box, height=min(one.box.height, 20)), inset))
    return FakeWindow(shown.title, made, shown.box)


def _misread(text: str, random: Random) -> str:
    wrong = random.choice(("O0", "l1", "S5", "o0", "il"))
    return text.replace(wrong[0], wrong[1])


def _text(key: str, text: str, box: Box, inset: int) -> Control:
    """Return a text in the middle of its box as to height."""
    height = max(6, round(box.height * 0.5))
    wide = max(3, round(height * 0.6)) * len(text)
    top = box.top + (box.height - height) // 2
    return Control(
        key, "text", text, box=Box(box.left + inset, top, wide, height), states=frozenset({"visible"}), score=0.95
    )


def meant(shown: FakeWindow, found: Located) -> str | None:
    """Return the key of the control that a pointer at the found place hits."""
    hit = shown.under(found.point)
    return hit.key if hit else None


def look_at(shown: FakeWindow, kind: SurfaceKind = SurfaceKind.ACCESSIBLE) -> Look:
    """Return what a surface of that kind sees of a window."""
    return look_of(FakeProgram([shown]), shown, kind)


DRIFTS: dict[str, Drift] = {
    one.__name__: one for one in (moved, resized, bigger_font, reordered, extra_fields, renamed, decoys, removed)
}
