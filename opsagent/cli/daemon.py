"""What commands ask of the daemon, where one runs (`opsagent.api.ask`)."""

from __future__ import annotations

from opsagent.api.ask import listing, metrics, notices, signatures, status, topology

__all__ = ["listing", "metrics", "notices", "signatures", "status", "topology"]
