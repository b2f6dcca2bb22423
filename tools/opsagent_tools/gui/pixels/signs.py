"""Signs that are told by their geometry: recognisers guess at bars and dots that stand alone on a button."""

from __future__ import annotations

import cv2
import numpy as np

from opsagent_tools.gui.pixels.arrays import Mask

TOLD_BY_SHAPE = frozenset("-−–=+÷.·")
"""What a recogniser reads as one of them, alone, is it only where its shape says so."""
_BAR = 1.8
"""Width by height from which on a stroke is a bar."""


def sign_of(ink: Mask, height: int) -> str:
    """Return which of `-`, `=`, `+`, `÷` and `.` is drawn, empty where it is none of them.

    Args:
        ink: where the sign is, tight around it or not.
        height: of its line, in pixels.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    parts = sorted(((int(s[1]), int(s[0]), int(s[2]), int(s[3]), n + 1) for n, s in enumerate(stats[1:count])))
    bars = [_is_bar(labels == part[4], part, height) for part in parts]
    if len(parts) == 1:
        if bars[0]:
            return "-"
        top, left, wide, high, number = parts[0]
        own = (labels == number)[top : top + high, left : left + wide]
        if _is_cross(own):
            return "+"
        return "." if max(wide, high) <= 0.3 * height and 0.6 <= wide / high <= 1.7 and own.mean() > 0.7 else ""
    if len(parts) == 2 and all(bars) and _stacked(parts[0], parts[1]):
        return "="
    if len(parts) == 3 and bars == [False, True, False] and parts[1][2] > 1.5 * max(parts[0][2], parts[2][2]):
        return "÷" if _stacked(parts[0], parts[2]) else ""
    return ""


def _is_bar(own: Mask, part: tuple[int, int, int, int, int], height: int) -> bool:
    top, left, wide, high, _ = part
    solid = own[top : top + high, left : left + wide].mean() > 0.85
    return bool(solid and wide >= _BAR * high and high <= max(2, 0.3 * height) and wide <= 1.2 * height)


def _stacked(one: tuple[int, int, int, int, int], other: tuple[int, int, int, int, int]) -> bool:
    return abs(one[1] - other[1]) <= 1 and abs(one[2] - other[2]) <= 1


def _is_cross(own: Mask) -> bool:
    """Say whether an upright cross is drawn: one full row and one full column, and four empty corners."""
    high, wide = own.shape
    if min(high, wide) < 5 or not 0.8 <= wide / high <= 1.25:
        return False
    rows, columns = np.flatnonzero(own.all(axis=1)), np.flatnonzero(own.all(axis=0))
    if rows.size == 0 or columns.size == 0 or max(rows.size, columns.size) > 0.4 * min(high, wide):
        return False
    if rows[-1] - rows[0] >= rows.size or columns[-1] - columns[0] >= columns.size:
        return False  # two bars: an `H`, a `±`, an asterisk
    middle = abs(float(rows.mean()) - (high - 1) / 2) <= 1 and abs(float(columns.mean()) - (wide - 1) / 2) <= 1
    rest = own.copy()
    rest[rows[0] : rows[-1] + 1] = False
    rest[:, columns[0] : columns[-1] + 1] = False
    return bool(middle and rest.mean() < 0.06)
