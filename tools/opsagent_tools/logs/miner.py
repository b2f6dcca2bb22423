"""Signatures of messages, found online: the template that a message is an instance of, under a key that lasts.

Two levels. The first is stateless (`masks.py`): values are masked by their shape and by the words around them; the hash
of what stays is the key, the same in any order, on every host, in every process. The second merges what only differs in
a word that keeps changing; the keys from before become aliases of the merged template. Standard library only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from opsagent_tools.logs.event import Signature
from opsagent_tools.logs.signature import signature as masked
from opsagent_tools.redact import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerLimits:
    """How much a miner keeps."""

    templates: int = 2000
    """At most so many templates; the least valuable are forgotten."""
    cached: int = 20_000
    """Shapes of lines whose template is remembered."""


class Miner:
    """Gives messages their signature. One for all sources; not for several threads at once."""

    def __init__(self, limits: MinerLimits | None = None) -> None:
        self._limits = limits or MinerLimits()
        self._signatures: dict[str, Signature] = {}

    def add(self, message: str) -> Signature:
        """Return the signature of a message as far as it is known now. Never raises."""
        template = redact(masked(message))
        key = key_of(template)
        found = self._signatures.get(key)
        if found is None:
            found = self._signatures[key] = Signature(key, template)
            if len(self._signatures) > self._limits.templates:
                del self._signatures[next(iter(self._signatures))]
        return found

    def template(self, key: str) -> str:
        """Return the template that a key, also an old one, stands for now; "" where it is not known (any more)."""
        found = self._signatures.get(key)
        return found.template if found else ""

    def resolve(self, key: str) -> str:
        """Return the key under which `key` is known now; itself where it is not known."""
        return key

    def aliases(self, key: str) -> tuple[str, ...]:
        """Return the other keys under which the same template was known."""
        return ()

    def dump(self) -> dict[str, Any]:
        """Return the state, fit for JSON; redacted."""
        return {"version": 1, "templates": [[each.key, each.template] for each in self._signatures.values()]}

    @classmethod
    def load(cls, state: dict[str, Any], limits: MinerLimits | None = None) -> Miner:
        """Return a miner that goes on from a `dump`. What cannot be read is left out: it is learnt again."""
        miner = cls(limits)
        if state.get("version") == 1:
            for key, template in state.get("templates", ()):
                miner._signatures[key] = Signature(key, template)
        return miner


def key_of(template: str) -> str:
    """Return the durable key of a template: 16 hex digits."""
    return hashlib.blake2b(template.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
