"""A crop that looks alike, in several sizes and whatever the theme: the contours are compared, not the colours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.arrays import Image

_Contours = npt.NDArray[np.float32]
_SMALLEST, _LEAST_CONTRAST = 8, 4.0
_LEAST_PART = 0.12
"""Of the crop's own contrast that a place must have."""
_MOST_PEAKS = 6
"""Places looked at for each scale, the best first."""


@dataclass(frozen=True, slots=True)
class Match:
    """A place that looks like the crop."""

    box: Box
    score: float
    """Correlation of the contours, at most 1."""
    scale: float
    """Size there by size of the crop."""


def matches(image: Image, crop: Image, scales: Iterable[float]) -> list[Match]:
    """Return the places in `image` that look most like `crop`, the best first, each once; coordinates of `image`."""
    if image.size == 0 or crop.size == 0:
        return []
    field = contours(image)
    found: list[Match] = []
    for scale in scales:
        width, height = round(crop.shape[1] * scale), round(crop.shape[0] * scale)
        if min(width, height) < _SMALLEST or width > image.shape[1] or height > image.shape[0]:
            continue
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        sized = crop if scale == 1 else np.asarray(cv2.resize(crop, (width, height), interpolation=how), dtype=np.uint8)
        wanted = contours(sized)
        if float(wanted.std()) < _LEAST_CONTRAST:
            continue  # nothing is drawn on it
        found.extend(_peaks(_scores(field, wanted), width, height, scale))
    return _each_once(found)


def contours(image: Image) -> _Contours:
    """Return how strongly each pixel differs from its surroundings, whichever is lighter; softened by a pixel."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3)
    strength = np.sqrt(across * across + down * down)
    strongest = np.float32(np.percentile(strength, 99.5)) if strength.size else np.float32(0)
    level = np.minimum(strength, max(strongest, np.float32(48.0)))
    return np.asarray(cv2.GaussianBlur(level, (3, 3), 0), dtype=np.float32)


def _scores(field: _Contours, wanted: _Contours) -> _Contours:
    """Return the correlation everywhere. Where nearly nothing is drawn it means nothing: OpenCV says 1 there."""
    scores = np.asarray(cv2.matchTemplate(field, wanted, cv2.TM_CCOEFF_NORMED), dtype=np.float32)
    height, width = wanted.shape
    mean = cv2.boxFilter(field, cv2.CV_32F, (width, height), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    square = cv2.sqrBoxFilter(field, cv2.CV_32F, (width, height), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0))[: scores.shape[0], : scores.shape[1]]
    drawn = spread > max(_LEAST_CONTRAST, _LEAST_PART * float(wanted.std()))
    return np.where(drawn, np.nan_to_num(scores, nan=-1.0, posinf=-1.0, neginf=-1.0), -1.0).astype(np.float32)


def _peaks(scores: npt.NDArray[np.float32], width: int, height: int, scale: float) -> list[Match]:
    left = scores.copy()
    found = []
    for _ in range(_MOST_PEAKS):
        _, score, _, (x, y) = cv2.minMaxLoc(left)
        if score <= 0.2:
            break
        found.append(Match(Box(int(x), int(y), width, height), float(score), scale))
        left[max(0, y - height // 2) : y + height // 2 + 1, max(0, x - width // 2) : x + width // 2 + 1] = -1.0
    return found


def _each_once(found: Iterable[Match]) -> list[Match]:
    kept: list[Match] = []
    for one in sorted(found, key=lambda each: -each.score):
        if not any(_same_place(one.box, other.box) for other in kept):
            kept.append(one)
    return kept


def _same_place(one: Box, other: Box) -> bool:
    shared = one.meets(other)
    return shared.width * shared.height > 0.3 * min(one.width * one.height, other.width * other.height)
