"""One window as it is seen: read once, and again only where it changed."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import cv2
import numpy as np

from opsagent_tools.gui.model import Box, Element
from opsagent_tools.gui.pixels.arrays import Image, apart, ground, part_of
from opsagent_tools.gui.pixels.bars import plain_in
from opsagent_tools.gui.pixels.controls import Seen, controls_in
from opsagent_tools.gui.pixels.frames import Frame, frames_in
from opsagent_tools.gui.pixels.lines import Piece, line_of, piece_of, pieces_in
from opsagent_tools.gui.pixels.marks import Mark, marks_in
from opsagent_tools.gui.pixels.recognising import Reading, Recogniser
from opsagent_tools.gui.pixels.regions import (
    around,
    busy_parts,
    changed_in,
    drawn_lines,
    inside_frames,
    is_caret,
    joined,
    moved,
    touches,
)
from opsagent_tools.gui.pixels.signs import TOLD_BY_SHAPE
from opsagent_tools.gui.pixels.words import (
    Text,
    has_words_of_others,
    in_reading_order,
    is_lone_sign,
    median_height,
    stray_ends,
    whole_sentences,
    without_low_digits,
)

_DRAWN, _LEAST_DRAWN = 24, 16
"""Levels that set a pixel apart from its ground, and pixels that make something of it."""
_LEAST_SCORE = 0.6
_SURE = 0.95
_GUESSED = 0.3
"""What is taken off for a letter that was first read as a sign of another script: it is a picture more likely."""
_AIR = 12
"""Pixels around a change that are read again with it: recognisers want some air."""
_LEAST_WIDTH, _LEAST_HEIGHT = 160, 64
"""Of a region: finders overlook words in smaller ones."""
_FIELD = 5
"""Times its height from which on a shape in the first row is a field, and no menu that is open."""
_MENU_TOP = 16
"""Rows above a row of menus, at most (or as many as it is high)."""


class View:
    """What is known of one window: its pictures, the texts in it, and the elements made of them."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._seen: Image | None = None
        self._image: Image | None = None
        self._texts: list[Text] = []
        self._stale: list[Box] = []
        self._elements: list[Element] | None = None
        self.digest = ""
        """Changes when what is seen changes, carets apart."""

    @property
    def image(self) -> Image:
        """The picture that is read, or was."""
        assert self._image is not None, "look first"
        return self._image

    def glance(self, image: Image, covered: Sequence[Box] = ()) -> None:
        """Take a picture that is not read. `covered`: where something lies before the window."""
        shown = _uncovered(image, covered, self._seen)
        if self._seen is None or self._seen.shape != shown.shape:
            changed = True
        else:
            changed = not all(is_caret(one) for one in changed_in(self._seen, shown))
        self._seen = shown
        if changed:
            self.digest = blake2b(shown.tobytes(), digest_size=12).hexdigest()

    def show(self, image: Image, covered: Sequence[Box] = ()) -> None:
        """Take a picture that will be read, where it differs from the one before."""
        self.glance(image, covered)
        shown = _uncovered(image, covered, self._image)
        if self._image is None or self._image.shape != shown.shape:
            self._image, self._texts = shown, []
            self._stale = [Box(0, 0, shown.shape[1], shown.shape[0])]
            self._elements = None
            return
        changes = changed_in(self._image, shown)
        before, self._image = self._image, shown
        if changes:
            self._stale.extend(inside_frames(changes, before, shown))
            self._elements = None

    @property
    def blank(self) -> bool:
        """Whether nothing is drawn on it: one colour, or next to."""
        assert self._seen is not None, "look first"
        inner = part_of(self._seen, Box(2, 2, self._seen.shape[1] - 4, self._seen.shape[0] - 4))
        if inner.size == 0:
            return True
        # A part of the pixels shows that something is drawn; only that nothing is has to be looked for in all of them.
        return not (_something_on(inner[::4, ::4]) or _something_on(inner))

    def texts(self) -> list[Text]:
        """Return the texts on it in reading order, reading what has changed since."""
        self._read(frames_in(self.image), marks_in(self.image))
        return in_reading_order(self._texts)

    def elements(self) -> list[Element]:
        """Return what is on it, reading what has changed since. Coordinates of the picture."""
        if self._elements is None:
            frames, marks = frames_in(self.image), marks_in(self.image)
            self._read(frames, marks)
            height, width = self.image.shape[:2]
            plain = plain_in(self.image, frames)
            self._elements = controls_in(Seen((width, height), frames, marks, self._texts, plain))
        return self._elements

    def _read(self, frames: Sequence[Frame], marks: Sequence[Mark]) -> None:
        if not self._stale:
            return
        self._texts = [one for one in self._texts if not any(touches(one.box, part.grown(1)) for part in self._stale)]
        whole = Box(0, 0, self.image.shape[1], self.image.shape[0])
        known = [one.box for one in self._texts]
        drawn = [] if whole in self._stale else drawn_lines(self.image, median_height(self._texts) or 12)
        regions = joined([_whole_lines(one, [*drawn, *known]) for one in self._stale], self.image)
        self._stale = []
        for region in regions:
            self._read_again(region, frames, [mark.box for mark in marks])

    def _read_again(self, region: Box, frames: Sequence[Frame], marks: Sequence[Box]) -> None:
        """Read a region. What did not change in it is kept: finders overlook single words in small pictures."""
        kept = self._texts
        boxes = [
            moved(box, part)
            for part in busy_parts(self.image, region)
            for box in self._recogniser.find(part_of(self.image, part))
        ]
        menus = _bottom_of_menus([*boxes, *(one.box for one in kept)], frames, self.image.shape[1])
        pieces = pieces_in(self.image, boxes, frames, marks, menus)
        found = whole_sentences([*kept, *self._texts_of(pieces)], menus)
        read = _each_once([*found, *self._texts_of(self._small_signs(region, frames, found))])
        self._texts = without_low_digits(read)

    def _small_signs(self, region: Box, frames: Sequence[Frame], texts: Sequence[Text]) -> list[Piece]:
        """Return what is drawn on buttons where no text was found: `-`, `.`, `=`."""
        line = median_height(texts) or 12
        found = []
        for frame in frames:
            box = frame.box
            small = 1.2 * line <= box.height <= 20 * line and 1.2 * line <= box.width <= 20 * line
            if not small or frame.round or not touches(box, region) or any(box.holds(one.box.center) for one in texts):
                continue
            piece = piece_of(self.image, box.grown(-2), line)
            if piece is not None:
                found.append(piece)
        return found

    def _texts_of(self, pieces: Sequence[Piece]) -> list[Text]:
        readings = [best_reading(piece, self._recogniser) for piece in pieces]
        latin = not any(has_words_of_others(one.text) for one in readings) and not any(
            has_words_of_others(one.text) for one in self._texts
        )
        found = []
        for piece, reading in zip(pieces, readings, strict=True):
            text, score, box = reading.text, reading.score, piece.box
            if piece.sign:
                text, score = piece.sign, 1.0
            elif latin and is_lone_sign(text):
                text, score = reading.latin, reading.latin_score - (_GUESSED if reading.latin.isalnum() else 0.0)
            if not piece.sign and text in TOLD_BY_SHAPE:
                continue  # a `÷` whose dots are not told from its bar is read as `+`
            before, after = stray_ends(text)
            if before or after:
                text = text[before : len(text) - after].strip()
                box = _shortened(box, piece, before, after)
            if text and score >= _LEAST_SCORE:
                found.append(Text(box, text, score, piece.height))
        return found


def best_reading(piece: Piece, recogniser: Recogniser) -> Reading:
    """Return what is read; where that is not sure, what is read at another size if that is surer."""
    first = recogniser.read(piece.picture)
    if first.score >= _SURE or piece.picture.shape[0] < 8:
        return first
    larger = np.asarray(cv2.copyMakeBorder(piece.picture, 3, 3, 4, 4, cv2.BORDER_REPLICATE), dtype=np.uint8)
    return max(first, recogniser.read(larger), key=lambda one: one.score)


def read_line(image: Image, recogniser: Recogniser) -> list[Text]:
    """Return the text in a picture of one line."""
    pieces = line_of(image)
    readings = [best_reading(piece, recogniser) for piece in pieces]
    return [
        Text(piece.box, one.text, one.score, piece.height)
        for piece, one in zip(pieces, readings, strict=True)
        if one.text
    ]


def _something_on(image: Image) -> bool:
    return int((apart(image, ground(image)) > _DRAWN).sum()) >= _LEAST_DRAWN


def _uncovered(image: Image, covered: Sequence[Box], before: Image | None) -> Image:
    """Return a picture with what lies before the window replaced by what was there before it came."""
    parts = [one for one in covered if not one.empty]
    if not parts:
        return image
    shown = image.copy()
    known = before if before is not None and before.shape == image.shape else np.zeros_like(image)
    for one in parts:
        part_of(shown, one)[:] = part_of(known, one)
    return shown


def _whole_lines(change: Box, lines: Sequence[Box]) -> Box:
    """Grow a change by the lines of text that it is in."""
    wider, higher = max(_AIR, (_LEAST_WIDTH - change.width) // 2), max(_AIR, (_LEAST_HEIGHT - change.height) // 2)
    grown = Box(change.left - wider, change.top - higher, change.width + 2 * wider, change.height + 2 * higher)
    touched = [one for one in lines if touches(one, grown)]
    for one in touched:
        grown = around(grown, one.grown(_AIR // 2))
    return grown


def _bottom_of_menus(boxes: Sequence[Box], frames: Sequence[Frame], width: int) -> int:
    """Return where the first row of text ends, if it is at the very top of a window so wide and no field is in it; else 0."""
    first = min(boxes, key=lambda one: one.top, default=None)
    if first is None or first.top > max(_MENU_TOP, first.height):
        return 0
    beside = (one.box for one in frames if one.box.top < first.center.y < one.box.bottom and not one.round)
    if any(_FIELD * one.height <= one.width < 0.9 * width and one.height < 4 * first.height for one in beside):
        return 0
    return first.top + round(1.2 * first.height)


def _shortened(box: Box, piece: Piece, before: int, after: int) -> Box:
    """Take the pictures at the ends of a text off its box; a picture is about as wide as the line is high."""
    left = min(round(1.1 * piece.height), box.width // 2) if before else 0
    right = min(round(1.1 * piece.height), box.width // 2) if after else 0
    return Box(box.left + left, box.top, max(1, box.width - left - right), box.height)


def _each_once(texts: Sequence[Text]) -> list[Text]:
    """Drop what was found twice, the less sure one."""
    kept: list[Text] = []
    for one in sorted(texts, key=lambda each: (-each.box.width * each.box.height, -each.score)):
        beside = (other.box for other in kept if other.box.top < one.box.bottom and one.box.top < other.box.bottom)
        shared = (one.box.meets(other) for other in beside)
        if not any(part.width * part.height > 0.6 * one.box.width * one.box.height for part in shared):
            kept.append(one)
    return sorted(kept, key=lambda each: (each.box.top, each.box.left))
