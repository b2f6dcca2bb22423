"""Asks the portal over TLS for whoever comes, and verifies whom it talks to."""
import socket
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Guichet(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            context = ssl.create_default_context(cafile="tls/root.crt")
            with socket.create_connection(("127.0.0.1", 21390), 1) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as tls:
                    tls.sendall(b"?")
                    code, text = 200, tls.recv(100)
        except OSError:
            sys.stderr.write("niveau=erreur quoi=\"le portail n'inspire pas confiance\"\n")
            code, text = 500, b"ferme"
        self.send_response(code)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", 21391), Guichet).serve_forever()
