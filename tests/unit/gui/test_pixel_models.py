"""What the models' answers are made into; they themselves read real windows in tests/integration/gui/test_pixels.py."""

from __future__ import annotations

import pytest

pytest.importorskip("cv2", reason="needs the extra gui: pip install opsagent[gui]")

import numpy as np

from opsagent_tools.gui.pixels.models import lines_in


def test_a_core_of_text_grows_to_its_line_and_faint_or_tiny_ones_are_none() -> None:
    chances = np.zeros((128, 256), dtype=np.float32)
    chances[40:49, 50:150] = 0.9
    chances[90:99, 50:150] = 0.4  # drawn, and not sure
    chances[10:11, 200:202] = 0.9
    (line,) = lines_in(chances)
    # A core of 100 × 9 pixels grows by 1.6 · 100 · 9 / (2 · (100 + 9)) = 6.6 on each side.
    assert (line.left, line.top) == pytest.approx((43, 33), abs=1)
    assert (line.right, line.bottom) == pytest.approx((157, 56), abs=1)


def test_a_line_at_the_edge_stays_on_the_picture() -> None:
    chances = np.zeros((64, 96), dtype=np.float32)
    chances[0:9, 0:96] = 0.9
    (line,) = lines_in(chances)
    assert (line.left, line.top, line.right) == (0, 0, 95)
    assert line.bottom <= 63
