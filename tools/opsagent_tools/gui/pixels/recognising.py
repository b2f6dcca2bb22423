"""Text in pictures, found and read by RapidOCR's models (`opsagent_tools.gui.pixels.models`).

Finding lines and reading them are asked for apart. A line is read alone and in its own width: the pipeline of that library
pads every one to 320 pixels and batches them, which costs four times as much on the short words of screens, and lets the
neighbours in a batch change what is read.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b

import cv2
import numpy as np
import numpy.typing as npt

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.arrays import Image
from opsagent_tools.gui.pixels.models import TextFinder, TextReader

_HEIGHT = 48
"""Rows of a line as the recogniser takes it."""
_WIDTH_STEP = 16
_REMEMBERED = 8192


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in one line."""

    text: str
    score: float
    """Mean probability of its signs, 0..1."""
    latin: str
    """What it is if it can be Latin letters, digits and signs of a keyboard only."""
    latin_score: float
    """Mean probability of those among their like, 0..1."""


class _Models:
    """The models, loaded: that takes its time, so not before something is to be read."""

    def __init__(self) -> None:
        self.finder, self.reader = TextFinder(), TextReader()
        signs = self.reader.signs
        self.latin = np.array([n == 0 or (len(one) == 1 and one.isascii()) for n, one in enumerate(signs)])


class Recogniser:
    """Finds and reads text. Not for several threads."""

    def __init__(self) -> None:
        self._loaded: _Models | None = None
        self._loading = threading.Lock()
        self._read: OrderedDict[bytes, Reading] = OrderedDict()
        self.lines_read = 0
        """How often the recogniser ran: what was remembered is not counted."""
        self.pixels_searched = 0
        """Of pictures in which lines were looked for."""

    def get_ready(self) -> None:
        """Begin to load the models beside whatever is done meanwhile; what fails then fails again for whoever reads."""

        def load() -> None:
            with contextlib.suppress(Exception):
                _ = self._models

        threading.Thread(target=load, daemon=True).start()

    @property
    def _models(self) -> _Models:
        with self._loading:
            if self._loaded is None:
                self._loaded = _Models()
            return self._loaded

    def find(self, image: Image) -> list[Box]:
        """Return boxes around lines of text, with some air."""
        height, width = image.shape[:2]
        if min(height, width) < 4:
            return []
        self.pixels_searched += height * width
        padded = cv2.copyMakeBorder(image, 0, -height % 32, 0, -width % 32, cv2.BORDER_REPLICATE)
        found = self._models.finder.find(np.asarray(padded, dtype=np.uint8))
        whole = Box(0, 0, width, height)
        return [part for one in found if not (part := one.meets(whole)).empty]

    def read(self, line: Image) -> Reading:
        """Return what is written in a picture of one line (remembered by its content)."""
        key = blake2b(line.tobytes(), digest_size=16, key=repr(line.shape).encode()).digest()
        known = self._read.get(key)
        if known is not None:
            self._read.move_to_end(key)
            return known
        reading = self._recognise(line)
        self._read[key] = reading
        while len(self._read) > _REMEMBERED:
            self._read.popitem(last=False)
        return reading

    def _recognise(self, line: Image) -> Reading:
        self.lines_read += 1
        height, width = line.shape[:2]
        scaled = max(_WIDTH_STEP, math.ceil(_HEIGHT * width / height))
        room = scaled + -scaled % _WIDTH_STEP
        small = cv2.resize(
            line, (scaled, _HEIGHT), interpolation=cv2.INTER_LINEAR if height < _HEIGHT else cv2.INTER_AREA
        )
        entry = np.zeros((1, 3, _HEIGHT, room), dtype=np.float32)
        entry[0, :, :, :scaled] = small.astype(np.float32).transpose(2, 0, 1) / 127.5 - 1.0
        reader = self._models.reader
        chances = reader.chances(entry)
        text, score = reader.text(chances)
        if text.isascii():
            return Reading(text, score, text, score)
        among = np.where(self._models.latin, chances, 0.0)
        among /= np.maximum(among.sum(axis=2, keepdims=True), 1e-9)
        return Reading(text, score, *reader.text(_without_blanks(among, chances)))


def _without_blanks(among: npt.NDArray[np.float32], chances: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return chances in which a column is blank only where it was so among all signs (CTC's blank is the first)."""
    blank = chances.argmax(axis=2) == 0
    signs = among.copy()
    signs[:, :, 0] = np.where(blank, 1.0, 0.0)
    signs[:, :, 1:] *= ~blank[:, :, None]
    sums = np.maximum(signs.sum(axis=2, keepdims=True), 1e-9)
    return np.asarray(signs / sums, dtype=np.float32)
