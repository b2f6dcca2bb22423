"""`[notify]` as a value: who is told what, in which language, where, and by which reference. Standard library only.

An address is a secret: it is named by a file or a variable, and is in no value here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

What = Literal["escalations", "approvals", "suggestions", "repaired", "recurring", "digest"]
WHAT: tuple[What, ...] = ("escalations", "approvals", "suggestions", "repaired", "recurring", "digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One way to reach people."""

    name: str
    url_file: str = ""
    """File with the Apprise URL; relative: in the home's folder `notify`. Its owner's only."""
    url_env: str = ""
    """Variable with the Apprise URL."""
    file: str = ""
    """Instead of a URL: a file that messages are appended to; relative: in the home's folder `notify`."""
    hosts: tuple[str, ...] = ()
    """Hosts that it may connect to, all others are refused; empty: none (a local channel)."""
    what: tuple[What, ...] = ("escalations", "approvals", "suggestions", "recurring", "digest")
    language: str = ""
    """Empty: that of `[notify]`."""
    zone: str = ""
    quiet: Literal["urgent", "nothing", "all"] = "urgent"
    """What comes through in quiet hours: `urgent` (escalations and approvals), `nothing`, or `all`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """`[notify]`. Without channels nothing is sent."""

    channels: tuple[Channel, ...] = ()
    language: str = "en"
    zone: str = ""
    """Empty: the machine's."""
    group_s: float = 5.0
    """What comes within this time is one message."""
    per_hour: int = 20
    """Messages of one channel; beyond, they wait and become one."""
    remind_s: float = 3600.0
    """An escalation that nobody acknowledges is told again after this time, three times; 0: never."""
    digest_at: str = ""
    """Time of day of the digest, in the channel's zone: `09:00`; empty: none but in the first days."""
    proxy: str = ""
    """What goes out goes through this one; no variable of the environment is heeded."""

    @property
    def local_zone(self) -> str:
        """Return the zone of those who say nothing themselves."""
        from opsagent_tools.services.schedule import machine_zone

        return self.zone or machine_zone()

    def language_of(self, channel: Channel) -> str:
        """Return the language of a channel."""
        return channel.language or self.language

    def zone_of(self, channel: Channel) -> str:
        """Return the time zone of a channel."""
        return channel.zone or self.local_zone
