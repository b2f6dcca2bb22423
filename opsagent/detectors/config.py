"""What the detectors go by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorConfig:
    """Thresholds; each has a reason, and a table in tests/unit/detectors that holds it."""

    loop_deaths: int = 4
    """So many deaths of a unit within `loop_window_s` are a crash loop, whatever its supervisor calls it …"""
    loop_window_s: float = 60.0
    loop_young: int = 3
    """… if so many of the dead had been started after the first of them died (four workers killed at once are no loop)."""
    loop_quiet_s: float = 30.0
    """After a crash loop was given up on, deaths of processes younger than `loop_young_s` that follow each other
    within this time are the same loop."""
    loop_young_s: float = 5.0
    dead_s: float = 1.0
    """A unit that is found dead (nobody saw it die) must be so for this long."""

    hang_failures: int = 2
    """So many failed probes in a row …"""
    hang_s: float = 3.0
    """… over this time (from the start of the first one) are a hang; less is a blip. If all its processes are
    stopped by a signal, one failed probe does."""

    frozen_s: float = 5.0
    """A process of a service that is stopped by a signal for this long hangs, whatever the probe says."""

    upstream_wait_s: float = 5.0
    """How long a unit's trouble waits while an upstream fails too but is not confirmed yet."""
    reroot_s: float = 10.0
    """How long an incident may still move to an upstream that turns out to be the cause."""
    engine_tail_s: float = 3.0
    """Incidents opened this short before a supervisor's daemon is missed are of that cause."""
    quiet_s: float = 600.0
    """Trouble that outlives its incident (a person was told) opens no other one for this long, unless it changes."""

    burst_window_s: float = 10.0
    """Error lines are counted per window of this length."""
    burst_lines: int = 20
    """Fewer in a window are never a burst."""
    burst_times: float = 5.0
    """A burst is so many times the usual number of a window."""
    burst_learn_s: float = 30.0
    """What is usual for a unit is learnt for this long before a burst can be told."""
    aftermath_s: float = 15.0
    """Error lines this soon after an incident of the unit, or of an upstream, are its tail."""

    memory_share: float = 0.6
    """Below this share of `max_memory` growth is no trouble yet."""
    memory_sure_samples: int = 3
    """So many samples in a row must lead to the same forecast."""
    memory_full_share: float = 0.95
    """At this share, over `memory_full_samples` samples, no forecast is needed."""
    memory_full_samples: int = 4
    memory_warmup_s: float = 10.0
    """A process younger than this is still warming up."""
    memory_fast_s: float = 1.0
    """Width of a floor bucket of the fast scale (leaks of seconds)."""
    memory_slow_s: float = 60.0
    """Width of a floor bucket of the slow scale (leaks of hours)."""
    memory_ahead: float = 4.0
    """A forecast looks at most so many times as far ahead as it saw steady growth behind."""

    errors_before_s: float = 10.0
    """Error lines this long before a fault belong to it."""
    symptoms_kept: int = 40
