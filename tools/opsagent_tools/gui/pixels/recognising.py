"""Text in pictures: the one module that knows RapidOCR (PP-OCR models run by onnxruntime, all inside its wheel).

Finding lines and reading them are asked for apart. A line is read alone and in its own width: the pipeline of the
library pads every one to 320 pixels and batches them, which costs four times as much on the short words of screens, and
lets the neighbours in a batch change what is read.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.arrays import Image

_HEIGHT = 48
"""Rows of a line as the recogniser takes it."""
_WIDTH_STEP = 16
_LONGEST_SIDE = 4096
_REMEMBERED = 8192
_PARAMETERS = {
    "Global.log_level": "critical",
    "Global.use_cls": False,
    "Det.limit_type": "max",
    "Det.limit_side_len": _LONGEST_SIDE,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


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
    """The models, loaded: that takes seconds, so not before something is to be read."""

    def __init__(self) -> None:
        from rapidocr import RapidOCR  # heavy, and loads models

        engine: Any = RapidOCR(params=dict(_PARAMETERS))
        white = np.full((64, 64, 3), 255, dtype=np.uint8)
        engine(white, use_rec=False, use_cls=False)  # it loads a model when it is used first
        engine(white, use_det=False, use_cls=False, use_rec=True)
        self.finder: Any = engine.text_det
        self.reader: Any = engine.text_rec
        signs = self.reader.postprocess_op.character
        self.latin = np.array([n == 0 or (len(one) == 1 and one.isascii()) for n, one in enumerate(signs)])


class Recogniser:
    """Finds and reads text. Not for several threads."""

    def __init__(self) -> None:
        self._read: OrderedDict[bytes, Reading] = OrderedDict()
        self.lines_read = 0
        """How often the recogniser ran: what was remembered is not counted."""
        self.pixels_searched = 0
        """Of pictures in which lines were looked for."""

    @cached_property
    def _models(self) -> _Models:
        return _Models()

    def find(self, image: Image) -> list[Box]:
        """Return boxes around lines of text, with some air; what the library calls detection."""
        height, width = image.shape[:2]
        if min(height, width) < 4:
            return []
        self.pixels_searched += height * width
        padded = cv2.copyMakeBorder(image, 0, -height % 32, 0, -width % 32, cv2.BORDER_REPLICATE)
        quads = self._models.finder(padded).boxes
        if quads is None:
            return []
        found = []
        for quad in np.asarray(quads):
            left, top = (int(part) for part in quad.min(axis=0))
            right, bottom = (int(part) for part in quad.max(axis=0))
            found.append(Box(left, top, right - left, bottom - top).meets(Box(0, 0, width, height)))
        return [box for box in found if not box.empty]

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
        chances = np.asarray(self._models.reader.session(entry), dtype=np.float32)
        text, score = self._decoded(chances)
        if text.isascii():
            return Reading(text, score, text, score)
        among = np.where(self._models.latin, chances, 0.0)
        among /= np.maximum(among.sum(axis=2, keepdims=True), 1e-9)
        return Reading(text, score, *self._decoded(_without_blanks(among, chances)))

    def _decoded(self, chances: npt.NDArray[np.float32]) -> tuple[str, float]:
        lines, _ = self._models.reader.postprocess_op(chances)
        text, score = lines[0]
        return str(text).strip(), float(score)


def _without_blanks(among: npt.NDArray[np.float32], chances: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return chances in which a column is blank only where it was so among all signs (CTC's blank is the first)."""
    blank = chances.argmax(axis=2) == 0
    signs = among.copy()
    signs[:, :, 0] = np.where(blank, 1.0, 0.0)
    signs[:, :, 1:] *= ~blank[:, :, None]
    sums = np.maximum(signs.sum(axis=2, keepdims=True), 1e-9)
    return np.asarray(signs / sums, dtype=np.float32)
