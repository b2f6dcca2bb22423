"""Gives a program the listening socket that the embedded engine would give it: `held_socket.py PORT PROGRAM ARG…`.

PM2 hands on no socket but to Node's cluster. Each instance gets one of its own on the same port (SO_REUSEPORT), so that
the kernel deals connections out. Run as a file, with the standard library only.
"""

from __future__ import annotations

import os
import socket
import sys


def main() -> None:
    """Listen, say so in `LISTEN_FD`, and become the program."""
    port, program, *words = sys.argv[1:]
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    door.bind(("127.0.0.1", int(port)))
    door.listen(128)
    door.set_inheritable(True)
    os.environ["LISTEN_FD"] = str(door.fileno())
    os.execvp(program, [program, *words])  # noqa: S606  # the very words of the scenario's services.toml


if __name__ == "__main__":
    main()
