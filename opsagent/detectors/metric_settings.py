"""What the detectors of measured values go by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSettings:
    """Thresholds; each has a reason, and a table in tests/unit/detectors that holds it."""

    near_s: float = 3600.0
    """What is used up sooner than this is near …"""
    near_share: float = 0.8
    """… if this much of it is used: what is half empty is no emergency, whatever the rate."""
    nearly_all: float = 0.95
    """At this share a steady growth needs no other reason."""
    full: float = 0.99
    """At this share no forecast is needed, if it was seen to get there."""
    full_grown: float = 0.02
    """So much of the whole must it have grown while it was watched."""
    sure: int = 3
    """So many looks in a row must say the same."""
    ahead_s: float = 86_400.0
    """A notice is made of what is used up within this …"""
    ahead_share: float = 0.5
    """… if so much of it is used."""
    again_below: float = 0.1
    """Once it came down by so much of the whole it can be told again …"""
    again_above: float = 0.03
    """… and when it is so much higher than it was told to be."""
    writer_share: float = 0.6
    """Whoever writes this much of what a file system grows by fills it."""
    fds_share: float = 0.1
    """Descriptors are followed from this share of the limit on."""

    every_s: float = 15.0
    """Between two points of a series."""
    warmup: int = 60
    """Points before anything unusual is told: a quarter of an hour."""
    refractory_s: float = 3600.0
    """So long nothing is told of a series after something was."""

    busy: float = 0.9
    """A machine whose cores are used so much …"""
    waiting: float = 0.4
    """… and in which somebody waits for a processor this much of the time is short of it."""
    hog: float = 0.5
    """Who uses this share of all cores, or of all disk traffic, or of all memory, is what the others lack."""
    starved: float = 0.2
    """Who waits this share of the time lacks it."""
    short: int = 4
    """So many looks (`every_s` apart) in a row."""
    traffic: float = 10e6
    """Bytes per second; less is no burden for a disk."""
    io_waiting: float = 0.3
    memory_waiting: float = 0.2
