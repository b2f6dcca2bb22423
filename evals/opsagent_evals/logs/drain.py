"""Drain3, the miner that others use, as the baseline. Needs drain3 installed; it is no dependency of opsagent.

Two configurations: what it does by default, and the one that its README recommends, masks included.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Sequence
from typing import Any

_START, _END = r"((?<=[^A-Za-z0-9])|^)", r"((?=[^A-Za-z0-9])|$)"
_README_MASKS = (
    (rf"{_START}(([0-9a-f]{{2,}}:){{3,}}([0-9a-f]{{2,}})){_END}", "ID"),
    (rf"{_START}(\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}){_END}", "IP"),
    (rf"{_START}([0-9a-f]{{6,}} ?){{3,}}{_END}", "SEQ"),
    (rf"{_START}([0-9A-F]{{4}} ?){{4,}}{_END}", "SEQ"),
    (rf"{_START}(0x[a-f0-9A-F]+){_END}", "HEX"),
    (rf"{_START}([\-\+]?\d+){_END}", "NUM"),
    (r"(?<=executed cmd )(\".+?\")(?=[\s,.])", "CMD"),
)


class NoDrain(RuntimeError):
    """drain3 is not installed."""


class Drain:
    """Drain3 over one log."""

    def __init__(self, *, readme: bool) -> None:
        """`readme`: as its README recommends, else as it is by default. Raises NoDrain."""
        try:
            drain3 = importlib.import_module("drain3")
            configuration = importlib.import_module("drain3.template_miner_config").TemplateMinerConfig()
            instruction = importlib.import_module("drain3.masking").MaskingInstruction
        except ImportError as error:
            raise NoDrain("drain3 is not installed (pip install drain3==0.9.11)") from error
        logging.getLogger("drain3").setLevel(logging.ERROR)
        configuration.profiling_enabled = False
        if readme:
            configuration.masking_instructions = [instruction(pattern, name) for pattern, name in _README_MASKS]
            configuration.drain_extra_delimiters = ["_"]
            configuration.drain_max_clusters = 1024
        self._miner: Any = drain3.TemplateMiner(None, configuration)

    def mine(self, lines: Sequence[str]) -> tuple[list[int], float]:
        """Return the cluster of each line, and the seconds of processor time that it took."""
        add = self._miner.add_log_message
        began = time.process_time()
        found = [add(line) for line in lines]
        took = time.process_time() - began
        return [one["cluster_id"] for one in found], took
