"""Every TCP port that is listened on, and the processes that hold it: told by the kernel, never by connecting.

The sockets come from sock_diag(7), asked for listening ones only (it stays quick beside 100,000 connections), else from
/proc/net/tcp; the holders from the descriptors that we may read. Light: standard library only.
"""

# ruff: noqa: PTH115, PTH123, PTH208

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST_DUMP = 0x301
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_HEADER = struct.Struct("=LHHLL")
_REQUEST = struct.Struct("=BBBBL48s")
_MESSAGE = struct.Struct("=BBBB HH16s16sLLL LLLLL")
_LISTEN = 10
"""TCP_LISTEN of net/tcp_states.h."""
_TIMEOUT_S = 0.5
_BUFFER = 64 * 1024
_PREFIX = "socket:["


@dataclass(frozen=True, slots=True)
class Socket:
    """One socket that listens."""

    port: int
    address: str
    """What it is bound to: `0.0.0.0`, `127.0.0.1`, `::` …"""
    uid: int
    """User that opened it."""
    inode: int


def listening() -> tuple[Socket, ...]:
    """Return every TCP socket that listens in our network namespace, in order of port."""
    try:
        found = [one for family in (socket.AF_INET, socket.AF_INET6) for one in _dump(family)]
    except (OSError, AttributeError, struct.error):  # no sock_diag here
        found = [one for table in ("tcp", "tcp6") for one in read_table(f"/proc/net/{table}")]
    return tuple(sorted(set(found), key=lambda one: (one.port, one.address, one.inode)))


@dataclass(frozen=True, slots=True)
class Held:
    """Which processes hold which sockets."""

    by_inode: Mapping[int, tuple[int, ...]]
    hidden: bool = False
    """True: there were processes whose descriptors we may not read."""


def holders(inodes: Iterable[int], pids: Iterable[int], proc: str = "/proc") -> Held:
    """Return the processes among `pids` that hold each of these sockets, as far as their descriptors may be read."""
    wanted = {f"{_PREFIX}{inode}]": inode for inode in inodes}
    found: dict[int, list[int]] = {}
    hidden = False
    for pid in pids if wanted else ():
        folder = f"{proc}/{pid}/fd"
        try:
            names = os.listdir(folder)
        except PermissionError:
            hidden = True
            continue
        except OSError:  # gone
            continue
        for name in names:
            try:
                inode = wanted.get(os.readlink(f"{folder}/{name}"))
            except OSError:
                continue
            if inode is not None and pid not in found.setdefault(inode, []):
                found[inode].append(pid)
    return Held({inode: tuple(sorted(pids)) for inode, pids in found.items()}, hidden)


def _dump(family: int) -> Iterator[Socket]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(_TIMEOUT_S)
        body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, 1 << _LISTEN, bytes(48))
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


def _parse(family: int, body: bytes) -> Socket:
    fields = _MESSAGE.unpack_from(body)
    raw = fields[6]
    address = socket.inet_ntop(family, raw[:4] if family == socket.AF_INET else raw)
    # ports are in network order whatever the machine's own is
    return Socket(port=socket.ntohs(fields[4]), address=address, uid=fields[14], inode=fields[15])


def read_table(path: str) -> Iterator[Socket]:
    """Yield the listening sockets of /proc/net/tcp or tcp6."""
    try:
        with open(path, encoding="ascii") as file:
            next(file, None)
            for line in file:
                fields = line.split()
                if fields[3] == f"{_LISTEN:02X}":
                    raw, _, port = fields[1].partition(":")
                    yield Socket(int(port, 16), _address(raw), int(fields[7]), int(fields[9]))
    except OSError:
        return


def _address(raw: str) -> str:
    """Return the address that the kernel prints as words of four bytes in the machine's own order."""
    words = (int(raw[at : at + 8], 16) for at in range(0, len(raw), 8))
    packed = b"".join(struct.pack("=L", word) for word in words)
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
