"""Signatures of messages, found online: the template that a message is an instance of, under a key that lasts.

Two levels. The first is stateless (`masking.py`): values are masked by their shape and by the words around them; the
hash of what stays is the key, the same in any order, on every host, in every process. The second (`miner_book.py`)
merges templates that only differ in a word that keeps changing; the keys from before become aliases of the merged one.

Quick because lines repeat: what was seen before, but for the digits in it, is found by one look-up. Memory is bounded.
Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opsagent_tools.logs import masks
from opsagent_tools.logs.event import Signature
from opsagent_tools.logs.masking import (
    has_server_error,
    mask,
    may_have_status,
    outline,
    rough_outline,
    settle,
    without_hex,
)
from opsagent_tools.logs.miner_book import Book, Group, key_of
from opsagent_tools.logs.miner_state import kept, taken_up
from opsagent_tools.logs.miner_words import edges, polar, wordy
from opsagent_tools.logs.repeats import Repeat, Repeats
from opsagent_tools.redact import redact

__all__ = ["Miner", "MinerLimits", "key_of"]

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerLimits:
    """How much a miner keeps."""

    templates: int = 2000
    """At most so many templates; the least valuable are forgotten."""
    cached: int = 8000
    """So many shapes of messages, twice, lead to their template at once."""
    cached_length: int = 1000
    """Longer messages (bytes) are masked anew each time."""


class Miner:
    """Gives messages their signature. One for all sources; not for several threads at once."""

    def __init__(self, limits: MinerLimits | None = None) -> None:
        self._limits = limits or MinerLimits()
        self._book = Book(self._limits.templates)
        self.repeats = Repeats()
        """Whole lines that lead to their template at once: of all sources that have their signatures from here."""
        self._shapes: dict[bytes, Group] = {}
        self._shapes_before: dict[bytes, Group] = {}
        self._masked: dict[str, Group] = {}
        self._masked_before: dict[str, Group] = {}

    def add(self, message: str) -> Signature:
        """Return the signature of a message as far as it is known now. Never raises."""
        group = self._group(rough_outline(message), message)
        group.count += 1
        return group.signature

    def add_repeated(self, message: str, repeat: Repeat) -> Signature:
        """Return what `add` does, and keep it for all messages whose line looks like this one's."""
        if repeat.status and has_server_error(message):
            return self.add(message)
        group = repeat.group
        if group is None or group.into is not None:
            shape = rough_outline(message)
            group = self._group(shape, message)
            repeat.status = may_have_status(shape)
            repeat.group = None if repeat.status and has_server_error(message) else group
        group.count += 1
        return group.signature

    def _group(self, shape: bytes, message: str) -> Group:
        group = self._shapes.get(shape)
        return self._unseen(shape, message) if group is None or group.into is not None else group

    def _unseen(self, shape: bytes, message: str) -> Group:
        """Return the group of a message whose rough outline leads nowhere by itself."""
        # Behind a NUL it is never found by a rough outline, in which all statuses are alike.
        key = b"\0" + outline(message) if may_have_status(shape) else without_hex(shape)
        group = self._shapes.get(key)
        if group is not None and group.into is None:
            return group
        group = self._shapes_before.get(key)
        if group is None or group.into is not None:
            group = self._of_masked(mask(key.removeprefix(b"\0")))
        if len(key) <= self._limits.cached_length:
            if len(self._shapes) >= self._limits.cached:
                self._shapes_before, self._shapes = self._shapes, {}
            self._shapes[key] = group
        return group

    def _of_masked(self, masked: str) -> Group:
        group = self._masked.get(masked)
        if group is None or group.into is not None:
            group = self._masked_before.get(masked)
            if group is None or group.into is not None:
                group = self._of_template(settle(masked))
            if len(masked) <= self._limits.cached_length:
                if len(self._masked) >= self._limits.cached:
                    self._masked_before, self._masked = self._masked, {}
                self._masked[masked] = group
        return group

    def _of_template(self, template: str) -> Group:
        return self._book.get(template) or self._book.find(redact(template))

    @staticmethod
    def forget_words() -> None:
        """Forget what is remembered of words, for all miners of this process: a measurement begins cold."""
        masks.forget()
        for remembered in (edges, polar, wordy):
            remembered.cache_clear()

    def template(self, key: str) -> str:
        """Return the template that a key, also an old one, stands for now; "" where it is not known (any more)."""
        group = self._book.by_key.get(key)
        return group.signature.template if group else ""

    def resolve(self, key: str) -> str:
        """Return the key under which `key` is known now; itself where it is not known."""
        group = self._book.by_key.get(key)
        return group.signature.key if group else key

    def aliases(self, key: str) -> tuple[str, ...]:
        """Return the other keys under which the same template was known."""
        group = self._book.by_key.get(key)
        return () if group is None else tuple(each for each in (group.signature.key, *group.aliases) if each != key)

    def dump(self) -> dict[str, Any]:
        """Return the state, fit for JSON: redacted templates, keys and counts; nothing of any message."""
        return {"version": _VERSION, "templates": [kept(group) for group in self._book.groups.values()]}

    @classmethod
    def load(cls, state: dict[str, Any], limits: MinerLimits | None = None) -> Miner:
        """Return a miner that goes on from a `dump`. What cannot be read of it is left out: it is learnt again."""
        miner = cls(limits)
        if state.get("version") == _VERSION and isinstance(state.get("templates"), list):
            for each in state["templates"][-miner._limits.templates :]:
                group = taken_up(each)
                if group is not None:
                    miner._book.restore(group)
        return miner
