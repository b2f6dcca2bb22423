"""Whoever asks a chat model loads no library of models: that is for the models' own process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("langchain", "langchain_core", "langgraph", "openai", "anthropic", "httpx")


@pytest.mark.parametrize("module", ["opsagent.brain.thinker", "opsagent.brain.unattended", "opsagent.cli.watching"])
def test_whoever_asks_a_model_loads_no_library_of_models(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60, cwd=ROOT
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
