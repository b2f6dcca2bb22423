"""What chat models were asked, and what it cost, in the journal."""

from __future__ import annotations

from opsagent.store.boundary import Store


class ModelCalls(Store):
    """The part of the journal that knows what models were asked."""
