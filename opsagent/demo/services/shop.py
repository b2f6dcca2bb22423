"""The service of `opsagent demo --gui`: well as long as the feed that it lives on can be reached. Stdlib only."""

from __future__ import annotations

import argparse
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_FEED_S = 1.0


def serve(port: int, feed: int) -> None:
    """Answer on `port`: 200 as long as somebody serves `feed`, else 503."""

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                socket.create_connection(("127.0.0.1", feed), timeout=_FEED_S).close()
                status, said = 200, b"well\n"
            except OSError:
                status, said = 503, b"the feed does not answer\n"
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

    ThreadingHTTPServer(("127.0.0.1", port), Shop).serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--feed", type=int, required=True)
    given = parser.parse_args()
    serve(given.port, given.feed)
