"""A service for tests: writes down each of its starts, serves HTTP on PORT after DELAY_S, unless NEEDS (a port) does not.

Standard library only.
"""

import http.server
import os
import pathlib
import socket
import sys
import time

with pathlib.Path(os.environ["STARTS"]).open("a", encoding="ascii") as starts:
    starts.write(f"{os.getpid()}\n")
time.sleep(float(os.environ.get("DELAY_S", "0")))


def _has_what_it_needs() -> bool:
    needs = int(os.environ.get("NEEDS", "0"))
    if not needs:
        return True
    try:
        socket.create_connection(("127.0.0.1", needs), timeout=0.5).close()
    except OSError as error:
        print(f"ERROR cannot reach port {needs}: {error.strerror}", file=sys.stderr, flush=True)
        return False
    return True


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if _has_what_it_needs() else 503)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True


Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
