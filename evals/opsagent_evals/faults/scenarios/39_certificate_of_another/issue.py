"""Issues a server's certificate that is valid for so many seconds, by an authority that is made where there is none."""
import datetime
import os
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

folder, seconds = Path(sys.argv[1]), int(sys.argv[2])
now = datetime.datetime.now(datetime.timezone.utc)


def name(common):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def pem(key):
    formats = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*formats)


def put(path, content):
    new = path.with_suffix(".new")
    new.write_bytes(content)
    os.replace(new, path)


def signed(subject, public, issuer, by, until, authority):
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(public)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(min(now, until) - datetime.timedelta(minutes=1))
    builder = builder.not_valid_after(until).add_extension(x509.BasicConstraints(authority, None), critical=True)
    if not authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


folder.mkdir(exist_ok=True)
if not (folder / "root.key").exists():
    root = ec.generate_private_key(ec.SECP256R1())
    put(folder / "root.crt", signed("Mairie", root.public_key(), "Mairie", root, now + datetime.timedelta(days=9), True))
    put(folder / "root.key", pem(root))
root = serialization.load_pem_private_key((folder / "root.key").read_bytes(), None)
key = ec.generate_private_key(ec.SECP256R1())
until = now + datetime.timedelta(seconds=seconds)
put(folder / "server.crt", signed("localhost", key.public_key(), "Mairie", root, until, False))
put(folder / "server.key", pem(key))
