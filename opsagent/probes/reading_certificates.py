"""Reads certificates and keys out of files, and what a TLS server shows. Nothing is trusted or verified here: dates only."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent_tools.files import UnsafeFile, read_owned

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_LIMIT = 256 * 1024
_MOST_IN_A_FILE = 8
_CERTIFICATE = re.compile(
    rb"-----BEGIN (?:TRUSTED )?CERTIFICATE-----.*?-----END (?:TRUSTED )?CERTIFICATE-----", re.DOTALL
)
_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----.*?-----END (?:[A-Z]+ )?PRIVATE KEY-----", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The certificate that a server shows, or the first one in a file."""

    subject: str
    not_before: float
    not_after: float
    """Seconds since the epoch; of a chain, the earliest end of all of it."""
    fingerprint: str
    key: bytes
    """Its public key (SubjectPublicKeyInfo, DER)."""
    authority: bool = False
    """It may sign others: a root, a bundle of them, or a server's own that was made with the defaults of its tool."""

    def problem(self, now: float) -> str:
        """Return in words why it is not valid now, or nothing."""
        if now >= self.not_after:
            return "has expired"
        return "is not valid yet" if now < self.not_before else ""


def read_certificate(content: bytes) -> Shown | None:
    """Return the first certificate of a PEM or DER file with the end of the chain that stands there; None: there is none."""
    from cryptography import x509

    if len(content) > _LIMIT:
        return None
    blocks = _CERTIFICATE.findall(content)[:_MOST_IN_A_FILE]
    try:
        found = [x509.load_pem_x509_certificate(block) for block in blocks]
        if not found and content[:1] == b"\x30":
            found = [x509.load_der_x509_certificate(content)]
    except ValueError:
        return None
    if not found:
        return None
    leaf = shown_of(found[0])
    if leaf.authority:
        return leaf
    ends = [one.not_valid_after_utc.timestamp() for one in found]
    return Shown(
        subject=leaf.subject,
        not_before=leaf.not_before,
        not_after=min(ends),
        fingerprint=leaf.fingerprint,
        key=leaf.key,
    )


def shown_of(certificate: Certificate) -> Shown:
    """Return what is of interest of one certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        authority = constraints.ca
    except (x509.ExtensionNotFound, ValueError):
        authority = False
    return Shown(
        subject=certificate.subject.rfc4514_string()[:120],
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        key=certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        authority=authority,
    )


def public_keys(paths: Iterable[Path], uid: int) -> tuple[bytes, ...]:
    """Return the public halves of the keys that stand, not encrypted, in these files."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    found = []
    for path in paths:
        try:
            content = read_owned(path, uid)
            for block in _KEY.findall(content[:_LIMIT])[:_MOST_IN_A_FILE]:
                public = load_pem_private_key(block, None).public_key()
                found.append(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        except (OSError, UnsafeFile, ValueError, TypeError):
            continue
    return tuple(found)


def presented(host: str, port: int, timeout_s: float) -> Shown | None:
    """Return the certificate that a server shows, whatever it is worth; None: it shows none. Raises OSError."""
    from cryptography import x509

    looking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    looking.check_hostname = False
    looking.verify_mode = ssl.CERT_NONE  # it is looked at, and nothing is sent: an expired one is what is looked for
    name = None if host.replace(".", "").isdigit() or ":" in host else host
    with (
        socket.create_connection((host, port), timeout_s) as plain,
        looking.wrap_socket(plain, server_hostname=name) as tls,
    ):
        raw = tls.getpeercert(binary_form=True)
    return shown_of(x509.load_der_x509_certificate(raw)) if raw else None
