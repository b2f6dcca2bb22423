"""Who is connected to whom on this machine, told by the kernel and never by connecting: TCP, and unix sockets by path.

One cheap dump of sock_diag(7) for each family, else /proc/net/tcp; sockets are known by their inode. Which process holds
an inode is dear to find out (`held_by`): it means reading the descriptors of processes. Light: standard library only.
"""

# ruff: noqa: PTH115, PTH123

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST_DUMP = 0x301
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_HEADER = struct.Struct("=LHHLL")
_INET_REQUEST = struct.Struct("=BBBBL48s")
_UNIX_REQUEST = struct.Struct("=BBHLLLLL")
_INET = struct.Struct("=xBxxHH16s16s24xLL")
"""struct inet_diag_msg of linux/inet_diag.h: state, ports, addresses, user, inode."""
_UNIX = struct.Struct("=xBBxL8x")
"""struct unix_diag_msg of linux/unix_diag.h: type, state, inode."""
_ATTRIBUTE = struct.Struct("=HH")
_UDIAG_SHOW_NAME, _UDIAG_SHOW_PEER = 1, 4
_UNIX_DIAG_NAME, _UNIX_DIAG_PEER = 0, 2
_ESTABLISHED, _SYN_SENT, _FIN_WAIT1, _FIN_WAIT2, _TIME_WAIT, _CLOSE_WAIT, _LAST_ACK, _LISTEN = 1, 2, 4, 5, 6, 8, 9, 10
_STATES = sum(1 << one for one in (_ESTABLISHED, _SYN_SENT, _FIN_WAIT1, _FIN_WAIT2, _CLOSE_WAIT, _LAST_ACK, _LISTEN))
_STREAMS = frozenset({socket.SOCK_STREAM, socket.SOCK_SEQPACKET})
_MAPPED = bytes(10) + b"\xff\xff"
_TIMEOUT_S = 0.5
_BUFFER = 256 * 1024
_MOST = 200_000
"""Sockets that one dump may have; more are not read."""
_PREFIX, _PREFIX_LENGTH = "socket:[", len("socket:[")
_SWAPS = sys.byteorder == "little"


class End(NamedTuple):
    """One end of a TCP connection: address (4 or 16 bytes; IPv4 in IPv6 is IPv4) and port."""

    address: bytes
    port: int

    @property
    def anywhere(self) -> bool:
        """A listener that takes connections on every address."""
        return not any(self.address)

    @property
    def loopback(self) -> bool:
        return self.address[0] == 127 if len(self.address) == 4 else self.address == bytes(15) + b"\x01"

    def __str__(self) -> str:
        text = socket.inet_ntop(socket.AF_INET if len(self.address) == 4 else socket.AF_INET6, self.address)
        return f"{text}:{self.port}" if len(self.address) == 4 else f"[{text}]:{self.port}"


class Talk(NamedTuple):
    """One end of a TCP connection, seen from the process that holds it."""

    local: End
    remote: End
    inode: int
    """0 where nobody holds it any more."""
    begins: bool
    """True: it is asking to be connected, and has no answer yet."""


class Listens(NamedTuple):
    """One TCP socket that listens."""

    end: End
    inode: int


class Local(NamedTuple):
    """The serving end of a connection over a unix socket."""

    path: str
    """Path of the listening socket; one in the abstract namespace begins with `@`."""
    inode: int
    peer: int
    """Inode of the end that connected."""


@dataclass(frozen=True, slots=True)
class Sockets:
    """What was open at one moment in our network namespace."""

    listening: tuple[Listens, ...] = ()
    talking: tuple[Talk, ...] = ()
    local: tuple[Local, ...] = ()
    served_paths: tuple[tuple[str, int], ...] = ()
    """Unix sockets that listen: path and inode."""


def tcp() -> Sockets | None:
    """Return the TCP sockets that listen or are connected; None where the kernel does not tell."""
    try:
        found = [one for family in (socket.AF_INET, socket.AF_INET6) for one in _tcp(family, _STATES)]
    except (OSError, AttributeError, struct.error):  # no sock_diag here
        found = [one for table in ("tcp", "tcp6") for one in _read_table(f"/proc/net/{table}")]
        if not found:
            return None
    listening = tuple(Listens(local, inode) for state, local, _, inode in found if state == _LISTEN)
    talking = tuple(
        Talk(local, remote, inode, state == _SYN_SENT) for state, local, remote, inode in found if state != _LISTEN
    )
    return Sockets(listening=listening, talking=talking)


def passing() -> tuple[tuple[End, End], ...]:
    """Return local and remote end of connections that ended within the last minute (TIME_WAIT); nobody holds them."""
    try:
        return tuple(
            (local, remote)
            for family in (socket.AF_INET, socket.AF_INET6)
            for _, local, remote, _ in _tcp(family, 1 << _TIME_WAIT)
        )
    except (OSError, AttributeError, struct.error):
        return ()


def local() -> tuple[tuple[Local, ...], tuple[tuple[str, int], ...]]:
    """Return connections over unix sockets that have a path, and those that listen; nothing where it is not told."""
    body = _UNIX_REQUEST.pack(socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, _UDIAG_SHOW_NAME | _UDIAG_SHOW_PEER, 0, 0)
    ends, listening = [], []
    try:
        for message in _dump(body):
            kind, state, inode = _UNIX.unpack_from(message)
            if kind not in _STREAMS:
                continue
            name, peer = b"", 0
            for attribute, value in _attributes(message[_UNIX.size :]):
                if attribute == _UNIX_DIAG_NAME:
                    name = value
                elif attribute == _UNIX_DIAG_PEER:
                    peer = int.from_bytes(value[:4], sys.byteorder)
            if name and state == _LISTEN:
                listening.append((_path(name), inode))
            elif name and peer:
                ends.append(Local(_path(name), inode, peer))
    except (OSError, AttributeError, struct.error):
        return (), ()
    return tuple(ends), tuple(listening)


def held_by(pids: Iterable[int], proc: str = "/proc") -> Iterator[tuple[int, int]]:
    """Yield (inode, pid) for every socket that these processes hold, as far as their descriptors may be read."""
    for pid in pids:
        folder = f"{proc}/{pid}/fd"
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    target = os.readlink(entry.path)
                    if target.startswith(_PREFIX):
                        yield int(target[_PREFIX_LENGTH:-1]), pid
        except OSError:  # gone, or not ours to see
            continue


def may_look_at(pid: int) -> bool:
    """Tell whether the descriptors of a process may be read, and its sockets are among those that we see."""
    try:
        with os.scandir(f"/proc/{pid}/fd"):
            pass
        return os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino  # noqa: PTH116
    except (FileNotFoundError, ProcessLookupError):  # gone: it hides nothing
        return True
    except OSError:
        return False


def _tcp(family: int, states: int) -> Iterator[tuple[int, End, End, int]]:
    body = _INET_REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, states, bytes(48))
    v4 = family == socket.AF_INET
    for message in _dump(body):
        state, local_port, remote_port, near, far, _, inode = _INET.unpack_from(message)
        if _SWAPS:  # ports are in network order whatever the machine's own is
            local_port = (local_port & 255) << 8 | local_port >> 8
            remote_port = (remote_port & 255) << 8 | remote_port >> 8
        near, far = (near[:4], far[:4]) if v4 else (_plain(near), _plain(far))
        yield state, End(near, local_port), End(far, remote_port), inode


def _plain(address: bytes) -> bytes:
    return address[12:] if address.startswith(_MAPPED) else address


def _dump(body: bytes) -> Iterator[bytes]:
    """Ask sock_diag, and yield its messages. Raises OSError where it is not there."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(_TIMEOUT_S)
        header = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST_DUMP, 1, 0)
        netlink.send(header + body)
        left = _MOST
        while left > 0:
            data = netlink.recv(_BUFFER)
            at, end = 0, len(data)
            while at + 16 <= end:
                length, kind, _, _, _ = _HEADER.unpack_from(data, at)
                if kind == _NLMSG_DONE:
                    return
                if kind == _NLMSG_ERROR:
                    raise OSError("the kernel has no sock_diag for this family")
                yield data[at + 16 : at + length]
                left -= 1
                at += (length + 3) & ~3


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        yield kind, data[at + _ATTRIBUTE.size : at + length]
        at += max((length + 3) & ~3, _ATTRIBUTE.size)


def _path(name: bytes) -> str:
    text = name.rstrip(b"\0") if not name.startswith(b"\0") else b"@" + name[1:]
    return text.decode("utf-8", "replace")


def _read_table(path: str) -> Iterator[tuple[int, End, End, int]]:
    try:
        with open(path, encoding="ascii") as file:
            next(file, None)
            for line in file:
                fields = line.split()
                state = int(fields[3], 16)
                if 1 << state & _STATES:
                    yield state, _end(fields[1]), _end(fields[2]), int(fields[9])
    except (OSError, ValueError, IndexError):
        return


def _end(text: str) -> End:
    """Read `0100007F:1F90`: words of four bytes in the machine's own order, and a port."""
    raw, _, port = text.partition(":")
    words = (int(raw[at : at + 8], 16) for at in range(0, len(raw), 8))
    return End(_plain(b"".join(struct.pack("=L", word) for word in words)), int(port, 16))
