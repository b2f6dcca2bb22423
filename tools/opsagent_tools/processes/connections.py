"""What a process's TCP connections are waiting for, told by the kernel and never by connecting or reading any of them.

Linux's sock_diag(7) gives, per socket, when data was last sent and last received: a connection that we opened, that
we sent on after we last received, is a question without an answer yet. Where the kernel has no sock_diag, nothing is
known (`connections` returns None).
"""

# ruff: noqa: PTH115

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST_DUMP = 0x301
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_INET_DIAG_INFO = 2
_HEADER = struct.Struct("=LHHLL")
_REQUEST = struct.Struct("=BBBBL48s")
_MESSAGE = struct.Struct("=BBBB HH16s16sLLL LLLLL")
_ATTRIBUTE = struct.Struct("=HH")
_LAST_SENT, _LAST_RECEIVED, _BYTES_ACKED, _BYTES_RECEIVED = 44, 52, 120, 128
"""Offsets in struct tcp_info of linux/tcp.h: two times in milliseconds ago (u32), two counters (u64)."""
ESTABLISHED, SYN_SENT, CLOSE_WAIT, LISTEN = 1, 2, 8, 10
_STATES = 1 << ESTABLISHED | 1 << SYN_SENT | 1 << CLOSE_WAIT | 1 << LISTEN
_TIMEOUT_S = 0.5
_BUFFER = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One TCP socket."""

    inode: int
    state: int
    """ESTABLISHED, SYN_SENT, CLOSE_WAIT (the other side has closed) or LISTEN, as net/tcp_states.h numbers them."""
    local_port: int
    remote: str
    """`address:port`."""
    remote_port: int
    unread: int
    """Bytes that wait to be read; of a listening socket: connections that wait to be accepted."""
    unsent: int
    """Bytes that the other side has not acknowledged."""
    room: int = 0
    """Of a listening socket: how many connections may wait to be accepted."""
    sent_ago_s: float
    received_ago_s: float
    sent: int
    """Bytes that the other side has acknowledged."""
    received: int

    @property
    def unanswered_s(self) -> float:
        """How long what we sent last has had no answer; 0 where nothing is owed to us."""
        if self.state == SYN_SENT:
            return max(self.sent_ago_s, 0.001)
        asked = self.sent > 1 or self.unsent > 0  # the handshake itself counts as one byte
        if self.state != ESTABLISHED or not asked or self.unread:
            return 0.0
        return self.sent_ago_s if not self.received or self.sent_ago_s < self.received_ago_s else 0.0

    @property
    def owes(self) -> bool:
        """True: the other side asked for something after we last said anything."""
        asked = self.received > 0 or self.unread > 0
        return asked and (self.unread > 0 or self.sent <= 1 or self.received_ago_s < self.sent_ago_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guests:
    """Who is connected to one process."""

    waiting: int = 0
    """Connections with a request that it has not answered yet."""
    idle: int = 0
    """Connections that are kept open and owe nothing (keep-alive, sockets that push)."""
    longest_s: float = 0.0
    """How long the oldest of the waiting ones has been waiting."""

    @property
    def open(self) -> int:
        return self.waiting + self.idle


def guests(pids: Iterable[int]) -> dict[int, Guests] | None:
    """Return who is connected to each of these processes from outside; None where the kernel does not tell.

    A connection came from outside where somebody on this machine listens on its local port: a worker may serve a
    socket that its master holds.
    """
    holders = {pid: set(_socket_inodes((pid,))) for pid in pids}
    try:
        every = [connection for family in (socket.AF_INET, socket.AF_INET6) for connection in _dump(family)]
    except (OSError, AttributeError, struct.error):
        return None
    served = {one.local_port for one in every if one.state == LISTEN}
    came = [one for one in every if one.state == ESTABLISHED and one.local_port in served]
    return {pid: _guests([one for one in came if one.inode in inodes]) for pid, inodes in holders.items()}


def holder_of(local_port: int, remote_port: int, pids: Iterable[int]) -> int | None:
    """Return which of these processes holds the connection between two ports of this machine; None: none of them."""
    try:
        every = [connection for family in (socket.AF_INET, socket.AF_INET6) for connection in _dump(family)]
    except (OSError, AttributeError, struct.error):
        return None
    wanted = {one.inode for one in every if (one.local_port, one.remote_port) == (local_port, remote_port)} - {0}
    return next((pid for pid in pids if wanted and not wanted.isdisjoint(_socket_inodes((pid,)))), None)


def _guests(came: Iterable[Connection]) -> Guests:
    found = list(came)
    waiting = [one.received_ago_s for one in found if one.owes]
    return Guests(waiting=len(waiting), idle=len(found) - len(waiting), longest_s=max(waiting, default=0.0))


def connections(pids: Iterable[int]) -> tuple[Connection, ...] | None:
    """Return the TCP sockets that these processes hold; None where the kernel does not tell."""
    inodes = set(_socket_inodes(pids))
    try:
        return tuple(
            connection
            for family in (socket.AF_INET, socket.AF_INET6)
            for connection in _dump(family)
            if connection.inode in inodes
        )
    except (OSError, AttributeError, struct.error):
        return None


def held(pids: Iterable[int]) -> Held | None:
    """Return every TCP socket of the machine, and who of these processes holds which; None where it is not told."""
    try:
        every = tuple(one for family in (socket.AF_INET, socket.AF_INET6) for one in _dump(family))
    except (OSError, AttributeError, struct.error):
        return None
    holders: dict[int, set[int]] = {}
    for pid in pids:
        for inode in _socket_inodes((pid,)):
            holders.setdefault(inode, set()).add(pid)
    return Held(every=every, holders={inode: frozenset(found) for inode, found in holders.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The TCP sockets of one moment, and whose they are."""

    every: tuple[Connection, ...]
    holders: dict[int, frozenset[int]]
    """Pids by inode."""

    def of(self, connection: Connection) -> frozenset[int]:
        """Return who holds it; nobody: none of those asked about, or nobody at all yet (it was not accepted)."""
        return self.holders.get(connection.inode, frozenset()) if connection.inode else frozenset()


def _socket_inodes(pids: Iterable[int]) -> Iterator[int]:
    for pid in pids:
        try:
            with os.scandir(f"/proc/{pid}/fd") as entries:
                for entry in entries:
                    target = os.readlink(entry.path)
                    if target.startswith("socket:["):
                        yield int(target[8:-1])
        except OSError:
            continue


def _dump(family: int) -> Iterator[Connection]:
    """Ask for all sockets of one family. Raises OSError where sock_diag is not there."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(_TIMEOUT_S)
        body = _REQUEST.pack(family, socket.IPPROTO_TCP, 1 << (_INET_DIAG_INFO - 1), 0, _STATES, bytes(48))
        header = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST_DUMP, 1, 0)
        netlink.send(header + body)
        while True:
            data = netlink.recv(_BUFFER)
            at = 0
            while at + _HEADER.size <= len(data):
                length, kind, _, _, _ = _HEADER.unpack_from(data, at)
                if kind == _NLMSG_DONE:
                    return
                if kind == _NLMSG_ERROR:
                    raise OSError("the kernel has no sock_diag for TCP")
                yield _parse(family, data[at + _HEADER.size : at + length])
                at += (length + 3) & ~3


def _parse(family: int, body: bytes) -> Connection:
    fields = _MESSAGE.unpack_from(body)
    state, destination = fields[1], fields[7]
    # ports are in network order whatever the machine's own is
    local_port, remote_port = (socket.ntohs(port) for port in fields[4:6])
    unread, unsent, inode = fields[12], fields[13], fields[15]
    info = _info(body[_MESSAGE.size :])
    listens = state == LISTEN
    return Connection(
        inode=inode,
        state=state,
        local_port=local_port,
        remote=_address(family, destination, remote_port),
        remote_port=remote_port,
        unread=unread,
        unsent=0 if listens else unsent,
        room=unsent if listens else 0,
        sent_ago_s=_number(info, _LAST_SENT, "=L") / 1000,
        received_ago_s=_number(info, _LAST_RECEIVED, "=L") / 1000,
        sent=_number(info, _BYTES_ACKED, "=Q"),
        received=_number(info, _BYTES_RECEIVED, "=Q"),
    )


def _info(attributes: bytes) -> bytes:
    """Return struct tcp_info among the attributes of one message."""
    at = 0
    while at + _ATTRIBUTE.size <= len(attributes):
        length, kind = _ATTRIBUTE.unpack_from(attributes, at)
        if kind == _INET_DIAG_INFO:
            return attributes[at + _ATTRIBUTE.size : at + length]
        at += max((length + 3) & ~3, _ATTRIBUTE.size)
    return b""


def _number(info: bytes, offset: int, code: str) -> int:
    return int(struct.unpack_from(code, info, offset)[0]) if len(info) >= offset + struct.calcsize(code) else 0


def _address(family: int, raw: bytes, port: int) -> str:
    if family == socket.AF_INET:
        return f"{ipaddress.IPv4Address(raw[:4])}:{port}"
    address = ipaddress.IPv6Address(raw)
    return f"{address.ipv4_mapped}:{port}" if address.ipv4_mapped else f"[{address}]:{port}"
