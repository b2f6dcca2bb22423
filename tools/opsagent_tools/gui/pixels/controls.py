"""From shapes, marks and texts to elements: buttons, fields, check boxes, and the texts that are none of these.

What is not sure stays what it is: a text, or a field without a label. Nothing here decides on what to click.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from opsagent_tools.gui.model import Box, Element, SurfaceKind
from opsagent_tools.gui.pixels.captions import caption_of
from opsagent_tools.gui.pixels.frames import Frame
from opsagent_tools.gui.pixels.labels import label_of
from opsagent_tools.gui.pixels.marks import Mark, Shape
from opsagent_tools.gui.pixels.shapes import Held, innermost, is_container, is_head, shapes_of
from opsagent_tools.gui.pixels.words import Text, is_masked, median_height
from opsagent_tools.gui.secret_words import asks_for_secret

_HIGHEST = 4.4
"""Heights of text up to which a shape holds one line."""
_LARGEST = (20, 12)
"""Width and height of a button, in heights of text."""
_TALL = 3.4
_ROOM = 0.6
"""Room beside the text on a button, in heights of it: with less, one that a label leads to is a field that is full."""
_ICON = 2.4
"""Heights of text that an icon before the word of a button takes, at most, with its gap."""
_UNSURE = 0.6
_STATES = frozenset({"enabled", "visible"})
"""As far as pixels tell: what is greyed out is not told from what is not."""
_ARROWS = frozenset("▼▾▿⌄˅∨vV∇▽")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found in one picture, coordinates of it."""

    size: tuple[int, int]
    """Width and height."""
    frames: Sequence[Frame]
    marks: Sequence[Mark]
    texts: Sequence[Text]
    plain: frozenset[Box] = frozenset()
    """Shapes into which nobody types: bars, and what is raised."""


def controls_in(seen: Seen) -> list[Element]:
    """Return the elements of a picture, in reading order."""
    line = max(8, median_height(seen.texts) or 12)
    holders = [Held(box) for box in shapes_of(seen.size, seen.frames, seen.marks, seen.texts, line)]
    marks, captions = _captioned(seen.marks, seen.texts, line)
    boxes = [one.box for one in holders]
    loose: list[Text] = []
    for text in seen.texts:
        holder = innermost(text.box, holders)
        inside = holder is not None and not is_container(holder.box, boxes, line)
        if holder is not None and inside:
            holder.texts.append(text)
        elif text not in captions:
            loose.append(text)
    solid = [box for box in boxes if not is_container(box, boxes, line)] + [mark.box for mark in seen.marks]
    tabs = [one.whole for one in seen.frames if one.whole != one.box]
    named = [one for one in loose if not any(tab.holds(one.box.center) for tab in tabs) or _in_any(one, boxes)]
    in_panes = [(one, _pane_of(one.box, boxes)) for one in named]
    scene = _Scene(seen.size, line, in_panes, solid, captions, boxes, seen.plain)
    found = list(marks)
    for held in holders:
        found.extend(scene.of_shape(held))
    buttons = [one.box for one in found if one.role == "button"]
    found.extend(_text(one) for one in loose if not any(box.holds(one.box.center) for box in buttons))
    ordered = sorted(found, key=lambda one: (one.box.top // line, one.box.left))
    return [replace(one, id=f"p{number}") for number, one in enumerate(ordered)]


def _pane_of(box: Box, shapes: Sequence[Box]) -> Box | None:
    """Return the smallest shape around a box that is higher than it."""
    at = box.center
    around = [one for one in shapes if one.height > box.height and one.holds(at) and one != box]
    return min(around, key=lambda one: one.width * one.height, default=None)


def _captioned(marks: Sequence[Mark], texts: Sequence[Text], line: int) -> tuple[list[Element], list[Text]]:
    """Return check boxes and radio buttons with their captions as names, and those texts."""
    real = [one for one in marks if 0.45 * line <= one.box.height <= 2.4 * line]
    found: list[Element] = []
    captions: list[Text] = []
    for mark in real:
        caption = caption_of(mark, real, [one for one in texts if one not in captions])
        if caption is not None:
            captions.append(caption)
            found.append(_choice(mark, caption))
    return found, captions


def _choice(mark: Mark, caption: Text) -> Element:
    box = mark.box
    if caption.box.left >= box.right:  # a caption to its right is pressed like the mark, by all toolkits
        top, bottom = min(box.top, caption.box.top), max(box.bottom, caption.box.bottom)
        box = Box(box.left, top, caption.box.right - box.left, bottom - top)
    return Element(
        id="",
        role="check box" if mark.shape is Shape.SQUARE else "radio button",
        name=caption.text.rstrip(" :：|"),
        box=box,
        value=None if mark.set is None else ("on" if mark.set else "off"),
        states=_STATES | ({"checked"} if mark.set else set()),
        source=SurfaceKind.PIXEL,
        score=caption.score,
    )


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the shapes of a picture are judged by."""

    size: tuple[int, int]
    line: int
    """Usual height of text."""
    loose: Sequence[tuple[Text, Box | None]]
    """Texts in no shape, each with the pane that it is in: labels are among them."""
    solid: Sequence[Box]
    """What stands between a field and a label that is not its own."""
    captions: Sequence[Text]
    shapes: Sequence[Box]
    plain: frozenset[Box]

    def of_shape(self, held: Held) -> list[Element]:
        box, texts = held.box, [one for one in held.texts if one not in self.captions]
        if is_container(box, self.shapes, self.line):
            return self._container(box)
        if any(box.grown(2).holds(one.box.center) for one in self.captions):
            return [_text(one) for one in texts]
        if box.width > 0.9 * self.size[0] and len(texts) > 1:
            return [_text(one) for one in texts]  # a bar
        if self._holds_no_input(box) and (len(texts) != 1 or not self._is_button(box, texts[0])):
            return [_text(one) for one in texts]
        words, arrow = _without_arrow(box, texts, self.line)
        if arrow and len(words) <= 1:
            return self._field(box, words, role="combo box")
        if len(words) == 1 and self._is_button(box, words[0]):
            wide = box.width > 0.6 * self.size[0] and box.width > 14 * box.height
            return [_text(words[0]) if wide else _button(box, words[0])]
        if len(words) <= 1 and box.width >= 2.2 * (self.line if words else box.height):
            return self._field(box, words, role="text field")
        return [_text(one) for one in texts]  # an icon's place has none: its template finds it

    def _holds_no_input(self, box: Box) -> bool:
        return box in self.plain or is_head(box, self.shapes, self.line)

    def _is_button(self, box: Box, word: Text) -> bool:
        """Say whether a text stands in the middle of its shape, and does not just fill a field that has a label."""
        left, right = word.box.left - box.left, box.right - word.box.right
        if abs(left - right) > max(4, round(0.5 * word.height), round(0.12 * box.width)):
            beside_icon = max(6, word.height // 2) <= right < left <= right + _ICON * word.height
            return beside_icon and self._label(box) is None
        if left >= max(4, _ROOM * word.height) or self._holds_no_input(box):
            return True
        label = self._label(box)
        titled = label is not None and label.box.right <= box.left and label.text.endswith((":", "："))
        return label is None or (left >= 4 and not titled)

    def _label(self, box: Box) -> Text | None:
        """Return the label of a field: a text in the same pane."""
        pane = _pane_of(box, self.shapes)
        return label_of(box, [one for one, its in self.loose if its == pane], self.solid)

    def _field(self, box: Box, words: Sequence[Text], *, role: str) -> list[Element]:
        """Return a field with its label and value; without a label, the text in it stays a text of its own."""
        label = self._label(box)
        value = words[0].text if words else ""
        secret = is_masked(value) or (label is not None and asks_for_secret(label.text))
        entry = Element(
            id="",
            role="password field" if secret else role,
            name="",
            box=box,
            value=None if secret else value,
            label=_plain(label),
            states=_STATES | ({"editable", "secret"} if secret else {"editable"}),
            source=SurfaceKind.PIXEL,
            score=min(words[0].score if words else 1.0, label.score if label else 1.0),
        )
        return [entry] if label or secret else [entry, *(_text(one) for one in words)]

    def _container(self, box: Box) -> list[Element]:
        """Return a pane without other shapes in it: a large button if one text is in its middle, else an area of text."""
        texts = [one for one, _ in self.loose if box.holds(one.box.center)]
        if len(texts) == 1 and _is_large_button(box, texts[0], self.line):
            return [_button(box, texts[0])]
        large = box.width * box.height >= 0.08 * self.size[0] * self.size[1]
        if box.height < _TALL * self.line or box.width < 6 * self.line or not large:
            return []
        if any(one != box and box.holds(one.center) for one in self.solid):
            return []
        label = self._label(box)
        if label is not None and not any(sign.isalpha() for sign in label.text):
            label = None  # the number of a line
        return [
            Element(
                id="", role="text area", name="", box=box, label=_plain(label), states=_STATES | {"editable"},
                source=SurfaceKind.PIXEL, score=label.score if label else 1.0,
            )
        ]  # fmt: skip


def _in_any(text: Text, boxes: Sequence[Box]) -> bool:
    return any(box.holds(text.box.center) for box in boxes)


def _is_large_button(box: Box, text: Text, line: int) -> bool:
    """Say whether a text stands right in the middle of a shape that is higher than a line, and no pane."""
    if not _HIGHEST * line < box.height <= _LARGEST[1] * line or box.width > _LARGEST[0] * line:
        return False
    across, down = text.box.center.x - box.center.x, text.box.center.y - box.center.y
    return abs(across) <= max(3, text.height // 3) and abs(down) <= max(4, text.height // 2)


def _without_arrow(box: Box, texts: Sequence[Text], line: int) -> tuple[list[Text], bool]:
    """Tell the arrow of a combo box, at its right end, from its words."""
    arrows = [
        one
        for one in texts
        if one.box.width <= 1.3 * line
        and one.box.height <= 1.1 * line
        and box.right - one.box.right <= 2 * line
        and box.width > 3 * line
        and (one.text in _ARROWS or one.score < _UNSURE)
    ]
    return [one for one in texts if one not in arrows], bool(arrows)


def _plain(label: Text | None) -> str:
    return label.text.rstrip(" :：*[(|") if label else ""  # the border of its field is read as a bracket


def _button(box: Box, text: Text) -> Element:
    return Element(
        id="", role="button", name=text.text, box=box, states=_STATES, source=SurfaceKind.PIXEL, score=text.score
    )


def _text(one: Text) -> Element:
    return Element(
        id="", role="text", name=one.text, box=one.box, states=frozenset({"visible"}), source=SurfaceKind.PIXEL,
        score=one.score,
    )  # fmt: skip
