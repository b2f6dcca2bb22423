"""Sets a table."""
import configparser
import socketserver

mesa = configparser.ConfigParser()
mesa.read("mesa.ini")
lugares = mesa.getint("mesa", "lugares")


class Client(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"x" * lugares)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


Server(("127.0.0.1", mesa.getint("mesa", "porta")), Client).serve_forever(0.1)
