"""One call to supervisord: HTTP/1.1 over a unix socket or TCP, one connection each. With and without an event loop."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsagent_tools.peers import peer_uid
from opsagent_tools.processes.listening import listening
from opsagent_tools.supervisors.port import NotPermitted, SupervisorUnreachable
from opsagent_tools.supervisors.supervisord import codec
from opsagent_tools.supervisors.supervisord.address import Address, Credentials

ANSWER_S = 5.0
"""Who does not answer a question within so many seconds counts as unreachable."""
_ANSWER_MAX = 32 * 1024 * 1024
_HEAD_MAX = 16 * 1024
_CHUNK = 256 * 1024


@dataclass(slots=True, kw_only=True)
class Wire:
    """The way to one supervisord. Nothing is kept open between calls."""

    address: Address
    credentials: Credentials | None = None
    owner: int | None = None
    """User id whose it must be; None: whoever listens there."""
    peer: int | None = field(default=None, init=False)
    """User id of who answered last, as the kernel says; None where it does not (another machine)."""

    async def call(self, method: str, *params: codec.Value, timeout_s: float = ANSWER_S) -> codec.Value:
        """Ask, without blocking the event loop. Raises Fault, SupervisorUnreachable, NotPermitted."""
        import asyncio  # here: who only looks does without

        request = self._request(method, params)
        try:
            async with asyncio.timeout(timeout_s):
                talk = await self._connect()
                try:
                    await asyncio.get_running_loop().sock_sendall(talk, request)
                    return self._value(await _read(talk))
                finally:
                    talk.close()
        except TimeoutError:
            raise self._unreachable(f"does not answer within {timeout_s:g} s") from None
        except OSError as error:
            raise self._refused(error) from None

    def call_now(self, method: str, *params: codec.Value, timeout_s: float = ANSWER_S) -> codec.Value:
        """Ask and wait. For commands that load no event loop."""
        request = self._request(method, params)
        deadline = time.monotonic() + timeout_s
        try:
            with self._socket() as talk:
                talk.settimeout(timeout_s)
                talk.connect(self._target())
                self._check_peer(talk)
                talk.sendall(request)
                found = bytearray()
                while not _is_whole(found):
                    talk.settimeout(max(0.001, deadline - time.monotonic()))
                    part = talk.recv(_CHUNK)
                    if not part or time.monotonic() > deadline:
                        break
                    found += part
                return self._value(bytes(found))
        except TimeoutError:
            raise self._unreachable(f"does not answer within {timeout_s:g} s") from None
        except OSError as error:
            raise self._refused(error) from None

    async def _connect(self) -> socket.socket:
        import asyncio

        talk = self._socket()
        try:
            talk.setblocking(False)
            await asyncio.get_running_loop().sock_connect(talk, self._target())
            self._check_peer(talk)
        except BaseException:
            talk.close()
            raise
        return talk

    def _socket(self) -> socket.socket:
        if self.address.path:
            return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        return socket.socket(socket.AF_INET6 if ":" in self.address.host else socket.AF_INET, socket.SOCK_STREAM)

    def _target(self) -> str | tuple[str, int]:
        return self.address.path or (self.address.host, self.address.port)

    def _check_peer(self, talk: socket.socket) -> None:
        """A socket of user U in a folder of user V could be anybody's trap: who listens must own the socket."""
        if not self.address.path:
            self._check_listener()
            return
        self.peer = peer_uid(talk)
        if self.owner is not None and self.peer not in {self.owner, 0}:
            raise NotPermitted(self._is_anothers(self.peer))
        path = Path(self.address.path)
        owner, folder = path.lstat(), path.parent.stat()
        # root may have given the socket to us (`chown` in [unix_http_server]): who listens is the kernel's word
        if self.peer is None or owner.st_uid not in {self.peer, 0, os.geteuid()} or folder.st_uid not in {self.peer, 0}:
            raise NotPermitted(
                f"{path}: user {self.peer} listens on a socket of user {owner.st_uid} in a folder of user "
                f"{folder.st_uid}: not trusted"
            )
        if folder.st_mode & 0o002 and not folder.st_mode & 0o1000:
            raise NotPermitted(f"{path}: everybody may replace files in {path.parent}: chmod o-w {path.parent}")

    def _check_listener(self) -> None:
        """A port is anybody's who comes first: it is looked at whose it is before a password goes there."""
        loopback = {"127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"}  # noqa: S104  # read, nothing is bound
        uids = {one.uid for one in listening() if one.port == self.address.port and one.address in loopback}
        self.peer = min(uids) if len(uids) == 1 else None
        strangers = uids - {self.owner, 0} if self.owner is not None else set()
        if strangers:
            raise NotPermitted(self._is_anothers(min(strangers)))

    def _is_anothers(self, uid: int | None) -> str:
        return f"{self.address}: user {uid} listens there, and not user {self.owner}: it is not asked anything"

    def _request(self, method: str, params: Sequence[codec.Value]) -> bytes:
        body = codec.dumps(method, params)
        lines = [
            "POST /RPC2 HTTP/1.1",
            f"Host: {self.address.host_header}",
            "Content-Type: text/xml",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        if self.credentials is not None:
            lines.append(f"Authorization: {self.credentials.header()}")
        return "\r\n".join([*lines, "", ""]).encode() + body

    def _value(self, answer: bytes) -> codec.Value:
        head, divider, body = answer.partition(b"\r\n\r\n")
        status = head.split(b"\r\n", 1)[0].split(b" ")
        if not divider or len(status) < 2 or not status[0].startswith(b"HTTP/1."):
            raise self._unreachable("hung up" if not answer else "does not speak HTTP")
        code = status[1]
        if code in {b"401", b"403"}:
            raise NotPermitted(
                f"{self.address}: wrong user name or password: give `username` and `password_file` (mode 0600) as "
                "in its [unix_http_server] or [inet_http_server]"
            )
        if code != b"200":
            raise self._unreachable(f"answers HTTP {code[:3].decode(errors='replace')}: is that a supervisord?")
        length = _content_length(head)
        if length is not None and len(body) < length:
            raise self._unreachable("hung up in the middle of its answer")
        try:
            return codec.loads(body if length is None else body[:length])
        except codec.BadAnswer as error:
            raise self._unreachable(f"sends what cannot be read ({error})") from None

    def _refused(self, error: OSError) -> NotPermitted | SupervisorUnreachable:
        if isinstance(error, PermissionError):
            return NotPermitted(
                f"{self.address}: this user (uid {os.geteuid()}) may not open the socket: run the agent as its owner, or "
                "set `chmod=0770` and `chown=USER:GROUP` in [unix_http_server] and restart supervisord"
            )
        if isinstance(error, FileNotFoundError):
            return self._unreachable("does not run (there is no such socket)")
        return self._unreachable(f"does not answer ({error.strerror or error})")

    def _unreachable(self, what: str) -> SupervisorUnreachable:
        return SupervisorUnreachable(f"supervisord at {self.address} {what}")


async def _read(talk: socket.socket) -> bytes:
    import asyncio

    loop = asyncio.get_running_loop()
    found = bytearray()
    while not _is_whole(found):
        part = await loop.sock_recv(talk, _CHUNK)
        if not part:
            break
        found += part
    return bytes(found)


def _is_whole(found: bytearray) -> bool:
    """Tell whether nothing more need be read; raises OSError for an answer without end."""
    if len(found) > _ANSWER_MAX:
        raise OSError(f"sends more than {_ANSWER_MAX} bytes")
    end = found.find(b"\r\n\r\n", 0, _HEAD_MAX)
    if end < 0:
        if len(found) > _HEAD_MAX:
            raise OSError("sends headers without end")
        return False
    length = _content_length(bytes(found[:end]))
    if length is not None and length > _ANSWER_MAX:
        raise OSError(f"announces {length} bytes")
    return length is not None and len(found) >= end + 4 + length


def _content_length(head: bytes) -> int | None:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value[:32])
    return None
