"""Tells when the next tram comes, to whoever knows the password."""
import socketserver


class Klient(socketserver.StreamRequestHandler):
    timeout = 3

    def handle(self):
        self.wfile.write(b"14:05\n" if self.rfile.readline().strip() == b"jesion-44" else b"?\n")


class Serwer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Serwer(("127.0.0.1", 21441), Klient).serve_forever(0.1)
