"""Loghub-2k with corrected labels: 16 systems, 2,000 lines each. Read from a folder; nothing is downloaded."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

DEVELOPMENT = ("Android", "Apache", "HDFS", "Hadoop", "Linux", "OpenSSH", "Proxifier", "Spark")
"""What masks and merging were made on."""
HELD_OUT = ("BGL", "HPC", "HealthApp", "Mac", "OpenStack", "Thunderbird", "Windows", "Zookeeper")
"""Looked at only to report."""
SYSTEMS = tuple(sorted(DEVELOPMENT + HELD_OUT))
_PLACES = (".", "loghub_2k_corrected", "data/loghub_2k_corrected")
WHERE = (
    "get it from github.com/logpai/logparser, folder data/loghub_2k_corrected (for research; cite Zhu et al., ISSRE 2023,"
    " and for the corrected labels Khan et al., ICSE 2022), and pass that folder or the checkout as --data DIR"
)


class NoData(ValueError):
    """There is no Loghub-2k here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The log of one system."""

    name: str
    content: tuple[str, ...]
    """Messages without their header, as the labels' authors cut it off."""
    raw: tuple[bytes, ...]
    """The same lines, whole."""
    templates: tuple[str, ...]
    """The label of each line: its true template, values written `<*>`."""

    @property
    def held_out(self) -> bool:
        """Whether nothing was made with a look at it."""
        return self.name in HELD_OUT


def find(data: Path | None) -> Path:
    """Return the folder with one folder a system, at `data` or where a checkout has it. Raises NoData."""
    if data is None:
        raise NoData(f"the suite logs needs Loghub-2k: {WHERE}")
    for place in _PLACES:
        folder = data / place
        if all(_labels(folder, name).is_file() and _lines(folder, name).is_file() for name in SYSTEMS):
            return folder
    raise NoData(f"no Loghub-2k with corrected labels of all 16 systems in {data}: {WHERE}")


def read(folder: Path, name: str) -> System:
    """Return one system. Raises NoData where lines and labels do not belong together."""
    raw = tuple(line.rstrip(b"\r") for line in _lines(folder, name).read_bytes().split(b"\n") if line.strip())
    with _labels(folder, name).open(encoding="utf-8", newline="") as file:
        rows = [(row.get("Content"), row.get("EventTemplate")) for row in csv.DictReader(file)]
    if len(rows) != len(raw) or not rows or any(None in row for row in rows):
        raise NoData(f"{name} in {folder} has {len(raw)} lines and {len(rows)} labels: {WHERE}")
    return System(
        name=name,
        content=tuple(content or "" for content, _ in rows),
        raw=raw,
        templates=tuple(template or "" for _, template in rows),
    )


def _labels(folder: Path, name: str) -> Path:
    return folder / name / f"{name}_2k.log_structured_corrected.csv"


def _lines(folder: Path, name: str) -> Path:
    return folder / name / f"{name}_2k.log"
