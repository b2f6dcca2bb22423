"""Who may come in over HTTP: with the token, by a name of this server, and not out of a web page of another site."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from opsagent.secret_file import NoSecret

_USUAL = 80
"""The port that a client leaves out."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where it is listened."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Tell whether only this machine can reach it."""
        return self.host in _LOOPBACK

    def __str__(self) -> str:
        """Return it as it stands in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(text: str, *, port: int) -> Address:
    """Read `HOST:PORT`, `HOST`, `:PORT` or `PORT`; nothing means this machine alone. Raises ValueError."""
    said = text.strip()
    host, _, number = said.rpartition(":") if not said.isdigit() else ("", "", said)
    if (said.startswith("[") and said.endswith("]")) or (":" not in said and not said.isdigit()):
        host, number = said, ""
    if number and not (number.isdigit() and 0 <= int(number) <= 65535):
        raise ValueError(f"{text!r} is no HOST:PORT")
    return Address(host.strip("[]") or "127.0.0.1", int(number) if number else port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why somebody is not let in."""

    status: int
    text: str


class Door:
    """Looks at the headers of each request."""

    def __init__(self, token: Callable[[], str], address: Address, names: Iterable[str] = ()) -> None:
        """`token`: reads it, for each request: a new one counts at once, the old one no more. `names`: by which other
        names of this machine callers may come (`box.lan`).
        """
        hosts = {*_LOOPBACK} if address.loopback else {address.host, *_LOOPBACK}
        named = {name.lower() for name in names}
        known = {*(host.lower() for host in hosts), *named} - {"0.0.0.0", "::"}  # noqa: S104  # nobody's name
        self._token = token
        # what stands before it for TLS listens at the usual port, and may hand on by which name it was called
        usual = known if address.port == _USUAL else named
        bare = {str(Address(host, 80)).removesuffix(":80") for host in usual}
        self._hosts = frozenset({*bare, *(str(Address(host, address.port)) for host in known)})
        self._origins = frozenset(f"http://{host}" for host in self._hosts)

    def refusal(self, headers: Sequence[tuple[bytes, bytes]]) -> Refusal | None:
        """Return why a request is not let in; None: it is."""
        if len(host := _all(headers, b"host")) != 1 or host[0].lower() not in self._hosts:
            return Refusal(status=421, text="this server has another name")
        if any(origin not in self._origins for origin in _all(headers, b"origin")):
            return Refusal(status=403, text="pages of other sites may not call this server")
        given = _all(headers, b"authorization")
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._wanted()):
            return Refusal(status=401, text="a bearer token is needed: see `opsagent mcp --help`")
        return None

    def _wanted(self) -> bytes:
        try:
            return self._token().encode()
        except (NoSecret, OSError):
            return _nobodys()


def _nobodys() -> bytes:
    """Return a token that nobody has: for when the own one cannot be read."""
    return secrets.token_bytes(32)


def _all(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]
