"""The models that find and read lines of text: those inside RapidOCR's wheel (PP-OCR), run by onnxruntime.

The library itself is not loaded: reading its lists of models takes it a second of processor time, of which a run has none to
spare, and what lacks it would fetch from elsewhere. What it does before and after its models is done here, as its default
settings have it: https://github.com/RapidAI/RapidOCR.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.arrays import Image, Levels

Chances = npt.NDArray[np.float32]
_DRAWN = 0.3
"""Chance from which on a pixel counts as text."""
_SURE = 0.5
"""Mean chance of a line's pixels."""
_GROWS = 1.6
"""Lines are trained as their cores: a core of area A and outline L grows by 1.6 A / L on each side (Liao et al., "Real-time
scene text detection with differentiable binarization", 2020, §3.4)."""
_MOST = 1000
_LEAST, _LEAST_GROWN = 3, 5
"""Pixels that a core, and a grown one, are wide at least."""
_BLANK = 0
"""What CTC puts between signs."""


class TextFinder:
    """Finds lines of text in pictures."""

    def __init__(self) -> None:
        self._session = _session("det")

    def find(self, image: Image) -> list[Box]:
        """Return boxes around lines. The sides of the picture are multiples of 32."""
        entry = image.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - np.float32(1.0)
        return lines_in(_run(self._session, entry)[0, 0])


class TextReader:
    """Reads lines of text."""

    def __init__(self) -> None:
        self._session = _session("rec")
        told = self._session.get_modelmeta().custom_metadata_map["character"]
        self.signs = ("", *told.splitlines(), " ")
        """What each column of the chances stands for."""

    def chances(self, entry: Chances) -> Chances:
        """Return the chance of each sign at each place of a line (1 × places × signs)."""
        return _run(self._session, entry)

    def text(self, chances: Chances) -> tuple[str, float]:
        """Return the likeliest text, and the mean chance of its signs."""
        best = chances[0].argmax(axis=1)
        chosen = best != _BLANK
        chosen[1:] &= best[1:] != best[:-1]
        score = chances[0].max(axis=1)[chosen]
        return "".join(self.signs[one] for one in best[chosen]).strip(), float(score.mean()) if score.size else 0.0


def lines_in(chances: Chances) -> list[Box]:
    """Return boxes around what is text by the chances of the pixels of a picture."""
    height, width = chances.shape
    drawn = cv2.dilate((chances > _DRAWN).astype(np.uint8), np.ones((2, 2), dtype=np.uint8))
    outlines, _ = cv2.findContours(drawn, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for outline in outlines[:_MOST]:
        center, (long, broad), angle = cv2.minAreaRect(outline)
        if min(long, broad) < _LEAST or _mean_inside(chances, cv2.boxPoints((center, (long, broad), angle))) < _SURE:
            continue
        by = _GROWS * long * broad / (2 * (long + broad))
        grown = cv2.boxPoints((center, (long + 2 * by, broad + 2 * by), angle))
        if min(long, broad) + 2 * by < _LEAST_GROWN:
            continue
        left, top = (int(max(0, round(float(one)))) for one in grown.min(axis=0))
        right, bottom = grown.max(axis=0)
        found.append(
            Box(left, top, min(round(float(right)), width - 1) - left, min(round(float(bottom)), height - 1) - top)
        )
    return [one for one in found if one.width > _LEAST and one.height > _LEAST]


def _mean_inside(chances: Chances, corners: npt.NDArray[Any]) -> float:
    """Return the mean chance inside a tilted box."""
    height, width = chances.shape
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, (width - 1, height - 1))
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, (width - 1, height - 1))
    inside: Levels = np.zeros((bottom - top + 1, right - left + 1), dtype=np.uint8)
    cv2.fillPoly(inside, (corners - (left, top)).reshape(1, -1, 2).astype(np.int32), 1)
    return float(cv2.mean(chances[top : bottom + 1, left : right + 1], inside)[0])


def _session(kind: str) -> Any:
    """Return a model of the wheel, loaded. Raises FileNotFoundError where the wheel has none."""
    import onnxruntime  # heavy

    spec = find_spec("rapidocr")
    folders = [Path(one) / "models" for one in spec.submodule_search_locations or ()] if spec is not None else []
    model = next((path for folder in folders for path in sorted(folder.glob(f"*_{kind}_*.onnx"))), None)
    if model is None:
        raise FileNotFoundError(f"rapidocr has no model for “{kind}”: pip install --force-reinstall rapidocr")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False  # pictures of many sizes would leave it large
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _run(session: Any, entry: Chances) -> Chances:
    return np.asarray(session.run(None, {session.get_inputs()[0].name: entry})[0], dtype=np.float32)
