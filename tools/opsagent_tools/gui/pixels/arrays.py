"""What arrays are called here, and the measures of contrast that everything else is built on."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from opsagent_tools.gui.model import Box

Image: TypeAlias = npt.NDArray[np.uint8]
"""Height × width × 3, blue first."""
Levels: TypeAlias = npt.NDArray[np.uint8]
"""Height × width, 0..255."""
Mask: TypeAlias = npt.NDArray[np.bool_]
Colour: TypeAlias = npt.NDArray[np.uint8]
"""Three channels, blue first."""


def largest_channel(image: Image) -> Levels:
    """Return the largest of the three channels of each pixel."""
    blue, green, red = cv2.split(image)
    return np.asarray(cv2.max(cv2.max(blue, green), red), dtype=np.uint8)


def steps(image: Image) -> Levels:
    """Return how far each pixel is from its neighbours to the right and below (the largest channel)."""
    height, width = image.shape[:2]
    found = np.zeros((height, width), dtype=np.uint8)
    if width > 1:
        found[:, :-1] = largest_channel(np.asarray(cv2.absdiff(image[:, 1:], image[:, :-1]), dtype=np.uint8))
    if height > 1:
        below = largest_channel(np.asarray(cv2.absdiff(image[1:], image[:-1]), dtype=np.uint8))
        np.maximum(found[:-1], below, out=found[:-1])
    return found


def ground(image: Image) -> Colour:
    """Return the colour that most pixels have, to within 8 levels."""
    flat = image.reshape(-1, 3)
    coarse = (flat >> 3).astype(np.int32)
    keys = (coarse[:, 0] << 10) | (coarse[:, 1] << 5) | coarse[:, 2]
    most = np.bincount(keys).argmax()
    return np.asarray(np.median(flat[keys == most], axis=0), dtype=np.uint8)


def apart(image: Image, colour: Colour) -> Levels:
    """Return how far each pixel is from `colour` (the largest channel)."""
    return largest_channel(np.abs(image.astype(np.int16) - colour.astype(np.int16)).astype(np.uint8))


def dark(colour: Colour) -> bool:
    """Say whether a background is dark (ITU-R BT.601 luma under 50 %)."""
    blue, green, red = (float(part) for part in colour)
    return 0.114 * blue + 0.587 * green + 0.299 * red < 128


def part_of(image: Image, box: Box) -> Image:
    """Return the view of `image` in `box`, as far as it is inside."""
    return image[max(0, box.top) : max(0, box.bottom), max(0, box.left) : max(0, box.right)]


def inside(box: Box, image: Image) -> Box:
    """Return `box` as far as it is in `image`."""
    return box.meets(Box(0, 0, image.shape[1], image.shape[0]))
