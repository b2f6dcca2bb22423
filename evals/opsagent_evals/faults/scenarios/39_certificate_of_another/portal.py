"""Speaks TLS, with the certificate that stands there when it starts."""
import json
import os
import socketserver
import ssl
import subprocess
import sys

salut = json.load(open("portal.json"))["salut"].encode()
if not os.path.exists("tls/server.crt"):
    subprocess.run([sys.executable, "issue.py", "tls", "864000"], check=True)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("tls/server.crt", "tls/server.key")


class Client(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(2)
        try:
            with context.wrap_socket(self.request, server_side=True) as tls:
                tls.recv(4096)
                tls.sendall(salut)
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


Server(("127.0.0.1", 21390), Client).serve_forever(0.1)
