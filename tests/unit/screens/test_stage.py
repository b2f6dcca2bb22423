"""What is loaded for a run before it begins."""

from __future__ import annotations

import pytest

from opsagent.screens.stage import reads_pictures
from opsagent_tools.gui.procedure_files import read_procedure


@pytest.mark.parametrize(
    ("surface", "button", "reads"),
    [("", "Refresh", False), ("surface: pixel\n", "Refresh", True), ("", "Delete", True)],
)
def test_models_that_read_are_loaded_where_they_will_be_needed(surface: str, button: str, reads: bool) -> None:
    text = f'name: demo\nwindow: {{program: form}}\n{surface}steps:\n- click: button "{button}"\n'
    assert reads_pictures(read_procedure(text)) is reads
