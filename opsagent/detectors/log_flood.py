"""More is logged than is read: the sense takes a sample and says so, and that is worth knowing."""

from __future__ import annotations

from datetime import datetime

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.wording import quoted
from opsagent.model import EvidenceKind, Signal
from opsagent.notice import Notice, NoticeKind


def flood(volume: Signal, now: datetime, config: DetectorConfig) -> Notice | None:
    """Judge one LOG_VOLUME."""
    sampled, skipped = int(volume.data.get("sampled", 0)), int(volume.data.get("skipped", 0))
    if volume.unit is None or (sampled < config.flood_lines and not skipped):
        return None
    lines, seconds = int(volume.data.get("lines", 0)), float(volume.data.get("seconds", 0.0)) or 1.0
    text = f"{quoted(volume.unit.name)} floods its log: {lines / seconds:,.0f} lines/s"
    text += f", {sampled:,} were counted and not read" if sampled else ""
    text += f", {skipped / 1e6:,.1f} MB never looked at" if skipped else ""
    data = {"lines": lines, "sampled": sampled, "skipped": skipped}
    return Notice(kind=NoticeKind.FLOOD, unit=volume.unit, at=now, evidence=EvidenceKind.TEXT, text=text, data=data)
