"""Probes of what a unit was given, against real files, certificates and processes."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from opsagent import environment_memory, last_good
from opsagent.config_finding import named_by
from opsagent.environment_memory import Given
from opsagent.probes.asking_names import ask, is_name
from opsagent_tools.files import read_owned, replace_content, sha256_of
from opsagent_tools.probes.health import ask as ask_health
from opsagent_tools.processes.proc import key_of
from opsagent_tools.services.spec import Health, ServiceSpec
from tests.support.byhand import Scene
from tests.support.waiting import until

WAITS = "import time; print('ready', flush=True); time.sleep(60)"


def issue(folder: Path, seconds: float, name: str = "server", *, host: str = "api.test") -> tuple[Path, Path]:
    """Issue a certificate that is valid for so long from now (or was, until so long ago), with its key."""
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    until = now + timedelta(seconds=seconds)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_after(until)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    signed = builder.not_valid_before(min(now, until) - timedelta(minutes=1)).sign(key, hashes.SHA256())
    crt, pem = folder / f"{name}.crt", folder / f"{name}.key"
    crt.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    formats = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem.write_bytes(key.private_bytes(serialization.Encoding.PEM, *formats))
    return crt, pem


def spec(folder: Path, *files: Path) -> ServiceSpec:
    return ServiceSpec(name="api", cwd=folder, config_files=files)


async def test_a_changed_file_says_whether_it_parses_whether_it_was_read_and_who_runs_since_when(
    scene: Scene, start: Any, tmp_path: Path
) -> None:
    config = tmp_path / "app.json"
    config.write_text('{"ttl": 60}', encoding="utf-8")
    process, _ = start(WAITS)
    unit = scene.add(spec(tmp_path, config), process.pid)
    assert scene.last_good_dir is not None
    last_good.note(unit, spec(tmp_path, config), scene.last_good_dir)
    assert (await scene.ask("config_changed"))["changed"] is False
    started = key_of(process.pid)
    assert started is not None

    async def is_older() -> bool:  # a change right after the start might have been read by it
        return time.time() - started.started > 2.0

    await until(is_older)
    config.write_text('{"ttl": 60,', encoding="utf-8")
    found = await scene.ask("config_changed")
    assert found["changed"] is True
    assert (found["1_name"], found["1_older"], found["1_restorable"]) == ("app.json", True, True)
    assert "JSON" in found["1_broken"]
    assert found["1_read_since"] in {"no", "unknown"}, "the agent's own readings leave no trace"
    read_owned(config, os.getuid())
    config.write_text('{"password": "x"}', encoding="utf-8")
    assert (await scene.ask("config_changed"))["1_broken"] == ""


async def test_certificates_are_told_by_their_dates_and_keys(scene: Scene, start: Any, tmp_path: Path) -> None:
    crt, key = issue(tmp_path, 86400 * 10)
    process, _ = start(WAITS)
    unit = scene.add(spec(tmp_path, crt, key), process.pid)
    found = await scene.ask("certificates")
    assert (found["bad"], found["files"]) == (False, 1)
    assert scene.last_good_dir is not None
    last_good.note(unit, spec(tmp_path, crt, key), scene.last_good_dir)
    issue(tmp_path, -60)
    found = await scene.ask("certificates")
    assert (found["bad"], found["renewed"], found["restorable"]) == (True, False, True)
    assert "has expired" in found["said"]
    issue(tmp_path, 86400)
    _, other = issue(tmp_path, 86400, "other")
    key.write_bytes(other.read_bytes())
    assert "does not fit its key" in (await scene.ask("certificates"))["said"]
    crt.write_text("-----BEGIN CERTIFICATE-----\nnothing\n", encoding="ascii")
    assert "is no certificate any more" in (await scene.ask("certificates"))["said"]


async def test_a_certificate_that_was_renewed_under_a_running_process_is_told(
    scene: Scene, start: Any, tmp_path: Path
) -> None:
    crt, key = issue(tmp_path, 1.0)
    process, _ = start(WAITS)
    unit = scene.add(spec(tmp_path, crt, key), process.pid)
    assert scene.last_good_dir is not None
    last_good.note(unit, spec(tmp_path, crt, key), scene.last_good_dir)
    issue(tmp_path, 86400)
    deadline = time.monotonic() + 10
    while not (found := await scene.ask("certificates"))["bad"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    assert found["renewed"] is True


async def test_files_that_nobody_declared_are_found_by_what_names_them(
    start: Any, scene: Scene, tmp_path: Path
) -> None:
    for name in ("app.yaml", "state.json", "notes.txt", "extra.ini"):
        (tmp_path / name).write_text("a: 1\n", encoding="utf-8")
    env = {**os.environ, "APP_CONFIG": str(tmp_path / "extra.ini"), "STATE_FILE": str(tmp_path / "state.json")}
    process, _ = start(WAITS, f"--config={tmp_path}/app.yaml", str(tmp_path / "notes.txt"), env=env, cwd=tmp_path)
    unit = scene.add(spec(tmp_path), process.pid)
    assert {path.name for path in named_by(unit)} == {"app.yaml", "extra.ini"}, "data is no configuration"


async def test_what_a_unit_is_given_is_compared_by_keyed_hashes(scene: Scene, start: Any, tmp_path: Path) -> None:
    process, _ = start(WAITS, env={**os.environ, "DB_HOST": "db-1", "DB_PASSWORD": "hunter2"})
    unit = scene.add(spec(tmp_path), process.pid)
    folder = scene.last_good_dir
    assert folder is not None
    assert (await scene.ask("environment_changed"))["known"] is False
    environment_memory.note(unit.id, Given(command="x", env={"DB_HOST": "other"}, caps={"-Xm": "1g"}), folder, 1.0)
    found = await scene.ask("environment_changed")
    assert found["changed"] is True
    assert {"DB_HOST", "DB_PASSWORD"} <= set(found["names"].split(", "))
    assert found["restorable"] is False, "what its supervisor gives it is not kept"
    assert "hunter2" not in str(dict(found))
    assert not any(b"hunter2" in path.read_bytes() for path in folder.iterdir())


def test_what_came_after_a_good_environment_is_on_trial(tmp_path: Path, scene: Scene) -> None:
    unit = scene.supervisor.put("api").id
    good, other = Given(command="a", definition="1" * 64), Given(command="b", definition="2" * 64)
    for given, now in ((good, 1.0), (other, 10.0), (other, 20.0)):
        environment_memory.note(unit, given, tmp_path, now)
    known = environment_memory.remembered(unit, tmp_path)
    assert known is not None
    assert (known.good, known.trial, known.trial_until - known.trial_since) == (good, other, 10.0)
    environment_memory.note(unit, other, tmp_path, 2000.0)
    known = environment_memory.remembered(unit, tmp_path)
    assert known is not None
    assert (known.good, known.trial) == (other, None)


@pytest.fixture
def name_server() -> Iterator[int]:
    """A name server that knows one name, and answers that there is no other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    query, who = server.recvfrom(512)
                except OSError:
                    return
                if not query:
                    return
                known = b"\x02db" in query
                head = query[:2] + struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1, int(known), 0, 0)
                answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([127, 0, 0, 9]) if known else b""
                server.sendto(head + query[12:] + answer, who)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", server.getsockname())
        thread.join(5)


def test_a_name_server_is_asked_by_one_packet(name_server: int) -> None:
    assert ask("127.0.0.1", "db.internal", 2.0, name_server) == "found"
    assert ask("127.0.0.1", "no.internal", 2.0, name_server) == "none"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()[1]
    assert ask("127.0.0.1", "db.internal", 0.3, nobody) == "silent"


def test_names_are_told_from_addresses() -> None:
    assert is_name("db-1.internal")
    assert not is_name("10.0.0.1")
    assert not is_name("a" * 300)


async def test_no_names_no_question(scene: Scene, start: Any, tmp_path: Path) -> None:
    process, _ = start(WAITS, env={"PATH": os.environ["PATH"]})
    scene.add(spec(tmp_path), process.pid)
    found = await scene.ask("resolver")
    assert (found["failing"], found["names"]) == (False, 0)


async def test_what_changed_is_listed_in_the_order_of_time(scene: Scene, start: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    for path in (first, second):
        path.write_text("{}", encoding="utf-8")
    process, _ = start(WAITS)
    unit = scene.add(spec(tmp_path, first, second), process.pid)
    assert scene.last_good_dir is not None
    last_good.note(unit, spec(tmp_path, first, second), scene.last_good_dir)
    for number, path in enumerate((second, first)):
        path.write_text('{"a": 1}', encoding="utf-8")
        os.utime(path, (time.time() - 30 + number * 0.001,) * 2)
    found = await scene.ask("changes")
    told = [found[f"{number}_what"] for number in range(1, int(found["changes"]) + 1)]
    mine = [what for what in told if "configuration" in what]
    assert mine == ["configuration b.json of api changed", "configuration a.json of api changed"]


def test_a_file_that_is_mounted_in_its_place_is_written_where_it_stands(tmp_path: Path) -> None:
    from opsagent_tools import files

    path = tmp_path / "resolv.conf"
    path.write_bytes(b"nameserver 10.0.0.9\n")
    before, status = path.read_bytes(), path.stat()
    files._write_in_place(path, b"nameserver 10.0.0.2\n", before, status)
    assert (path.read_bytes(), path.stat().st_ino) == (b"nameserver 10.0.0.2\n", status.st_ino)
    with pytest.raises(files.UnsafeFile):
        files._write_in_place(path, b"x", before, status)
    replace_content(path, b"y", replaces=sha256_of(b"nameserver 10.0.0.2\n"), uid=os.getuid())
    assert path.read_bytes() == b"y"


async def test_a_probe_over_tls_believes_the_authorities_that_it_is_given_and_nobody_expired(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def asked(crt: Path, key: Path, believed: Path | None) -> bool:
        serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving.load_cert_chain(crt, key)
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=serving)
        async with server:
            port = server.sockets[0].getsockname()[1]
            ca = str(believed) if believed is not None else None
            return (await ask_health(Health(http=f"https://localhost:{port}/", timeout_s=5.0, ca=ca))).ok

    good, old = issue(tmp_path, 600, "good", host="localhost"), issue(tmp_path, -60, "old", host="localhost")
    assert await asked(*good, good[0])
    assert not await asked(*good, None), "nobody whom the machine believes"
    assert not await asked(*old, old[0]), "it has expired"


def test_what_can_be_given_again_takes_the_place_of_what_could_not(tmp_path: Path, scene: Scene) -> None:
    unit = scene.supervisor.put("api").id
    told = Given(command="a", definition="1" * 64)
    for given in (Given(command="of the kernel"), told):
        environment_memory.note(unit, given, tmp_path, 1.0)
    known = environment_memory.remembered(unit, tmp_path)
    assert known is not None
    assert (known.good, known.trial) == (told, None)
