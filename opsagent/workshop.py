"""Everything that a repair needs, put together once (`opsagent.agent_parts`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from opsagent.act import Actor
from opsagent.books import Books
from opsagent.casefile import CaseFile
from opsagent.consent import Consent
from opsagent.investigate import Investigator
from opsagent.learn import Learner
from opsagent.locks import GroupLocks
from opsagent.model import Plan
from opsagent.policy import Policy
from opsagent.quoting import Quotes
from opsagent.returned import Returns
from opsagent.settle import Settler
from opsagent.situation import Situations
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline
from opsagent.verify import Verifier
from opsagent.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Everything that a repair needs, put together once."""

    journal: Journal
    timeline: Timeline
    world: World
    settler: Settler
    investigator: Investigator
    situations: Situations
    policy: Callable[[], Policy]
    actor: Actor
    verifier: Verifier
    learner: Learner
    consent: Consent
    locks: GroupLocks
    books: Books
    quotes: Quotes
    returns: Returns
    missed: Callable[[Plan, str], None]
    """Tells whoever keeps trust that a repair did not help, made it worse, or did not last; blocks."""
    advice: Callable[[CaseFile], None]
    """Asks a chat model, beside everything else, what may help where a person was called; nobody where none may be."""
    accepts: Callable[[Plan], bool]
    """Whether what a model worked out, and was verified, is accepted as a procedure by the configuration's word."""
    decided: Callable[[str], None]
    """Tells detect that a plan is under way for this incident."""
