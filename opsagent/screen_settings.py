"""`[screens]` as a value: which screens procedures use, what is kept of them, and where secrets are. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opsagent.model_settings import ModelSettings

OWN = "own"
"""The display that the agent starts for itself, which nobody else sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPlace:
    """Where a secret is kept: in a file that is its owner's only, or in a variable of the agent. Never in the configuration."""

    file: str = ""
    """Relative: in the home's folder `screens/secrets`."""
    env: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenSettings:
    """`[screens]`."""

    display: str = OWN
    """Where procedures run: `own`, or the name of a desktop that people share (`:0`)."""
    width: int = 1280
    """Of the agent's own display, in pixels."""
    height: int = 800
    programs: tuple[str, ...] = ()
    """Programs that may be used; empty: those that accepted procedures name."""
    unattended: tuple[str, ...] = ()
    """Procedures that may run with nobody present, where the mode is auto; nothing that needs approval is among what they may do."""
    answer_s: float = 300.0
    """How long a run waits for a person's answer before a step that needs one."""
    pictures: bool = True
    """Whether masked pictures are kept in the report of a run."""
    keep_days: int = 30
    """How long reports are kept."""
    keep_mb: int = 200
    """How much room they may take together, in MB; the oldest go first."""
    send: bool = False
    """Consent: whether masked pictures may be sent to the vision model that is configured."""
    model: ModelSettings = field(default_factory=ModelSettings)
    """`[screens.model]`: the model that may look at masked pictures, where nothing else finds what is meant."""
    secrets: Mapping[str, SecretPlace] = field(default_factory=dict)
    """`[screens.secrets]`: name → where it is."""
