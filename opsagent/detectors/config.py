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
    reroot_s: float = 60.0
    """How long an incident may still move to an upstream that turns out to be the cause …"""
    onset_slack_s: float = 10.0
    """… whose trouble began before, or was noticed so much later only."""
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

    news_warmup_s: float = 60.0
    """A unit that is known for less than this has no news: all that it logs is new to us."""
    news_settle_s: float = 600.0
    """What is no error is news only of a unit that has logged nothing new for this long."""
    news_info_s: float = 3600.0
    """… and, where it is not even a warning, that is known for this long."""
    release_s: float = 3600.0
    """For this long after a release a new error is laid to it."""
    came_back_s: float = 60.0
    """An error that is logged this soon after its incident is its tail, and has not come back."""

    share_short_s: float = 60.0
    share_long_s: float = 300.0
    """Over both of these windows the share of error lines must be another one than usual."""
    share_learn_s: float = 900.0
    """What is usual is learnt for this long, from at least `share_lines` lines."""
    share_lines: int = 300
    share_errors: int = 10
    """Fewer errors in a window say nothing, whatever their share."""
    share_times: float = 3.0
    share_more: float = 0.05
    """The share must be so many times as large as usual, and larger by this."""

    silence_gaps: int = 50
    """So many gaps between lines must be known before one is unusually long."""
    silence_learn_s: float = 86_400.0
    """Silence by itself is noticed only once a whole day is known: a unit may log at day only. As a symptom of a hang
    it counts before."""
    silence_least_s: float = 60.0
    silence_symptom_s: float = 5.0
    """Shorter gaps are nothing, by themselves or as a symptom of a hang."""

    flood_lines: int = 1000
    """So many lines that were counted and not read, in one look, are worth a word."""

    slow_answers: int = 60
    """What is usual for a probe is learnt from so many answers."""
    slow_row: int = 3
    """So many slow answers in a row …"""
    slow_times: float = 5.0
    """… each so many times slower than usual …"""
    slow_least_s: float = 0.5
    """… and slower than this."""

    degraded_window_s: float = 60.0
    """Answers of the last while are judged by those from before."""
    degraded_answers: int = 4
    """What is usual for a probe is learnt from so many answers, at least."""
    degraded_times: float = 4.0
    """An answer is slow that takes so many times as long as usual, …"""
    degraded_least_s: float = 0.3
    """… and longer than this."""
    degraded_s: float = 6.0
    """For so long, …"""
    degraded_row: int = 3
    """… and in so many answers at least, nearly all must be slow: a pause is over by then …"""
    degraded_good_share: float = 0.2
    """… nearly all: so few of them may be good."""
    degraded_runs: int = 3
    """Or so often within the window it turns from good to bad …"""
    degraded_share: float = 0.08
    """… with this share of bad answers since the first of them."""
    degraded_young_s: float = 10.0
    """What was started, or died, so short ago is not judged: starts are slow."""

    notice_again_s: float = 1800.0
    """The same of the same unit is noticed once in this time."""
    notice_window_s: float = 600.0
    notice_most: int = 5
    """Of more of a kind for one unit within the window only the number is told …"""
    notice_most_of_all: int = 30
    """… and of more of all units together."""
    notice_before_s: float = 120.0
    """What was noticed this long before an incident belongs to it."""
