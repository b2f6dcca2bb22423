"""A web server for tests: inherits its socket (LISTEN_FD) or binds PORT, and stops as a good citizen does.

Each answer is its pid. SIGTERM: no new connections are accepted, those that were are answered, then it ends.
"""

from __future__ import annotations

import os
import select
import signal
import socket

wake_reader, wake_writer = os.pipe()


def stop(*_: object) -> None:
    os.write(wake_writer, b".")


def answer(connection: socket.socket) -> None:
    with connection:
        connection.settimeout(5)
        request = b""
        while b"\r\n\r\n" not in request:
            part = connection.recv(65536)
            if not part:
                return
            request += part
        body = str(os.getpid()).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)


def main() -> None:
    signal.signal(signal.SIGTERM, stop)
    inherited = os.environ.get("LISTEN_FD")
    if inherited:
        server = socket.socket(fileno=int(inherited))
    else:
        server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
    server.setblocking(False)
    while True:
        watched: list[socket.socket | int] = [server, wake_reader]
        ready, _, _ = select.select(watched, [], [])
        if wake_reader in ready:
            return
        try:
            connection, _ = server.accept()
        except BlockingIOError:
            continue  # a sibling was quicker
        answer(connection)


if __name__ == "__main__":
    main()
