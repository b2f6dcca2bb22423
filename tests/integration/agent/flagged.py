"""A service for tests: writes down its starts, makes the file MAKES when it starts, and serves only while WANTS is there.

Standard library only.
"""

import http.server
import os
import pathlib

with pathlib.Path(os.environ["STARTS"]).open("a", encoding="ascii") as starts:
    starts.write(f"{os.getpid()}\n")
if os.environ.get("MAKES"):
    pathlib.Path(os.environ["MAKES"]).touch()
WANTS = os.environ.get("WANTS", "")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if not WANTS or pathlib.Path(WANTS).exists() else 503)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True


Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
