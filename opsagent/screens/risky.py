"""Which steps of a procedure need a person by themselves, before anything is seen of a screen. Pure."""

from __future__ import annotations

from opsagent_tools.gui.procedure import ScreenProcedure
from opsagent_tools.gui.risk import risk_of


def risky_steps(procedure: ScreenProcedure) -> dict[int, str]:
    """Return the numbers of such steps, from 1, each with the reason. What is found only on the screen comes to it later."""
    found = {number: risk_of(step) for number, step in enumerate(procedure.steps, start=1)}
    return {number: why for number, why in found.items() if why}


def in_words(procedure: ScreenProcedure) -> str:
    """Return them in one line; empty where there are none."""
    return "; ".join(f"step {number} ({why})" for number, why in risky_steps(procedure).items())
