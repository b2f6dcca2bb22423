"""The shop window asks the till what is to be shown."""

import http.server
import urllib.request


class Fenster(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/bereit":
            status, text = 200, b"ja\n"
        else:
            try:
                with urllib.request.urlopen("http://127.0.0.1:21620/preis", timeout=0.6) as antwort:
                    status, text = 200, antwort.read()
            except OSError:
                status, text = 503, b"Kasse antwortet nicht\n"
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", 21621), Fenster).serve_forever()
