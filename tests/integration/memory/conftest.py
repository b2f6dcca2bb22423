"""What the suites of others need that run here."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Know the marks of langchain-tests; none of its tests that carry one is run."""
    config.addinivalue_line("markers", "vcr: recorded talks with hosted models")
