"""One call at a time to whoever listens: bounded, with an end, and believed only where it is whose it should be."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opsagent_tools.supervisors.port import NotPermitted, SupervisorUnreachable
from opsagent_tools.supervisors.supervisord import wire as wire_module
from opsagent_tools.supervisors.supervisord.address import Address, Credentials
from opsagent_tools.supervisors.supervisord.wire import Wire

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
_VALUE = b"<methodResponse><params><param><value><int>7</int></value></param></params></methodResponse>"
Serve = Callable[[bytes], Path]


@pytest.fixture
def serve(runtime_root: Path) -> Iterator[Serve]:
    """`serve(b"...")`: whoever connects to the socket hears this and then the end; what it asked is kept beside it."""
    ends: list[Callable[[], None]] = []

    def begin(answer: bytes) -> Path:
        path = runtime_root / f"s{len(ends)}.sock"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()

        def once() -> None:
            try:
                talk, _ = listener.accept()
            except OSError:
                return
            with talk:
                talk.settimeout(5)
                path.with_suffix(".asked").write_bytes(talk.recv(65536))
                try:
                    talk.sendall(answer)
                except OSError:
                    return

        thread = threading.Thread(target=once)
        thread.start()

        def end() -> None:
            with socket.socket(socket.AF_UNIX) as knock:
                knock.connect_ex(str(path))
            thread.join(10)
            listener.close()

        ends.append(end)
        return path

    yield begin
    for end in ends:
        end()


def wire_to(path: Path, credentials: Credentials | None = None) -> Wire:
    return Wire(address=Address(path=str(path)), credentials=credentials)


async def test_both_ways_of_asking_read_the_same(serve: Serve) -> None:
    answer = _OK % (len(_VALUE), _VALUE)
    assert await wire_to(serve(answer)).call("supervisor.getState") == 7
    wire = wire_to(serve(answer))
    assert wire.call_now("supervisor.getState") == 7
    assert wire.peer == os.geteuid()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "hung up"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "HTTP 404"),
        (_OK % (len(_VALUE) + 10, _VALUE), "in the middle of its answer"),
        (_OK % (5, b"<html"), "cannot be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "announces"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000, "headers without end"),
    ],
    ids=["nothing", "ssh", "404", "cut", "html", "announced", "headers"],
)
async def test_what_is_no_supervisord_is_unreachable(serve: Serve, answer: bytes, says: str) -> None:
    with pytest.raises(SupervisorUnreachable, match=says):
        await wire_to(serve(answer)).call("supervisor.getState")
    with pytest.raises(SupervisorUnreachable, match=says):
        wire_to(serve(answer)).call_now("supervisor.getState")


async def test_an_answer_without_end_is_cut_off(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_module, "_ANSWER_MAX", 100_000)
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000_000
    with pytest.raises(SupervisorUnreachable, match="more than 100000 bytes"):
        await wire_to(serve(endless)).call("supervisor.getState")


async def test_who_does_not_answer_is_unreachable_in_time(runtime_root: Path) -> None:
    path = runtime_root / "mute.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(SupervisorUnreachable, match=r"within 0\.1 s"):
            await wire_to(path).call("supervisor.getState", timeout_s=0.1)
        with pytest.raises(SupervisorUnreachable, match=r"within 0\.1 s"):
            wire_to(path).call_now("supervisor.getState", timeout_s=0.1)


async def test_a_missing_socket_is_unreachable(runtime_root: Path) -> None:
    with pytest.raises(SupervisorUnreachable, match="no such socket"):
        await wire_to(runtime_root / "none.sock").call("supervisor.getState")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a socket is given to another user")
async def test_a_socket_of_another_user_is_not_asked(serve: Serve) -> None:
    path = serve(_OK % (len(_VALUE), _VALUE))
    os.chown(path, 65534, 65534)
    with pytest.raises(NotPermitted, match="not trusted"):
        await wire_to(path).call("supervisor.getState")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: another user listens")
async def test_another_user_is_not_asked_in_the_place_of_the_owner(runtime_root: Path) -> None:
    runtime_root.chmod(0o1777)
    path, ready, done = runtime_root / "s.sock", os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
                listener.listen()
                os.write(ready[1], b"x")
                os.read(done[0], 1)
        finally:
            os._exit(0)
    try:
        os.read(ready[0], 1)
        with pytest.raises(NotPermitted, match="user 65534 listens there, and not user 1000"):
            await Wire(address=Address(path=str(path)), owner=1000).call("supervisor.getState")
    finally:
        os.write(done[1], b"x")
        os.waitpid(child, 0)  # noqa: ASYNC222  # it ends at once
        for descriptor in (*ready, *done):
            os.close(descriptor)


async def test_a_folder_in_which_everybody_replaces_files_is_not_trusted(serve: Serve, runtime_root: Path) -> None:
    path = serve(_OK % (len(_VALUE), _VALUE))
    runtime_root.chmod(0o777)
    with pytest.raises(NotPermitted, match="chmod o-w"):
        await wire_to(path).call("supervisor.getState")


async def test_credentials_go_into_the_header_and_wrong_ones_are_explained(serve: Serve, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    path = serve(b"HTTP/1.1 401 Unauthorized\r\n\r\n")
    with pytest.raises(NotPermitted, match="wrong user name or password") as error:
        await wire_to(path, Credentials(username="ops", password_file=secret)).call("supervisor.getState")
    assert b"Authorization: Basic b3BzOnMzY3JldA==" in path.with_suffix(".asked").read_bytes()
    assert "s3cret" not in str(error.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a port is said to be another user's")
async def test_a_port_that_somebody_else_took_gets_no_password(free_port: int, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    secret.chmod(0o600)
    os.chown(secret, 0, 0)
    server = socket.create_server(("127.0.0.1", free_port))
    os.fchown(server.fileno(), 65534, 65534)  # whose a socket is, the kernel takes from its inode
    with server:
        wire = Wire(
            address=Address(host="127.0.0.1", port=free_port),
            credentials=Credentials(username="ops", password_file=secret),
            owner=1,
        )
        with pytest.raises(NotPermitted, match="user 65534 listens there, and not user 1"):
            await wire.call("supervisor.getState")
        with pytest.raises(NotPermitted, match="not asked anything"):
            wire.call_now("supervisor.getState")
        server.settimeout(1)
        for _ in range(2):
            talk, _peer = server.accept()
            with talk:
                assert talk.recv(1) == b""
