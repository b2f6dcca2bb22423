"""Conversations of people with the agent, and what was said in them, in the journal."""

from __future__ import annotations

from opsagent.store.boundary import Store


class Conversations(Store):
    """The part of the journal that knows conversations."""
