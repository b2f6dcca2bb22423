"""Asks a name server for a name as a program would, by one packet and its answer (RFC 1035). Nothing is cached."""

from __future__ import annotations

import re
import secrets
import socket
import struct
from typing import Literal

Answer = Literal["found", "none", "refused", "silent"]
_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*"
)
_QUERY_TYPES = (1, 28)
"""A and AAAA."""
_PACKET = 4096


def is_name(text: str) -> bool:
    """Tell whether the text may be a host's name (and is no address)."""
    return bool(_NAME.fullmatch(text)) and not text.replace(".", "").isdigit()


def ask(server: str, name: str, timeout_s: float, port: int = 53) -> Answer:
    """Ask one server for one name: `found` an address, `none` (it says that there is no such name), `refused` (it cannot or
    will not say), or `silent` (nothing came back, or nobody listens).
    """
    worst: Answer = "silent"
    for kind in _QUERY_TYPES:
        answer = _ask(server, name, kind, timeout_s, port)
        if answer in {"found", "silent"}:
            return answer
        worst = answer
    return worst


def _ask(server: str, name: str, kind: int, timeout_s: float, port: int) -> Answer:
    number = secrets.randbits(16)
    labels = b"".join(bytes([len(part)]) + part.encode("ascii") for part in name.rstrip(".").split("."))
    query = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.settimeout(timeout_s)
            asking.connect((server, port))
            asking.send(query)
            answer = asking.recv(_PACKET)
    except (OSError, ValueError):
        return "silent"
    if len(answer) < 12 or answer[:2] != query[:2]:
        return "silent"
    _, flags, _, answers, _, _ = struct.unpack(">HHHHHH", answer[:12])
    code = flags & 0xF
    if code == 0:
        return "found" if answers else "none"
    return "none" if code == 3 else "refused"
